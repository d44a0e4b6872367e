//! What becomes of each header on its way to the origin, decided by its name.

use crate::header::known::KnownHeader;
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

/// Decides by name.
pub(crate) fn disposition(name: &[u8]) -> Disposition {
    disposition_of(KnownHeader::of(name), name)
}

/// The same of a header that was told by its name before.
#[inline]
pub(crate) fn disposition_of(known: Option<KnownHeader>, name: &[u8]) -> Disposition {
    use Disposition::{Connection, Drop, Forward, Sign};
    match known {
        Some(
            KnownHeader::Authorization
            | KnownHeader::ContentSha256
            | KnownHeader::Date
            | KnownHeader::Host
            | KnownHeader::NeverSent
            | KnownHeader::SecurityToken
            | KnownHeader::XAmzDate,
        ) => Drop,
        Some(KnownHeader::Connection) => Connection,
        Some(
            KnownHeader::ContentEncoding
            | KnownHeader::ContentLength
            | KnownHeader::ContentMd5
            | KnownHeader::ContentType
            | KnownHeader::CopySource
            | KnownHeader::DecodedLength
            | KnownHeader::RenameSource
            | KnownHeader::Trailer,
        ) => Sign,
        Some(KnownHeader::TransferEncoding) => Forward,
        // All beginnings that there are rules for have one of two first letters.
        None if matches!(name.first(), Some(b'x' | b'X' | b'p' | b'P')) => of_unknown(name),
        None => Forward,
    }
}

/// The same for headers that have a rule by the beginning of their names, or none.
fn of_unknown(name: &[u8]) -> Disposition {
    use Disposition::{Drop, Sign};
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
