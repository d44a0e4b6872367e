//! The object that `x-amz-copy-source` or `x-amz-rename-source` names.
//!
//! The header is decoded by each origin in its own way: `+` is a blank to some, a slash in front is or is not part
//! of the name. Where a value can be read in several ways, all of them are given, and all must be allowed.

use percent_encoding::percent_decode;

use crate::address::{cut, decode_with_blanks};

/// Bucket and key of a source, decoded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Source {
    pub(crate) bucket: Vec<u8>,
    pub(crate) key: Vec<u8>,
}

/// The readings of an `x-amz-copy-source`: `[/]bucket/key[?versionId=…]`, percent-encoded.
///
/// None if it is anything else. An ARN is something else: it names an access point, and which bucket is behind that
/// only the origin knows.
pub(crate) fn copy_source(value: &[u8]) -> Option<Vec<Source>> {
    readings(value).map(|text| bucket_and_key(&text)).collect()
}

/// The readings of an `x-amz-rename-source` in a request to `bucket`.
///
/// Amazon's renames stay within a bucket and name the key; others take `bucket/key`, as for copies.
pub(crate) fn rename_source(value: &[u8], bucket: &[u8]) -> Option<Vec<Source>> {
    let mut sources = Vec::new();
    for text in readings(value) {
        let key = text.strip_prefix(b"/").unwrap_or(&text);
        if key.contains(&b'/') {
            sources.push(bucket_and_key(key)?);
        }
        sources.push(Source {
            bucket: bucket.to_vec(),
            key: Some(key).filter(|key| !key.is_empty())?.to_vec(),
        });
    }
    Some(sources)
}

/// The value decoded once, without its version; twice if a `+` may or may not be a blank.
fn readings(value: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let (value, _) = cut(value, b'?');
    let blanks = value.contains(&b'+').then(|| decode_with_blanks(value));
    [Some(percent_decode(value).collect()), blanks].into_iter().flatten()
}

/// Splits `[/]bucket/key`, both not empty. No bucket's name has a colon, but every ARN does.
fn bucket_and_key(text: &[u8]) -> Option<Source> {
    let text = text.strip_prefix(b"/").unwrap_or(text);
    let slash = text.iter().position(|&byte| byte == b'/')?;
    let (bucket, key) = (text.get(..slash)?, text.get(slash.checked_add(1)?..)?);
    if bucket.is_empty() || bucket.contains(&b':') || key.is_empty() {
        return None;
    }
    Some(Source { bucket: bucket.to_vec(), key: key.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Readings as `bucket key`, joined with `|`.
    fn shown(sources: Option<Vec<Source>>) -> String {
        let show = |source: &Source| {
            format!("{} {}", source.bucket.escape_ascii(), source.key.escape_ascii())
        };
        sources.map_or("-".into(), |sources| sources.iter().map(show).collect::<Vec<_>>().join("|"))
    }

    fn check(value: &str, expected: &str) {
        assert_eq!(shown(copy_source(value.as_bytes())), expected, "{value}");
    }

    fn check_rename(value: &str, expected: &str) {
        assert_eq!(shown(rename_source(value.as_bytes(), b"own")), expected, "{value}");
    }

    #[test]
    fn copies() {
        check("media/a%20b", "media a b");
        check("/media/a%20b", "media a b");
        check("/media/a/b?versionId=x/y", "media a/b");
        check("/media/a%3FversionId=x", "media a?versionId=x");
        check("media%2Fa%2fb", "media a/b");
        check("%2Fmedia%2Fa", "media a");
        check("/media//a", "media /a");
        check("/media/a%2520b", "media a%20b");
        check("/media/a+b%2B", "media a+b+|media a b+");
        check("/media/%FF", r"media \xff");
    }

    #[test]
    fn not_a_copy_source() {
        for value in
            ["", "/", "media", "/media", "/media/", "//media/a", "/%2Fmedia/a", "?versionId=a"]
        {
            check(value, "-");
        }
        check("arn:aws:s3:us-east-1:1:accesspoint/a/object/b", "-");
        check("/arn%3Aaws%3As3:::a/b", "-");
    }

    #[test]
    fn renames() {
        check_rename("old", "own old");
        check_rename("/old", "own old");
        check_rename("2026/old", "2026 old|own 2026/old");
        check_rename("/own/old", "own old|own own/old");
        check_rename("a+b", "own a+b|own a b");
        check_rename("", "-");
        check_rename("//a", "-");
        check_rename("arn:aws:s3:::a/b", "-");
    }
}
