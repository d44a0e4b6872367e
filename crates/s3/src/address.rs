//! Bucket and key of a request path.

use memchr::memchr;
use percent_encoding::percent_decode;

/// Bucket and key as they stand in a canonical path: percent-encoded, path-style.
///
/// Both are empty for the service itself (`/`), the key alone for a bucket (`/bucket` and `/bucket/`). A key is
/// opaque: it may begin with a slash, hold empty segments, or segments that look like directories.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Address<'a> {
    /// What stands before the second slash.
    pub bucket: &'a [u8],
    /// What stands behind it.
    pub key: &'a [u8],
}

impl<'a> Address<'a> {
    /// Splits the canonical path of a request, as [`sigv4::TargetBuffers::path`] gives it.
    ///
    /// ```
    /// let address = s3::Address::of(b"/media/a%20b//c");
    /// assert_eq!((address.bucket, address.key), (&b"media"[..], &b"a%20b//c"[..]));
    /// ```
    pub fn of(path: &'a [u8]) -> Self {
        split(path.strip_prefix(b"/").unwrap_or(path))
    }

    /// Whether this is `/`, which only lists buckets. A path like `//x` is not: its bucket has no name.
    pub fn is_service(&self) -> bool {
        self.bucket.is_empty() && self.key.is_empty()
    }

    /// Whether the path names a bucket and nothing in it.
    pub fn is_bucket(&self) -> bool {
        !self.bucket.is_empty() && self.key.is_empty()
    }

    /// The bucket's bytes, decoded.
    pub fn decoded_bucket(&self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        percent_decode(self.bucket)
    }

    /// The key's bytes, decoded.
    pub fn decoded_key(&self) -> impl Iterator<Item = u8> + Clone + use<'a> {
        percent_decode(self.key)
    }
}

/// Splits `bucket[/key]`.
fn split(text: &[u8]) -> Address<'_> {
    let (bucket, key) = cut(text, b'/');
    Address { bucket, key: key.strip_prefix(b"/").unwrap_or(key) }
}

/// What stands in front of the first `separator`, and the rest with it.
pub(crate) fn cut(text: &[u8], separator: u8) -> (&[u8], &[u8]) {
    let end = memchr(separator, text).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, b""))
}

/// A text decoded in which `+` stands for a blank, as in a form (WHATWG URL, application/x-www-form-urlencoded).
pub(crate) fn decode_with_blanks(text: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = text.iter().map(|&byte| if byte == b'+' { b' ' } else { byte }).collect();
    percent_decode(&text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, bucket: &str, key: &str) {
        let address = Address::of(path.as_bytes());
        assert_eq!(address, Address { bucket: bucket.as_bytes(), key: key.as_bytes() }, "{path}");
    }

    #[test]
    fn paths() {
        check("/", "", "");
        check("/b", "b", "");
        check("/b/", "b", "");
        check("/b/k", "b", "k");
        check("/b/k/", "b", "k/");
        check("/b//k", "b", "/k");
        check("/b/../c/k", "b", "../c/k");
        check("/b/k%2Fl?", "b", "k%2Fl?");
        check("//k", "", "k");
        check("", "", "");
    }

    #[test]
    fn kinds() {
        assert!(Address::of(b"/").is_service() && !Address::of(b"/").is_bucket());
        assert!(Address::of(b"/b/").is_bucket() && !Address::of(b"/b/").is_service());
        assert!(!Address::of(b"/b/k").is_bucket());
        assert!(!Address::of(b"//").is_bucket() && Address::of(b"//").is_service());
        assert!(!Address::of(b"//k").is_bucket() && !Address::of(b"//k").is_service());
    }

    #[test]
    fn decoded() {
        let address = Address::of(b"/b%41/k%20%FF");
        assert!(address.decoded_bucket().eq(*b"bA"));
        assert!(address.decoded_key().eq(*b"k \xff"));
    }
}
