//! Instants as people read them.

use sigv4::{MONTHS, Timestamp};

/// Seconds since 1970 as RFC 3339 writes them; empty outside of the years that it knows.
pub(crate) fn rfc3339(unix: i64) -> String {
    Timestamp::from_unix(unix).map(|time| time.iso8601()).unwrap_or_default()
}

/// The same as access logs write it, in UTC: `06/Feb/2019:00:00:38 +0000`; `-` outside of those years.
pub(crate) fn log_time(unix: i64) -> String {
    let text = rfc3339(unix);
    let parts = text.get(..4).zip(text.get(8..10)).zip(text.get(11..19));
    let month = text.get(5..7).and_then(|month| month.parse().ok());
    let month = month.and_then(|month: usize| MONTHS.get(month.checked_sub(1)?));
    match parts.zip(month) {
        Some((((year, day), time), month)) => format!("{day}/{month}/{year}:{time} +0000"),
        None => "-".into(),
    }
}
