//! What becomes of each header on its way to the origin, decided by its name.

use crate::header::{self, order_of_vendor};

/// What becomes of a header of the client, or of one that the server added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disposition {
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
pub(crate) fn disposition(name: &[u8]) -> Disposition {
    use Disposition::{Connection, Drop, Sign};
    let known: &[(&str, Disposition)] = match name.len() {
        2 => &[("te", Drop)],
        4 => &[(header::HOST, Drop), (header::DATE, Drop)],
        6 => &[("cookie", Drop), ("expect", Drop)],
        7 => &[("trailer", Drop), ("upgrade", Drop)],
        10 => &[(header::X_AMZ_DATE, Drop), (header::CONNECTION, Connection), ("keep-alive", Drop)],
        11 => &[(header::CONTENT_MD5, Sign)],
        12 => &[(header::CONTENT_TYPE, Sign)],
        13 => &[(header::AUTHORIZATION, Drop), ("x-http-method", Drop)],
        // With `_` they are nobody's framing here, but might be at a server behind a CGI-like interface.
        14 | 17 if name.contains(&b'_') && !header::is(name, header::X_AMZ_COPY_SOURCE) => &[
            (header::CONTENT_LENGTH, Drop),
            (header::TRANSFER_ENCODING, Drop),
            ("x-method-override", Drop),
        ],
        14 => &[(header::CONTENT_LENGTH, Sign)],
        16 => &[(header::CONTENT_ENCODING, Sign), (header::X_AMZ_REGION_SET, Drop)],
        17 => &[("x-method-override", Drop)],
        20 => &[(header::X_AMZ_CONTENT_SHA256, Drop), (header::X_AMZ_SECURITY_TOKEN, Drop)],
        21 => &[(header::X_AMZ_S3SESSION_TOKEN, Drop)],
        22 => &[("x-http-method-override", Drop)],
        _ => &[],
    };
    if let Some((_, disposition)) = known.iter().find(|(own, _)| header::is(name, own)) {
        return *disposition;
    }
    if let Some(order) = order_of_vendor(name) {
        // Other vendors' authentication gives way to ours as Amazon's does.
        let authenticates = AUTHENTICATION.iter().any(|own| header::is(order, own));
        if authenticates { Drop } else { Sign }
    } else if name.get(..6).is_some_and(|front| header::is(front, "proxy-")) {
        Drop
    } else {
        Disposition::Forward
    }
}

/// What follows a vendor's prefix in headers that belong to a signature.
const AUTHENTICATION: [&str; 3] = ["content-sha256", "date", "security-token"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispositions() {
        let check = |names: &[&str], expected: Disposition| {
            for name in names {
                assert_eq!(disposition(name.as_bytes()), expected, "{name}");
                assert_eq!(disposition(name.to_ascii_uppercase().as_bytes()), expected, "{name}");
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
                "x_method_override",
                "content_length",
                "transfer_encoding",
                "x-obs-date",
                "x-oss-security-token",
                "x_goog_content_sha256",
            ],
            Disposition::Drop,
        );
        check(
            &[
                "x-amz-acl",
                "x-amz-meta-a",
                "x-amz-trailer",
                "x_amz_acl",
                "x_amz_copy_source",
                "x-goog-acl",
                "x-oss-object-acl",
                "x-obs-meta-date",
                "x-cos-acl",
                "x-bce-acl",
                "x-minio-source-mtime",
                "x_rgw_quota",
                "content-type",
                "content_type",
                "content-md5",
                "content-encoding",
                "content-length",
            ],
            Disposition::Sign,
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
            Disposition::Forward,
        );
        check(&["connection"], Disposition::Connection);
    }
}
