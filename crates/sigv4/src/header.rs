//! Header names of the protocol, lower case, each written once.

pub(crate) use request_head::trim;

use octets::{Text, Token};

/// Credentials in the header: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.
pub const AUTHORIZATION: &str = "authorization";
/// Hop-by-hop options of one connection.
pub const CONNECTION: &str = "connection";
/// Holds the token `aws-chunked` when the body is framed.
pub const CONTENT_ENCODING: &str = "content-encoding";
/// Length of the body as it is on the wire.
pub const CONTENT_LENGTH: &str = "content-length";
/// Base64 of the body's MD5.
pub const CONTENT_MD5: &str = "content-md5";
/// Media type of the object.
pub const CONTENT_TYPE: &str = "content-type";
/// The request's date where `x-amz-date` is absent.
pub const DATE: &str = "date";
/// Authority that the request is for.
pub const HOST: &str = "host";
/// Transfer coding of the connection.
pub const TRANSFER_ENCODING: &str = "transfer-encoding";
/// Hash of the payload, or a keyword that says how the payload is signed.
pub const X_AMZ_CONTENT_SHA256: &str = "x-amz-content-sha256";
/// Object to copy from.
pub const X_AMZ_COPY_SOURCE: &str = "x-amz-copy-source";
/// The request's date, `yyyyMMddTHHmmssZ`.
pub const X_AMZ_DATE: &str = "x-amz-date";
/// Length of the object inside aws-chunked framing.
pub const X_AMZ_DECODED_CONTENT_LENGTH: &str = "x-amz-decoded-content-length";
/// One-time password of a deletion.
pub const X_AMZ_MFA: &str = "x-amz-mfa";
/// Regions of a SigV4A signature.
pub const X_AMZ_REGION_SET: &str = "x-amz-region-set";
/// Object to rename from, in directory buckets.
pub const X_AMZ_RENAME_SOURCE: &str = "x-amz-rename-source";
/// Session token of a directory bucket.
pub const X_AMZ_S3SESSION_TOKEN: &str = "x-amz-s3session-token";
/// Checksum that an SDK has calculated, in a header or a trailer of the same request.
pub const X_AMZ_SDK_CHECKSUM_ALGORITHM: &str = "x-amz-sdk-checksum-algorithm";
/// Session token of temporary credentials.
pub const X_AMZ_SECURITY_TOKEN: &str = "x-amz-security-token";
/// Name of the trailer that follows the chunks.
pub const X_AMZ_TRAILER: &str = "x-amz-trailer";

/// Whether a header name as received, in any case, is `lower`, which is lower case.
pub(crate) fn is(name: &[u8], lower: &str) -> bool {
    octets::is_but_for_case(name, lower.as_bytes())
}

/// Whether a header belongs to `x-amz-*`, all of which steer what S3 does.
///
/// `_` counts as `-`: servers behind CGI-like interfaces cannot tell the two apart, so an unsigned `x_amz_acl` would be
/// obeyed by some.
pub(crate) fn is_amz(name: &[u8]) -> bool {
    match name {
        [b'x' | b'X', b'-' | b'_', amz @ ..] => match amz {
            [a, m, z, b'-' | b'_', ..] => [*a, *m, *z].eq_ignore_ascii_case(b"amz"),
            _ => false,
        },
        _ => false,
    }
}

/// Whether a request whose signature does not cover this header must be refused (C3).
///
/// AWS refuses unsigned `host`, `content-md5` and `x-amz-*`. `x-amz-content-sha256` alone is exempt: it is the last line
/// of the canonical request anyway.
pub(crate) fn must_be_signed(name: &[u8]) -> bool {
    (is_amz(name) && !is(name, X_AMZ_CONTENT_SHA256)) || is(name, HOST) || is(name, CONTENT_MD5)
}

/// Whether `name` is a token of RFC 9110, which a header name has to be.
pub(crate) fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && octets::all::<Token>(name)
}

/// Whether `value` has a control byte other than the tab: a parser behind us could see a line's end there.
pub(crate) fn has_control(value: &[u8]) -> bool {
    !octets::all::<Text>(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_by_prefix() {
        for name in ["Host", "content-md5", "X-Amz-Acl", "x-amz-date", "x_amz_acl", "X-AMZ_meta-a"]
        {
            assert!(must_be_signed(name.as_bytes()), "{name}");
        }
        for name in ["x-amzn-trace-id", "x-am", "x-amz", "X-Amz-Content-Sha256", "content-type", ""]
        {
            assert!(!must_be_signed(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn control_bytes() {
        assert!(!has_control(b"a\tb \xff"));
        for bad in [b"a\0b", b"a\nb", b"a\rb", b"a\x7fb", b"a\x1fb"] {
            assert!(has_control(bad));
        }
    }
}
