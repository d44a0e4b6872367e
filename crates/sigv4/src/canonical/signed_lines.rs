//! Which headers of a request a list of signed names means.

use crate::Header;
use crate::bytes;
use crate::canonical::signed_headers::{FEW, KEPT, SignedHeaders};

/// The header of each signed name, where each has one: found once, for the question what is covered, and for the canonical
/// request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignedLines {
    places: [u8; KEPT],
    /// The numbers of these headers, as bits.
    covered: u64,
}

impl SignedLines {
    /// None where a name has no header or several, or where there are more of either than nearly all requests have.
    pub(crate) fn of(list: &SignedHeaders<'_>, headers: &[Header<'_>]) -> Option<Self> {
        if headers.len() > FEW {
            return None;
        }
        let mut lines = Self { places: [0; KEPT], covered: 0 };
        let mut places = lines.places.iter_mut();
        for name in list.names() {
            let place = places.next()?;
            let mut found = None;
            for (number, header) in (0u8..).zip(headers) {
                if bytes::eq_ignore_ascii_case(header.name, name) && found.replace(number).is_some()
                {
                    return None;
                }
            }
            *place = found?;
            lines.covered |= bit(usize::from(*place));
        }
        Some(lines)
    }

    /// The numbers of the headers, in the order of the names.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> + '_ {
        self.places.iter().map(|place| usize::from(*place))
    }

    /// Whether all headers with these numbers, as [`bit`]s, are among them.
    pub(crate) fn cover(&self, numbers: u64) -> bool {
        numbers & !self.covered == 0
    }
}

/// A number of a header as a bit; none for a number that has no place there.
#[inline]
pub(crate) fn bit(number: usize) -> u64 {
    u32::try_from(number).ok().and_then(|number| 1u64.checked_shl(number)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(name: &str) -> Header<'_> {
        Header { name: name.as_bytes(), value: b"" }
    }

    #[test]
    fn each_name_has_one_header() {
        let list = SignedHeaders::parse(b"host;range;x-amz-date").unwrap();
        let headers = ["X-Amz-Date", "other", "Host", "RANGE"].map(header);
        let lines = SignedLines::of(&list, &headers).unwrap();
        assert!(lines.places().take(3).eq([2, 3, 0]));
        assert!(lines.cover(0b1101) && lines.cover(0b0001) && !lines.cover(0b0010));
        assert!(SignedLines::of(&list, &headers[1..]).is_none());
        let twice = ["host", "range", "x-amz-date", "Range"].map(header);
        assert!(SignedLines::of(&list, &twice).is_none());
        // To the letter: what is signed is no other spelling.
        assert!(SignedLines::of(&list, &["host", "range", "x_amz_date"].map(header)).is_none());
    }

    #[test]
    fn only_of_few() {
        let names: Vec<_> = (10..10 + FEW + 1).map(|number| number.to_string()).collect();
        let headers: Vec<_> = names.iter().map(|name| header(name)).collect();
        let list = names[..KEPT].join(";");
        let list = SignedHeaders::parse(list.as_bytes()).unwrap();
        let lines = SignedLines::of(&list, &headers[..FEW]).unwrap();
        assert!(lines.places().eq(0..KEPT) && lines.cover(0xffff) && !lines.cover(0x1_0000));
        assert!(SignedLines::of(&list, &headers).is_none());
        let list = names[..KEPT + 1].join(";");
        let list = SignedHeaders::parse(list.as_bytes()).unwrap();
        assert!(SignedLines::of(&list, &headers[..FEW]).is_none());
        assert_eq!((bit(0), bit(63), bit(64)), (1, 1 << 63, 0));
    }
}
