//! Buckets in host names.

use super::BucketName;

/// The bucket that stands in a Host header, in lower case, since a host name is the same in any case. None where it cannot be
/// one.
///
/// ```
/// assert_eq!(s3::bucket_in_host(b"Media.2026").as_deref(), Some(&b"media.2026"[..]));
/// assert_eq!(s3::bucket_in_host(b"media_2026"), None);
/// ```
pub fn bucket_in_host(front: &[u8]) -> Option<BucketName> {
    let name: BucketName = front.iter().map(u8::to_ascii_lowercase).collect();
    can_be_in_host(&name).then_some(name)
}

/// Whether a bucket of that name can stand in a host name, and be told there from every other. Upper case and `_` cannot: S3
/// serves such buckets in path style only.
pub(crate) fn can_be_in_host(name: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    name.split(|byte| *byte == b'.').all(|label| !label.is_empty() && label.iter().all(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (front, expected) in
            [("b", "b"), ("a.b-1", "a.b-1"), ("ABC", "abc"), ("1.2.3.4", "1.2.3.4")]
        {
            let found = bucket_in_host(front.as_bytes());
            assert_eq!(found.as_deref(), Some(expected.as_bytes()), "{front}");
        }
        for front in
            ["", ".", "..", "a.", ".a", "a..b", "a_b", "a%b", "a b", "a/b", "\u{e4}", "a:1"]
        {
            assert_eq!(bucket_in_host(front.as_bytes()), None, "{front}");
        }
        assert!(!can_be_in_host(b"Media"));
    }
}
