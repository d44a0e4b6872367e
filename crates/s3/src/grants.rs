//! What a client may do, where.
//!
//! A client either has no limits, which is the default, or a list of grants: a request is allowed if one of them
//! covers it. Keys are compared decoded, byte for byte, with no notion of directories. There is one exception to
//! that: segments `.` and `..`. To S3 they are names like any other, but an origin that keeps objects in files may
//! follow them out of the prefix, or out of the bucket, that was granted; so no grant covers them.

use percent_encoding::percent_decode;

use crate::{Operation, OperationKind};

/// A word of a grant's `allow` list.
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// [`OperationKind::Admin`].
    Admin,
    /// All of the others.
    All,
    /// [`OperationKind::Delete`].
    Delete,
    /// [`OperationKind::List`].
    List,
    /// [`OperationKind::Read`].
    Read,
    /// [`OperationKind::Write`].
    Write,
}

impl Verb {
    /// One bit for each kind of operation that can be granted.
    fn bits(self) -> u8 {
        match self {
            Self::Admin => 1,
            Self::All => 31,
            Self::Delete => 2,
            Self::List => 4,
            Self::Read => 8,
            Self::Write => 16,
        }
    }
}

/// One grant: some buckets, a prefix of their keys, and what is allowed there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grant {
    buckets: Vec<BucketPattern>,
    prefix: Vec<u8>,
    verbs: u8,
}

/// Why something is not a [`Grant`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GrantError {
    /// Empty, or with a slash, a `*` that is not its last character, or nothing but dots.
    Bucket,
    /// No bucket at all.
    NoBuckets,
    /// Nothing is allowed.
    NoVerbs,
}

impl Grant {
    /// Makes a grant of bucket names, or their beginnings followed by `*`; the prefix may be empty.
    ///
    /// ```
    /// use s3::{Grant, Verb};
    ///
    /// assert!(Grant::new(&["photos", "logs-*"], b"2026/", &[Verb::Read, Verb::List]).is_ok());
    /// assert!(Grant::new(&["a*b"], b"", &[Verb::Read]).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// [`GrantError`] for what would grant nothing or look like more than it is.
    pub fn new<S: AsRef<str>>(
        buckets: &[S],
        prefix: &[u8],
        verbs: &[Verb],
    ) -> Result<Self, GrantError> {
        if buckets.is_empty() {
            return Err(GrantError::NoBuckets);
        }
        if verbs.is_empty() {
            return Err(GrantError::NoVerbs);
        }
        let buckets = buckets
            .iter()
            .map(|name| BucketPattern::new(name.as_ref()))
            .collect::<Result<_, _>>()?;
        let verbs = verbs.iter().fold(0, |bits, verb| bits | verb.bits());
        Ok(Self { buckets, prefix: prefix.to_vec(), verbs })
    }

    fn covers(
        &self,
        kind: OperationKind,
        bucket: &(impl Iterator<Item = u8> + Clone),
        key: &(impl Iterator<Item = u8> + Clone),
    ) -> bool {
        let verb = match kind {
            OperationKind::Preflight => return true,
            OperationKind::Probe => return self.names(bucket),
            OperationKind::Unknown => {
                return self.verbs == Verb::All.bits()
                    && self.prefix.is_empty()
                    && self.names(bucket);
            }
            OperationKind::Admin => Verb::Admin,
            OperationKind::Delete => Verb::Delete,
            OperationKind::List => Verb::List,
            OperationKind::Read => Verb::Read,
            OperationKind::Write => Verb::Write,
        };
        self.verbs & verb.bits() != 0
            && self.names(bucket)
            && starts_with(key.clone(), &self.prefix).is_some()
    }

    fn names(&self, bucket: &(impl Iterator<Item = u8> + Clone)) -> bool {
        self.buckets.iter().any(|pattern| pattern.matches(bucket.clone()))
    }
}

/// What a client may do: anything, or what its grants cover.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Grants {
    grants: Option<Vec<Grant>>,
}

impl Grants {
    /// Anything anywhere, as far as the origin allows.
    pub fn unrestricted() -> Self {
        Self { grants: None }
    }

    /// What the grants cover together, nothing if there are none.
    pub fn limited(grants: Vec<Grant>) -> Self {
        Self { grants: Some(grants) }
    }

    /// Whether there are no limits.
    pub fn is_unrestricted(&self) -> bool {
        self.grants.is_none()
    }

    /// Whether nothing is allowed anywhere.
    pub fn is_empty(&self) -> bool {
        self.grants.as_ref().is_some_and(Vec::is_empty)
    }

    /// Whether one grant covers the operation on this bucket and key, both percent-encoded.
    ///
    /// For an operation on a whole bucket the key is empty, which only a grant without prefix covers. For one that
    /// lists, the key is the request's `prefix` parameter: what begins with it may then be told. For
    /// [`Operation::ListBuckets`] both are empty, which only the bucket pattern `*` covers; others see those that it
    /// [`shows`](Self::shows).
    ///
    /// This does not look at the source of a copy; [`authorize`](crate::authorize()) looks at everything.
    pub fn allows(&self, operation: Operation, bucket: &[u8], key: &[u8]) -> bool {
        self.covers(operation.kind(), percent_decode(bucket), percent_decode(key))
    }

    /// Whether a list of buckets shows this one, by its decoded name: some grant is for it, as for
    /// [`Probe`](OperationKind::Probe).
    pub fn shows(&self, bucket: &[u8]) -> bool {
        self.covers(OperationKind::Probe, bucket.iter().copied(), std::iter::empty())
    }

    pub(crate) fn covers(
        &self,
        kind: OperationKind,
        bucket: impl Iterator<Item = u8> + Clone,
        key: impl Iterator<Item = u8> + Clone,
    ) -> bool {
        let Some(grants) = &self.grants else { return true };
        if has_dot_segment(bucket.clone()) || has_dot_segment(key.clone()) {
            return false;
        }
        kind == OperationKind::Preflight
            || grants.iter().any(|grant| grant.covers(kind, &bucket, &key))
    }
}

/// A bucket's name, or the beginning of names.
#[derive(Clone, Debug, Eq, PartialEq)]
struct BucketPattern {
    name: Vec<u8>,
    /// Whether names may go on.
    open: bool,
}

impl BucketPattern {
    fn new(text: &str) -> Result<Self, GrantError> {
        let (name, open) = text.strip_suffix('*').map_or((text, false), |name| (name, true));
        let only_dots = !name.is_empty() && name.bytes().all(|byte| byte == b'.');
        if name.contains(['*', '/']) || only_dots || (name.is_empty() && !open) {
            return Err(GrantError::Bucket);
        }
        Ok(Self { name: name.into(), open })
    }

    fn matches(&self, bucket: impl Iterator<Item = u8>) -> bool {
        starts_with(bucket, &self.name).is_some_and(|mut rest| self.open || rest.next().is_none())
    }
}

/// What follows `prefix`, if `bytes` begin with it.
fn starts_with<I: Iterator<Item = u8>>(mut bytes: I, prefix: &[u8]) -> Option<I> {
    prefix.iter().all(|&byte| bytes.next() == Some(byte)).then_some(bytes)
}

/// Whether one of the segments between slashes is `.` or `..`.
fn has_dot_segment(bytes: impl Iterator<Item = u8>) -> bool {
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

    fn photos() -> Grants {
        Grants::limited(vec![
            Grant::new(&["photos"], b"2026/", &[Verb::Read, Verb::List]).unwrap(),
            Grant::new(&["logs-*"], b"", &[Verb::Write]).unwrap(),
            Grant::new(&["own"], b"", &[Verb::All]).unwrap(),
        ])
    }

    fn check(operation: Operation, bucket: &str, key: &str, expected: bool) {
        let allowed = photos().allows(operation, bucket.as_bytes(), key.as_bytes());
        assert_eq!(allowed, expected, "{operation} {bucket} {key}");
    }

    #[test]
    fn prefixes_are_compared_decoded() {
        check(Operation::GetObject, "photos", "2026/a", true);
        check(Operation::GetObject, "photos", "2026/", true);
        check(Operation::GetObject, "photos", "2026", false);
        check(Operation::GetObject, "photos", "2026%2Fa", true);
        check(Operation::GetObject, "photos", "%32026/a", true);
        check(Operation::GetObject, "photos", "/2026/a", false);
        check(Operation::GetObject, "photos", "2026%252Fa", false);
        check(Operation::GetObject, "ph%6Ftos", "2026/a", true);
    }

    #[test]
    fn buckets() {
        check(Operation::GetObject, "photos2", "2026/a", false);
        check(Operation::GetObject, "photo", "2026/a", false);
        check(Operation::PutObject, "logs-", "a", true);
        check(Operation::PutObject, "logs-1", "a", true);
        check(Operation::PutObject, "logs", "a", false);
        check(Operation::PutObject, "", "a", false);
    }

    #[test]
    fn verbs() {
        check(Operation::PutObject, "photos", "2026/a", false);
        check(Operation::DeleteObject, "photos", "2026/a", false);
        check(Operation::GetObject, "logs-1", "a", false);
        check(Operation::GetBucketPolicy, "photos", "", false);
        check(Operation::GetBucketPolicy, "own", "", true);
        check(Operation::Unknown, "own", "a", true);
        check(Operation::Unknown, "logs-1", "a", false);
        check(Operation::HeadBucket, "photos", "", true);
        check(Operation::HeadBucket, "other", "", false);
        check(Operation::Preflight, "other", "a", true);
    }

    #[test]
    fn whole_buckets_need_grants_without_prefix() {
        check(Operation::ListObjects, "photos", "2026/0", true);
        check(Operation::ListObjects, "photos", "2025/", false);
        check(Operation::ListObjects, "photos", "", false);
        check(Operation::ListObjects, "own", "", true);
        check(Operation::DeleteObjects, "own", "", true);
        check(Operation::ListBuckets, "", "", false);
        let all =
            |prefix| Grants::limited(vec![Grant::new(&["*"], prefix, &[Verb::List]).unwrap()]);
        assert!(all(b"").allows(Operation::ListBuckets, b"", b""));
        assert!(!all(b"a").allows(Operation::ListBuckets, b"", b""));
    }

    #[test]
    fn buckets_that_are_shown() {
        for name in ["photos", "logs-", "logs-1", "own"] {
            assert!(photos().shows(name.as_bytes()), "{name}");
        }
        for name in ["photos2", "logs", "", "."] {
            assert!(!photos().shows(name.as_bytes()), "{name}");
        }
        assert!(Grants::unrestricted().shows(b"any"));
        assert!(!Grants::limited(Vec::new()).shows(b"any"));
    }

    #[test]
    fn dot_segments_are_covered_by_no_grant() {
        for key in
            ["2026/../2025/a", "2026/..", "2026/./a", "2026/%2E%2E/a", "2026%2F..%2Fa", "2026/a/.."]
        {
            check(Operation::GetObject, "photos", key, false);
        }
        for key in ["2026/..a", "2026/.git/a", "2026/...", "2026/a..", "2026//a"] {
            check(Operation::GetObject, "photos", key, true);
        }
        check(Operation::GetObject, "own", "../photos/a", false);
        let all = Grants::limited(vec![Grant::new(&["*"], b"", &[Verb::All]).unwrap()]);
        assert!(!all.allows(Operation::GetObject, b"..", b"a"));
        assert!(Grants::unrestricted().allows(Operation::GetObject, b"..", b"../a"));
    }

    #[test]
    fn no_grants_allow_nothing() {
        assert!(!Grants::limited(Vec::new()).allows(Operation::GetObject, b"a", b"b"));
        assert!(Grants::unrestricted().allows(Operation::DeleteBucket, b"a", b""));
    }

    #[test]
    fn odd_grants_are_refused() {
        let check = |bucket: &str| {
            assert_eq!(
                Grant::new(&[bucket], b"", &[Verb::All]),
                Err(GrantError::Bucket),
                "{bucket}"
            )
        };
        ["", "a*b", "**", "*a", "a/b", ".", "..*"].into_iter().for_each(check);
        assert_eq!(Grant::new(&["a"], b"", &[]), Err(GrantError::NoVerbs));
        assert_eq!(Grant::new::<&str>(&[], b"", &[Verb::All]), Err(GrantError::NoBuckets));
    }
}
