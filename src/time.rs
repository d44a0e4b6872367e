//! Instants as people read them.

use sigv4::Timestamp;

/// Seconds since 1970 as RFC 3339 writes them; empty outside of the years that it knows.
pub(crate) fn rfc3339(unix: i64) -> String {
    Timestamp::from_unix(unix).map(|time| time.iso8601()).unwrap_or_default()
}
