//! Names of buckets and beginnings of keys, as grants have them.

use std::fmt;

/// A bucket's name, or the beginning of names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct BucketPattern {
    name: Vec<u8>,
    /// Whether names may go on.
    open: bool,
}

impl BucketPattern {
    /// None for what is empty, or has a slash, a `*` that is not its last character, or nothing but dots.
    pub(super) fn new(text: &str) -> Option<Self> {
        let (name, open) = text.strip_suffix('*').map_or((text, false), |name| (name, true));
        let only_dots = !name.is_empty() && name.bytes().all(|byte| byte == b'.');
        if name.contains(['*', '/']) || only_dots || (name.is_empty() && !open) {
            return None;
        }
        Some(Self { name: name.into(), open })
    }

    /// The name, where it is that of one bucket.
    pub(super) fn exact(&self) -> Option<&[u8]> {
        (!self.open).then_some(&self.name)
    }

    pub(super) fn matches(&self, bucket: impl Iterator<Item = u8>) -> bool {
        starts_with(bucket, &self.name).is_some_and(|mut rest| self.open || rest.next().is_none())
    }
}

impl fmt::Display for BucketPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.name.escape_ascii(), if self.open { "*" } else { "" })
    }
}

/// The beginning of keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct KeyPrefix {
    exact: Vec<u8>,
    /// Without empty segments.
    loose: Vec<u8>,
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", String::from_utf8_lossy(&self.exact).escape_debug())
    }
}

impl KeyPrefix {
    pub(super) fn new(prefix: &[u8]) -> Self {
        let loose = without_empty_segments(prefix.iter().copied()).collect();
        Self { exact: prefix.to_vec(), loose }
    }

    /// Whether it is that of all keys.
    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty()
    }

    /// Whether the key begins with it, byte for byte.
    pub(super) fn begins(&self, key: impl Iterator<Item = u8>) -> bool {
        starts_with(key, &self.exact).is_some()
    }

    /// Whether an origin may hold the key for one that begins with it: several drop a slash in front and doubled ones, and then
    /// `//private/k` is `private/k`. To deny too much there harms nobody.
    pub(super) fn begins_loosely(&self, key: impl Iterator<Item = u8>) -> bool {
        starts_with(without_empty_segments(key), &self.loose).is_some()
    }

    /// Whether keys that begin with `listed` may begin with this, too.
    pub(super) fn overlaps(&self, listed: impl Iterator<Item = u8>) -> bool {
        let mut own = self.loose.iter();
        let mut listed = without_empty_segments(listed);
        loop {
            match (own.next(), listed.next()) {
                (Some(own), Some(listed)) if *own == listed => {}
                (Some(_), Some(_)) => return false,
                // One is the beginning of the other.
                _ => return true,
            }
        }
    }
}

/// What follows `prefix`, if `bytes` begin with it.
fn starts_with<I: Iterator<Item = u8>>(mut bytes: I, prefix: &[u8]) -> Option<I> {
    prefix.iter().all(|&byte| bytes.next() == Some(byte)).then_some(bytes)
}

/// The key without slashes in front or behind another slash.
fn without_empty_segments(key: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
    let mut after_slash = true;
    key.filter(move |&byte| {
        let is_slash = byte == b'/';
        let drop = is_slash && after_slash;
        after_slash = is_slash;
        !drop
    })
}

/// Whether one of the segments between slashes is `.` or `..`.
pub(crate) fn has_dot_segment(bytes: impl Iterator<Item = u8>) -> bool {
    // The length of the current segment, none if it has anything but dots.
    let mut dots = Some(0_usize);
    for byte in bytes {
        match byte {
            b'/' if matches!(dots, Some(1 | 2)) => return true,
            b'/' => dots = Some(0),
            b'.' => dots = dots.map(|count| count.saturating_add(1)),
            _ => dots = None,
        }
    }
    matches!(dots, Some(1 | 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> KeyPrefix {
        KeyPrefix::new(text.as_bytes())
    }

    #[test]
    fn empty_segments() {
        for key in ["private/k", "/private/k", "//private//k", "private//k"] {
            assert!(prefix("private/").begins_loosely(key.bytes()), "{key}");
            assert!(prefix("//private//").begins_loosely(key.bytes()), "{key}");
        }
        assert!(!prefix("private/").begins_loosely("public/private/k".bytes()));
        assert!(!prefix("private/").begins_loosely("private".bytes()));
        assert!(!prefix("private/").begins("/private/k".bytes()));
    }

    #[test]
    fn lists_that_would_show_it() {
        for listed in ["", "p", "private", "private/", "private/a", "/", "//private"] {
            assert!(prefix("private/").overlaps(listed.bytes()), "{listed}");
        }
        for listed in ["public", "private-", "q", "public//private/"] {
            assert!(!prefix("private/").overlaps(listed.bytes()), "{listed}");
        }
        assert!(prefix("").overlaps("anything".bytes()));
    }
}
