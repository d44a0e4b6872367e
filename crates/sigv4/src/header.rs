//! Header names of the protocol, lower case, each written once.

pub(crate) mod known;

use std::cmp::Ordering;

use crate::bytes::{self, Text, Token};
pub(crate) use crate::request_head::trim;

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
/// Id that CloudFront gives each request that it passes on, unsigned.
pub const X_AMZ_CF_ID: &str = "x-amz-cf-id";
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
///
/// `_` counts as `-`, here and wherever names are compared for what they mean: servers behind CGI-like interfaces cannot tell
/// the two apart, so `x_amz_copy_source` would be obeyed by some. What is signed is compared to the letter.
#[inline(always)]
pub fn is(name: &[u8], lower: &str) -> bool {
    // Most names are told apart by their length, without a call.
    bytes::eq_folded(name, lower.as_bytes())
}

/// Whether two header names mean one header.
pub(crate) fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && folded(a).eq(folded(b))
}

/// Orders names by the header that they mean.
pub(crate) fn order(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = without_common_words(a, b);
    folded(a).cmp(folded(b))
}

/// The texts from the first eight bytes on in which they differ: thousands of hostile names begin alike.
pub(crate) fn without_common_words<'a>(mut a: &'a [u8], mut b: &'a [u8]) -> (&'a [u8], &'a [u8]) {
    while let (Some((word, after)), Some((other, behind))) =
        (a.split_first_chunk::<8>(), b.split_first_chunk::<8>())
    {
        if word != other {
            break;
        }
        (a, b) = (after, behind);
    }
    (a, b)
}

/// A name in the one spelling that all of its spellings have in common.
pub(crate) fn folded(name: &[u8]) -> impl Iterator<Item = u8> + '_ {
    name.iter().map(|&byte| bytes::fold(byte))
}

/// The vendors whose servers speak S3 and take orders in headers of their own besides.
const VENDORS: [&[u8]; 8] = [b"amz", b"goog", b"oss", b"obs", b"cos", b"bce", b"minio", b"rgw"];

/// What follows the prefix `x-amz-` or that of another vendor; such headers steer what an origin does.
#[inline]
pub(crate) fn order_of_vendor(name: &[u8]) -> Option<&[u8]> {
    let [b'x' | b'X', b'-' | b'_', rest @ ..] = name else { return None };
    match rest {
        [b'a' | b'A', b'm' | b'M', b'z' | b'Z', b'-' | b'_', order @ ..] => Some(order),
        _ => order_of_other_vendor(rest),
    }
}

/// The same for what follows `x-`, from vendors that are seldom met.
fn order_of_other_vendor(rest: &[u8]) -> Option<&[u8]> {
    let end = rest.iter().take(6).position(|byte| matches!(byte, b'-' | b'_'))?;
    let (vendor, order) = rest.split_at_checked(end)?;
    let is_known = VENDORS.iter().any(|known| bytes::eq_ignore_ascii_case(vendor, known));
    if is_known { order.get(1..) } else { None }
}

/// Whether a header belongs to `x-amz-*` or to the like of another vendor.
pub(crate) fn is_order(name: &[u8]) -> bool {
    order_of_vendor(name).is_some()
}

/// Whether a header belongs to `x-amz-*`, all of which steer what S3 does.
pub(crate) fn is_amz(name: &[u8]) -> bool {
    name.get(2..5).is_some_and(|vendor| vendor.eq_ignore_ascii_case(b"amz")) && is_order(name)
}

/// Whether a request whose signature does not cover this header must be refused (C3).
///
/// AWS refuses unsigned `host`, `content-md5` and `x-amz-*`; what other vendors' servers obey is as dangerous.
/// `x-amz-content-sha256` alone is exempt: it is the last line of the canonical request anyway.
pub(crate) fn must_be_signed(name: &[u8]) -> bool {
    (is_order(name) && !is(name, X_AMZ_CONTENT_SHA256)) || is(name, HOST) || is(name, CONTENT_MD5)
}

/// Whether a query parameter of this name is signed like any other and then left aside, as S3 does with what is said about a
/// checksum: `x-amz-checksum-*` and `x-amz-sdk-checksum-algorithm` (4).
///
/// SDKs presign a body that they do not have: what AWS's for JavaScript puts there is the CRC-32 of no bytes, which an origin
/// that found it in a header would hold against the object.
pub(crate) fn is_left_aside(name: &[u8]) -> bool {
    let checksum = b"x-amz-checksum-";
    let is_checksum = name.get(..checksum.len()).is_some_and(|start| is_same(start, checksum));
    is_checksum || is(name, X_AMZ_SDK_CHECKSUM_ALGORITHM)
}

/// Whether `name` is a token of RFC 9110, which a header name has to be.
pub(crate) fn is_token(name: &[u8]) -> bool {
    !name.is_empty() && bytes::all::<Token>(name)
}

/// Whether `value` has a control byte other than the tab: a parser behind us could see a line's end there.
pub(crate) fn has_control(value: &[u8]) -> bool {
    !bytes::all::<Text>(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_of_the_whole_name() {
        let names = [
            "x-amz-meta-a",
            "X_Amz-Meta-B",
            "x-amz-meta-b0",
            "x-amz-meta-long-1",
            "x-amz-meta_long-2",
        ];
        for (number, a) in names.iter().enumerate() {
            for (other, b) in names.iter().enumerate() {
                assert_eq!(order(a.as_bytes(), b.as_bytes()), number.cmp(&other), "{a} {b}");
            }
        }
        assert_eq!(order(b"X-AMZ-META-A", b"x_amz_meta_a"), Ordering::Equal);
    }

    #[test]
    fn coverage_is_by_prefix() {
        for name in [
            "Host",
            "content-md5",
            "X-Amz-Acl",
            "x-amz-date",
            "x_amz_acl",
            "X-AMZ_meta-a",
            "Content_MD5",
        ] {
            assert!(must_be_signed(name.as_bytes()), "{name}");
        }
        for name in ["x-amzn-trace-id", "x-am", "x-amz", "X-Amz-Content-Sha256", "content-type", ""]
        {
            assert!(!must_be_signed(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn coverage_of_other_vendors() {
        for vendor in ["goog", "oss", "obs", "cos", "bce", "minio", "rgw"] {
            for name in [format!("x-{vendor}-acl"), format!("X_{}_Meta-a", vendor.to_uppercase())] {
                assert!(must_be_signed(name.as_bytes()), "{name}");
                assert!(!is_amz(name.as_bytes()), "{name}");
            }
            assert!(!must_be_signed(format!("x-{vendor}").as_bytes()));
            assert!(!must_be_signed(format!("x-{vendor}x-acl").as_bytes()));
        }
    }

    #[test]
    fn underscores_are_dashes() {
        assert!(is(b"X_Amz-Copy_source", X_AMZ_COPY_SOURCE) && is(b"Content_MD5", CONTENT_MD5));
        assert!(!is(b"x_amz_copy_sourc_", X_AMZ_COPY_SOURCE) && !is(b"x.amz.date", X_AMZ_DATE));
        assert!(is_same(b"X_a", b"x-A") && !is_same(b"x-a", b"x-ab"));
        assert_eq!(order(b"x_b", b"X-a"), Ordering::Greater);
    }

    #[test]
    fn control_bytes() {
        assert!(!has_control(b"a\tb \xff"));
        for bad in [b"a\0b", b"a\nb", b"a\rb", b"a\x7fb", b"a\x1fb"] {
            assert!(has_control(bad));
        }
    }
}
