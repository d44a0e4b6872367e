//! What each bucket is called at an origin.
//!
//! Clients and an origin may know one bucket by two names. The map between them is one-to-one, so that no two names of the
//! clients' are one bucket, and each bucket of an origin's has at most one name to give in an answer.

pub(crate) mod host_label;
pub(crate) mod pattern;

use std::collections::BTreeMap;
use std::fmt;

use smallvec::SmallVec;

use self::pattern::NamePattern;

/// A bucket's name, decoded. S3's have up to 63 bytes and so need no memory of their own.
pub type BucketName = SmallVec<[u8; 64]>;

/// The names of an origin's buckets, as clients say them and as the origin does.
///
/// Exact names come before patterns, and take both of their names out of every pattern: with `media` for `eu-media`, and `*` for
/// `*`, a client's `eu-media` is no bucket at all. Among patterns the narrower one comes first. A map without a line changes
/// nothing.
///
/// ```
/// let mut names = s3::BucketNames::default();
/// names.insert("media", "acme-media-eu").unwrap();
/// names.insert("*", "eu-*").unwrap();
/// assert_eq!(names.to_origin(b"media").as_deref(), Some(&b"acme-media-eu"[..]));
/// assert_eq!(names.to_origin(b"logs").as_deref(), Some(&b"eu-logs"[..]));
/// assert_eq!(names.to_client(b"eu-logs").as_deref(), Some(&b"logs"[..]));
/// assert_eq!(names.to_client(b"logs"), None);
/// ```
#[derive(Clone, Debug, Default)]
pub struct BucketNames {
    by_client: BTreeMap<Box<[u8]>, Box<[u8]>>,
    by_origin: BTreeMap<Box<[u8]>, Box<[u8]>>,
    patterns: Vec<Renaming>,
}

/// A pattern of the clients' and the origin's for the same buckets.
#[derive(Clone, Debug)]
struct Renaming {
    client: NamePattern,
    origin: NamePattern,
}

/// Why a line cannot be one of [`BucketNames`].
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum BucketNameError {
    /// Another line has that client's name, or a pattern that means some of the same ones and is no narrower.
    ClientClash(String),
    /// Another line has that name of the origin's, or a pattern that means some of the same ones.
    OriginClash(String),
    /// Not letters, digits, `.`, `-` and `_`, with at most one `*`.
    Invalid(String),
    /// One of the two has a `*`, and the other has none.
    Unlike,
}

impl fmt::Display for BucketNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientClash(name) => write!(f, "another line has the clients' name \"{name}\""),
            Self::OriginClash(name) => write!(f, "another line has the origin's name \"{name}\""),
            Self::Invalid(name) => write!(
                f,
                "\"{name}\" is not letters, digits, \".\", \"-\" and \"_\", with at most one \"*\""
            ),
            Self::Unlike => f.write_str("both names or neither must have a \"*\""),
        }
    }
}

impl std::error::Error for BucketNameError {}

impl BucketNames {
    /// Adds a line: two names, or two patterns, whose `*` stands for the same text in both.
    ///
    /// # Errors
    ///
    /// [`BucketNameError`] for what is not one-to-one, or no name.
    pub fn insert(&mut self, client: &str, origin: &str) -> Result<(), BucketNameError> {
        for name in [client, origin] {
            if !is_writable(name) {
                return Err(BucketNameError::Invalid(name.escape_default().to_string()));
            }
        }
        let client_clash = || BucketNameError::ClientClash(client.to_owned());
        let origin_clash = || BucketNameError::OriginClash(origin.to_owned());
        match (NamePattern::new(client), NamePattern::new(origin)) {
            (None, None) => {
                let (client, origin) = (client.as_bytes(), origin.as_bytes());
                if self.by_client.contains_key(client) {
                    return Err(client_clash());
                }
                if self.by_origin.contains_key(origin) {
                    return Err(origin_clash());
                }
                self.by_client.insert(client.into(), origin.into());
                self.by_origin.insert(origin.into(), client.into());
            }
            (Some(client), Some(origin)) => {
                if self.patterns.iter().any(|other| other.origin.overlaps(&origin)) {
                    return Err(origin_clash());
                }
                let is_unclear = |other: &Renaming| {
                    let other = &other.client;
                    other.overlaps(&client) && other.is_within(&client) == client.is_within(other)
                };
                if self.patterns.iter().any(is_unclear) {
                    return Err(client_clash());
                }
                // Before every one that it is within, so that the first that matches is the narrowest.
                let wider = |other: &Renaming| client.is_within(&other.client);
                let place = self.patterns.iter().position(wider).unwrap_or(self.patterns.len());
                self.patterns.insert(place, Renaming { client, origin });
            }
            _ => return Err(BucketNameError::Unlike),
        }
        Ok(())
    }

    /// Whether there is no line: then both sides say the same names.
    pub fn is_empty(&self) -> bool {
        self.by_client.is_empty() && self.patterns.is_empty()
    }

    /// What the origin calls the bucket that clients call so; both decoded. None where clients have no such bucket there.
    pub fn to_origin(&self, client: &[u8]) -> Option<BucketName> {
        let origin = self.to_origin_unchecked(client)?;
        // A pattern would give a name that is another bucket's.
        (self.is_empty() || self.to_client_unchecked(&origin)?.as_slice() == client)
            .then_some(origin)
    }

    /// What clients call the origin's bucket; both decoded. None where they have no name for it.
    pub fn to_client(&self, origin: &[u8]) -> Option<BucketName> {
        let client = self.to_client_unchecked(origin)?;
        (self.is_empty() || self.to_origin_unchecked(&client)?.as_slice() == origin)
            .then_some(client)
    }

    /// The clients' and the origin's names of the lines without a `*`, by the clients'.
    pub fn exact(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.by_client.iter().map(|(client, origin)| (&**client, &**origin))
    }

    /// Whether buckets may have names that no line spells out.
    pub fn has_patterns(&self) -> bool {
        !self.patterns.is_empty()
    }

    fn to_origin_unchecked(&self, client: &[u8]) -> Option<BucketName> {
        self.look_up(client, &self.by_client, |renaming| (&renaming.client, &renaming.origin))
    }

    /// No two of the origin's patterns match one name.
    fn to_client_unchecked(&self, origin: &[u8]) -> Option<BucketName> {
        self.look_up(origin, &self.by_origin, |renaming| (&renaming.origin, &renaming.client))
    }

    /// The other side's name, by the lines without a `*` or else by the first pattern that matches; `sides` gives the side that
    /// `name` is of, and the other.
    fn look_up(
        &self,
        name: &[u8],
        exact: &BTreeMap<Box<[u8]>, Box<[u8]>>,
        sides: impl Fn(&Renaming) -> (&NamePattern, &NamePattern),
    ) -> Option<BucketName> {
        if self.is_empty() {
            return Some(name.into());
        }
        if let Some(other) = exact.get(name) {
            return Some((**other).into());
        }
        let (other, star) = self.patterns.iter().find_map(|renaming| {
            let (own, other) = sides(renaming);
            own.star(name).map(|star| (other, star))
        })?;
        renamed(other, star)
    }
}

/// The name that a pattern gives. What stands for a `*` is a stranger's, so that it may not be what is no name: a segment
/// that means a directory, or one that would end a Host header.
fn renamed(pattern: &NamePattern, star: &[u8]) -> Option<BucketName> {
    let name = pattern.with(star);
    is_name(&name).then_some(name)
}

/// Whether a name may stand in a line.
fn is_writable(name: &str) -> bool {
    match name.split_once('*') {
        None => is_name(name.as_bytes()),
        Some((front, back)) => front.bytes().chain(back.bytes()).all(is_plain),
    }
}

fn is_name(name: &[u8]) -> bool {
    name.iter().all(|byte| is_plain(*byte)) && name.iter().any(|byte| *byte != b'.')
}

/// The characters of bucket names; upper case and `_` are of those that Amazon no longer gives.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_')
}

#[cfg(test)]
mod tests;
