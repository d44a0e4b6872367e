//! What becomes of each header on its way to the origin, decided by its name.

use crate::header::{self, is_amz};

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
    use Fate::{Connection, Drop, Sign};
    let known: &[(&str, Fate)] = match name.len() {
        2 => &[("te", Drop)],
        4 => &[(header::HOST, Drop), (header::DATE, Drop)],
        6 => &[("cookie", Drop), ("expect", Drop)],
        7 => &[("trailer", Drop), ("upgrade", Drop)],
        10 => &[(header::X_AMZ_DATE, Drop), (header::CONNECTION, Connection), ("keep-alive", Drop)],
        11 => &[(header::CONTENT_MD5, Sign)],
        12 => &[(header::CONTENT_TYPE, Sign)],
        13 => &[(header::AUTHORIZATION, Drop), ("x-http-method", Drop)],
        14 => &[(header::CONTENT_LENGTH, Sign)],
        16 => &[(header::CONTENT_ENCODING, Sign), (header::X_AMZ_REGION_SET, Drop)],
        17 => &[("x-method-override", Drop)],
        20 => &[(header::X_AMZ_CONTENT_SHA256, Drop), (header::X_AMZ_SECURITY_TOKEN, Drop)],
        21 => &[(header::X_AMZ_S3SESSION_TOKEN, Drop)],
        22 => &[("x-http-method-override", Drop)],
        _ => &[],
    };
    let find = |is: &dyn Fn(&str) -> bool| known.iter().find(|(own, _)| is(own));
    if let Some((_, fate)) = find(&|own| header::is(name, own)) {
        return *fate;
    }
    // `_` is `-`, as it is for origins behind CGI-like interfaces.
    if !known.is_empty() && name.contains(&b'_') {
        let dashes = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
        if let Some((_, fate)) = find(&|own| name.iter().map(dashes).eq(own.bytes())) {
            return *fate;
        }
    }
    if is_amz(name) {
        Sign
    } else if name.get(..6).is_some_and(|front| front.eq_ignore_ascii_case(b"proxy-")) {
        Drop
    } else {
        Fate::Forward
    }
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
