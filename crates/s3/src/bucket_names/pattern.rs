//! A name with a `*` in it.

use super::BucketName;

/// What stands before the `*`, and behind it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct NamePattern {
    front: Box<[u8]>,
    back: Box<[u8]>,
}

impl NamePattern {
    /// None if there is no `*`.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let (front, back) = text.split_once('*')?;
        Some(Self { front: front.as_bytes().into(), back: back.as_bytes().into() })
    }

    /// What the `*` stands for in a name that matches; it may be nothing.
    pub(crate) fn star<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        name.strip_prefix(&*self.front)?.strip_suffix(&*self.back)
    }

    /// The name in which the `*` stands for that.
    pub(crate) fn with(&self, star: &[u8]) -> BucketName {
        let pieces = [&*self.front, star, &*self.back];
        pieces.into_iter().flatten().copied().collect()
    }

    /// Whether some name matches both: where neither begins or ends as the other cannot, a long one does.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let fronts = self.front.starts_with(&other.front) || other.front.starts_with(&self.front);
        let backs = self.back.ends_with(&other.back) || other.back.ends_with(&self.back);
        fronts && backs
    }

    /// Whether each name that matches this one matches the other.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.front.starts_with(&other.front) && self.back.ends_with(&other.back)
    }
}
