//! What becomes of each header on its way to the origin, decided by its name.

use crate::header::{self, is_amz};
use crate::scan;

/// What becomes of a header of the client, or of one that the server added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The Connection header: looked into.
    Connection,
    /// Not sent: authentication that is replaced, the connection's own business, or a way to change the method.
    Drop,
    /// Sent, but not signed: others on the way may change it.
    Forward,
    /// Sent and signed.
    Sign,
}

/// Decides by name. The length comes first, so that most names are compared with one or none.
pub(crate) fn fate(name: &[u8]) -> Fate {
    if is_amz(name) {
        return if REPLACED.iter().any(|own| is_same(name, own)) { Fate::Drop } else { Fate::Sign };
    }
    let (fate, names): (Fate, &[&str]) = match name.len() {
        2 => (Fate::Drop, &["te"]),
        4 => (Fate::Drop, &[header::HOST, header::DATE]),
        6 => (Fate::Drop, &["cookie", "expect"]),
        7 => (Fate::Drop, &["trailer", "upgrade"]),
        10 if header::is(name, header::CONNECTION) => return Fate::Connection,
        10 => (Fate::Drop, &["keep-alive"]),
        11 => (Fate::Sign, &[header::CONTENT_MD5]),
        12 => (Fate::Sign, &[header::CONTENT_TYPE]),
        13 => (Fate::Drop, &[header::AUTHORIZATION, "x-http-method"]),
        14 => (Fate::Sign, &[header::CONTENT_LENGTH]),
        16 => (Fate::Sign, &[header::CONTENT_ENCODING]),
        17 => (Fate::Drop, &["x-method-override"]),
        22 => (Fate::Drop, &["x-http-method-override"]),
        _ => (Fate::Forward, &[]),
    };
    let is_proxy = || name.get(..6).is_some_and(|front| front.eq_ignore_ascii_case(b"proxy-"));
    if names.iter().any(|own| is_same(name, own)) {
        fate
    } else if is_proxy() {
        Fate::Drop
    } else {
        Fate::Forward
    }
}

/// `x-amz-*` headers of the client's that are never sent: ours take their place.
const REPLACED: [&str; 5] = [
    header::X_AMZ_CONTENT_SHA256,
    header::X_AMZ_DATE,
    header::X_AMZ_REGION_SET,
    header::X_AMZ_S3SESSION_TOKEN,
    header::X_AMZ_SECURITY_TOKEN,
];

/// As [`header::is`], but `_` is `-`, as it is for origins behind CGI-like interfaces.
fn is_same(name: &[u8], lower: &str) -> bool {
    let lower = lower.as_bytes();
    let dash = |b: &u8| if *b == b'_' { b'-' } else { b.to_ascii_lowercase() };
    // Nearly all names have no `_`, and need no look at each byte.
    name.len() == lower.len()
        && (scan::is_but_for_case(name, lower)
            || (name.contains(&b'_') && name.iter().map(dash).eq(lower.iter().copied())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fates() {
        let check = |names: &[&str], expected: Fate| {
            for name in names {
                assert_eq!(fate(name.as_bytes()), expected, "{name}");
                assert_eq!(fate(name.to_ascii_uppercase().as_bytes()), expected, "{name}");
            }
        };
        check(
            &[
                "authorization",
                "host",
                "date",
                "x-amz-date",
                "x_amz_date",
                "x-amz-content-sha256",
                "x-amz-security-token",
                "x-amz-s3session-token",
                "x-amz-region-set",
                "keep-alive",
                "proxy-authorization",
                "proxy-connection",
                "te",
                "trailer",
                "expect",
                "cookie",
                "upgrade",
                "x-http-method-override",
                "x_http_method_override",
                "x-method-override",
                "x-http-method",
            ],
            Fate::Drop,
        );
        check(
            &[
                "x-amz-acl",
                "x-amz-meta-a",
                "x-amz-trailer",
                "x_amz_acl",
                "content-type",
                "content-md5",
                "content-encoding",
                "content-length",
            ],
            Fate::Sign,
        );
        check(
            &[
                "user-agent",
                "range",
                "if-match",
                "accept-encoding",
                "x-forwarded-for",
                "x-amzn-trace-id",
                "transfer-encoding",
                "proxyfoo",
                "expires",
                "origin",
                "cache-control",
                "x",
            ],
            Fate::Forward,
        );
        check(&["connection"], Fate::Connection);
    }
}
