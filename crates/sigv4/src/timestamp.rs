//! The instant of a request, in the one textual form that Signature V4 knows.
//!
//! Nothing here reads a clock: time is an argument everywhere in this crate.

use std::fmt;

/// An instant, to the second, of the years 0001 to 9999, with its text `yyyyMMddTHHmmssZ`.
///
/// ```
/// let t = sigv4::Timestamp::from_unix(1_369_353_600).unwrap();
/// assert_eq!(t.as_bytes(), b"20130524T000000Z");
/// assert_eq!(sigv4::Timestamp::parse_iso_basic(b"20130524T000000Z"), Some(t));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    unix: i64,
    text: [u8; 16],
}

const DAY: i64 = 86_400;

impl Timestamp {
    /// From seconds since 1970; none outside the years 0001 to 9999.
    pub fn from_unix(unix: i64) -> Option<Self> {
        let (year, month, day) = civil_from_days(unix.div_euclid(DAY));
        let second = unix.rem_euclid(DAY);
        if !(1..=9999).contains(&year) {
            return None;
        }
        let ([y0, y1], [y2, y3]) = (two_digits(year.div_euclid(100)), two_digits(year));
        let ([mo0, mo1], [d0, d1]) = (two_digits(month), two_digits(day));
        let [h0, h1] = two_digits(second.div_euclid(3600));
        let [mi0, mi1] = two_digits(second.rem_euclid(3600).div_euclid(60));
        let [s0, s1] = two_digits(second.rem_euclid(60));
        let text = [y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, mi0, mi1, s0, s1, b'Z'];
        Some(Self { unix, text })
    }

    /// From `yyyyMMddTHHmmssZ`, the ISO 8601 basic form, and no other.
    pub fn parse_iso_basic(text: &[u8]) -> Option<Self> {
        let text: &[u8; 16] = text.try_into().ok()?;
        let [y0, y1, y2, y3, mo0, mo1, d0, d1, b'T', h0, h1, mi0, mi1, s0, s1, b'Z'] = *text else {
            return None;
        };
        let digits = [y0, y1, y2, y3, mo0, mo1, d0, d1, h0, h1, mi0, mi1, s0, s1];
        if !digits.iter().fold(true, |all, digit| all & digit.is_ascii_digit()) {
            return None;
        }
        let two = |high: u8, low: u8| {
            let value = |digit: u8| i64::from(digit.wrapping_sub(b'0'));
            value(high).wrapping_mul(10).wrapping_add(value(low))
        };
        let year = two(y0, y1).wrapping_mul(100).wrapping_add(two(y2, y3));
        let time = [two(h0, h1), two(mi0, mi1), two(s0, s1)];
        let unix = unix(year, two(mo0, mo1), two(d0, d1), time)?;
        Some(Self { unix, text: *text })
    }

    /// The same, in fewer steps for the day of `now`, of which nearly all requests are.
    pub(crate) fn parse_iso_basic_near(text: &[u8], now: Option<Self>) -> Option<Self> {
        match (now, <&[u8; 16]>::try_from(text)) {
            (Some(now), Ok(text)) => now.same_day(text).or_else(|| Self::parse_iso_basic(text)),
            _ => Self::parse_iso_basic(text),
        }
    }

    /// A time of this one's day; none for any other text.
    #[inline]
    fn same_day(&self, text: &[u8; 16]) -> Option<Self> {
        let (date, time) = (text.first_chunk::<8>()?, text.last_chunk::<8>()?);
        if date != self.date() {
            return None;
        }
        let unix = self.unix.wrapping_sub(self.unix.rem_euclid(DAY));
        Some(Self { unix: unix.wrapping_add(second_of_day(time)?), text: *text })
    }

    /// From the date of an HTTP header in one of the three forms of RFC 9110, 5.6.7: `Tue, 27 Mar 2007 19:36:42 GMT`, or with
    /// `+0000` for the zone; `Tuesday, 27-Mar-07 19:36:42 GMT`; `Tue Mar 27 19:36:42 2007`.
    ///
    /// The name of the day is not compared with the date. Years of two digits are those from 1970 to 2069.
    pub fn parse_http_date(text: &[u8]) -> Option<Self> {
        let mut words = text.split(|&b| b == b' ').filter(|word| !word.is_empty());
        let mut word = || words.next();
        let weekday = word()?;
        let (day, month, year, time, zone) = match weekday {
            [_, _, _, b','] => (word()?, word()?, word()?, word()?, word()?),
            [_, _, _] => {
                let (month, day, time) = (word()?, word()?, word()?);
                (day, month, word()?, time, b"GMT".as_slice())
            }
            [_, _, _, .., b','] => {
                let [d0, d1, b'-', month @ .., b'-', y0, y1] = word()? else { return None };
                (&[*d0, *d1][..], month, &[*y0, *y1][..], word()?, word()?)
            }
            _ => return None,
        };
        if !matches!(zone, b"GMT" | b"UTC" | b"+0000" | b"-0000") || words.next().is_some() {
            return None;
        }
        let month = MONTHS.iter().position(|name| name.as_bytes() == month)?;
        let year = match (number(year)?, year.len()) {
            (year, 4) => year,
            (year @ 0..=69, 2) if weekday.len() > 4 => year.checked_add(2000)?,
            (year, 2) if weekday.len() > 4 => year.checked_add(1900)?,
            _ => return None,
        };
        let [h0, h1, b':', mi0, mi1, b':', s0, s1] = *time else { return None };
        let time = [number(&[h0, h1])?, number(&[mi0, mi1])?, number(&[s0, s1])?];
        Self::from_unix(unix(year, i64::try_from(month).ok()?.checked_add(1)?, number(day)?, time)?)
    }

    /// Seconds since 1970.
    pub fn unix(&self) -> i64 {
        self.unix
    }

    /// `yyyyMMddTHHmmssZ`.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.text
    }

    /// `yyyyMMdd`, the date of a credential scope.
    pub fn date(&self) -> &[u8; 8] {
        self.text.first_chunk().unwrap_or(b"00000000")
    }

    /// `yyyy-MM-ddTHH:mm:ssZ`, as error documents show it.
    pub fn iso8601(&self) -> String {
        self.to_string()
    }

    /// This instant plus so many seconds; none outside the years that are known.
    pub fn checked_add(&self, seconds: i64) -> Option<Self> {
        Self::from_unix(self.unix.checked_add(seconds)?)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.text.iter().enumerate() {
            match i {
                4 | 6 => f.write_str("-")?,
                11 | 13 => f.write_str(":")?,
                _ => (),
            }
            write!(f, "{}", char::from(*byte))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

/// Whether `text` is a date `yyyyMMdd` of the calendar, as a credential scope begins with.
pub(crate) fn is_date(text: &[u8]) -> bool {
    let [y0, y1, y2, y3, m0, m1, d0, d1] = *text else { return false };
    let fields = (number(&[y0, y1, y2, y3]), number(&[m0, m1]), number(&[d0, d1]));
    let (Some(year), Some(month), Some(day)) = fields else { return false };
    unix(year, month, day, [0; 3]).is_some()
}

/// The months as dates of HTTP (RFC 9110, 5.6.7) and access logs have them.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The second of its day that `ThhmmssZ` is; none if that is no time.
#[inline]
fn second_of_day(text: &[u8; 8]) -> Option<i64> {
    let [b'T', h0, h1, mi0, mi1, s0, s1, b'Z'] = *text else { return None };
    let digit = |byte: u8| u32::from(byte.wrapping_sub(b'0'));
    let two = |high: u8, low: u8| digit(high).wrapping_mul(10).wrapping_add(digit(low));
    let is_digit = |byte: u8| digit(byte) < 10;
    let (hour, minute, second) = (two(h0, h1), two(mi0, mi1), two(s0, s1));
    let valid = (hour < 24)
        & (minute < 60)
        & (second < 60)
        & is_digit(h0)
        & is_digit(h1)
        & is_digit(mi0)
        & is_digit(mi1)
        & is_digit(s0)
        & is_digit(s1);
    let seconds = hour.wrapping_mul(3600).wrapping_add(minute.wrapping_mul(60));
    valid.then(|| i64::from(seconds.wrapping_add(second)))
}

/// A number of at most four decimal digits, nothing else.
fn number(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 4 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')))
    });
    Some(value)
}

/// The last two decimal digits.
fn two_digits(value: i64) -> [u8; 2] {
    // The remainder of a division by a hundred fits.
    let value = u8::try_from(value.rem_euclid(100)).unwrap_or(0);
    [b'0'.wrapping_add(value.div_euclid(10)), b'0'.wrapping_add(value.rem_euclid(10))]
}

fn unix(year: i64, month: i64, day: i64, [hour, minute, second]: [i64; 3]) -> Option<i64> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    let valid = (1..=9999).contains(&year)
        && (1..=length).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !valid {
        return None;
    }
    let days = days_from_civil(year, month, day)?;
    let seconds = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?;
    days.checked_mul(DAY)?.checked_add(seconds)?.checked_add(second)
}

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar.
///
/// Years begin in March here, so that the leap day is the last of its year; an era is 400 years of 146097 days.
fn days_from_civil(year: i64, month: i64, day: i64) -> Option<i64> {
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = month.checked_add(9)?.rem_euclid(12);
    let day_of_year =
        month_from_march.checked_mul(153)?.checked_add(2)?.div_euclid(5).checked_add(day)?;
    let day_of_era = year_of_era
        .checked_mul(365)?
        .checked_add(year_of_era.div_euclid(4))?
        .checked_sub(year_of_era.div_euclid(100))?
        .checked_add(day_of_year)?;
    era.checked_mul(146_097)?.checked_add(day_of_era)?.checked_sub(719_469)
}

/// The inverse of [`days_from_civil`]. Far outside the known years the sums saturate and give a year that is refused.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = day_of_era
        .saturating_sub(day_of_era.div_euclid(1460))
        .saturating_add(day_of_era.div_euclid(36_524))
        .saturating_sub(day_of_era.div_euclid(146_096))
        .div_euclid(365);
    let day_of_year = day_of_era.saturating_sub(
        year_of_era
            .saturating_mul(365)
            .saturating_add(year_of_era.div_euclid(4))
            .saturating_sub(year_of_era.div_euclid(100)),
    );
    let month_from_march = day_of_year.saturating_mul(5).saturating_add(2).div_euclid(153);
    let day = day_of_year
        .saturating_sub(month_from_march.saturating_mul(153).saturating_add(2).div_euclid(5))
        .saturating_add(1);
    let month = month_from_march.saturating_add(2).rem_euclid(12).saturating_add(1);
    let year = era.saturating_mul(400).saturating_add(year_of_era);
    (if month <= 2 { year.saturating_add(1) } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(text: &str) -> Option<i64> {
        Timestamp::parse_iso_basic(text.as_bytes()).map(|t| t.unix())
    }

    fn http(text: &str) -> Option<String> {
        Timestamp::parse_http_date(text.as_bytes()).map(|t| t.to_string())
    }

    #[test]
    fn every_day_survives_the_round_trip() {
        let first = iso("00010101T000000Z").unwrap();
        let last = iso("99991231T235959Z").unwrap();
        let mut previous = None;
        for unix in (first..=last).step_by(86_400) {
            let t = Timestamp::from_unix(unix).unwrap();
            assert_eq!(Timestamp::parse_iso_basic(t.as_bytes()), Some(t));
            assert!(previous < Some(t.text));
            previous = Some(t.text);
        }
        assert_eq!(Timestamp::from_unix(first - 1), None);
        assert_eq!(Timestamp::from_unix(last + 1), None);
        assert_eq!(Timestamp::from_unix(i64::MAX), None);
        assert_eq!(Timestamp::from_unix(i64::MIN), None);
    }

    #[test]
    fn near_is_the_same() {
        let now = Timestamp::parse_iso_basic(b"20240229T123456Z");
        let texts = [
            &b"20240229T000000Z"[..],
            b"20240229T235959Z",
            b"20240228T235959Z",
            b"20240229T12345Z",
        ];
        for text in texts {
            for at in 0..text.len() {
                for byte in 0..=255 {
                    let mut text = text.to_vec();
                    text[at] = byte;
                    let expected = Timestamp::parse_iso_basic(&text);
                    assert_eq!(Timestamp::parse_iso_basic_near(&text, now), expected, "{text:?}");
                    assert_eq!(Timestamp::parse_iso_basic_near(&text, None), expected);
                }
            }
        }
        // Each digit is one, also where the number would fit.
        assert_eq!(Timestamp::parse_iso_basic_near(b"20240229T1:0000Z", now), None);
        assert_eq!(Timestamp::parse_iso_basic_near(b"20240229T/:0000Z", now), None);
    }

    #[test]
    fn iso_basic_is_strict() {
        assert_eq!(iso("19700101T000000Z"), Some(0));
        assert_eq!(iso("20240229T235959Z"), Some(1_709_251_199));
        for bad in [
            "20230229T000000Z",
            "20130524T240000Z",
            "20130524T000060Z",
            "20130024T000000Z",
            "20130524t000000Z",
            "20130524T000000z",
            "20130524T000000",
            "20130524T0000000Z",
            "2013-05-24T00:00Z",
            "00000101T000000Z",
            "+0130524T000000Z",
            "",
        ] {
            assert_eq!(iso(bad), None, "{bad}");
        }
    }

    #[test]
    fn http_dates() {
        let expected = Some("2007-03-27T19:36:42Z".to_owned());
        assert_eq!(http("Tue, 27 Mar 2007 19:36:42 +0000"), expected);
        assert_eq!(http("Tue, 27 Mar 2007 19:36:42 GMT"), expected);
        assert_eq!(http("Tuesday, 27-Mar-07 19:36:42 GMT"), expected);
        assert_eq!(http("Tue Mar 27 19:36:42 2007"), expected);
        assert_eq!(http("Tue Mar  7 19:36:42 2007"), Some("2007-03-07T19:36:42Z".to_owned()));
        assert_eq!(http("Sunday, 06-Nov-94 08:49:37 GMT"), Some("1994-11-06T08:49:37Z".to_owned()));
        for bad in [
            "Tuesday, 27-Mar-2007 19:36:42 GMT",
            "Tuesday, 27-Mar-07 19:36:42",
            "Tue, 27-Mar-07 19:36:42 GMT",
            "Tue Mar 27 19:36:42 2007 GMT",
            "Tue Mar 27 19:36:42 07",
            "Tuesday 27 Mar 2007 19:36:42 GMT",
            "Tue, 27 Mar 2007 19:36:42",
            "Tue 27 Mar 2007 19:36:42 GMT",
            "Tue, 31 Feb 2007 19:36:42 GMT",
            "Tue, 27 Mar 2007 19:36:42 +0100",
            "Tue, 27 mar 2007 19:36:42 GMT",
            "Tue, 27 Mar 07 19:36:42 GMT",
            "Tue, 27 Mar 2007 19:36:42 GMT x",
            "",
        ] {
            assert_eq!(http(bad), None, "{bad}");
        }
    }
}
