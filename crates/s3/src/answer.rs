//! An origin's answers in the client's names.
//!
//! Some answers name a bucket, a key, a region or a place, and what an origin says there is true of the origin only: its host is
//! not the one that the client calls, its region not the one that clients sign for, its bucket may have another name, its id
//! of an upload does not say whose it is, and a client with limits is not to hear of every bucket. [`AnswerRewriter`] goes
//! through such a document while it streams and changes the values that [`ClientNames`] has other words for; everything else
//! stays as it came, byte for byte.
//!
//! [`rewritten`] says which answers these are. The others are not looked at.

mod expected;
mod field;
mod location;
mod rewriter;
mod scanner;
mod value;

use std::borrow::Cow;
use std::fmt;

pub use self::expected::{Changes, rewritten};
pub use self::location::{client_arn, client_path};
pub use self::rewriter::AnswerRewriter;

/// The client's words for what an origin names. What is not said otherwise is called the same by both.
pub trait ClientNames {
    /// The client's name of the origin's bucket; none where the client has no such bucket.
    fn bucket<'a>(&'a self, origin: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        Some(Cow::Borrowed(origin))
    }

    /// Whether the client's list of buckets shows this one, called by the client's name.
    fn shows(&self, _bucket: &[u8]) -> bool {
        true
    }

    /// Whether every bucket is shown; if not, an answer to ListBuckets that cannot be read is withheld.
    fn shows_all(&self) -> bool {
        true
    }

    /// What the client's keys begin with at the origin, of unreserved characters (RFC 3986, 2.3) and slashes.
    fn root(&self) -> &[u8] {
        b""
    }

    /// The client's id of a multipart upload.
    fn upload_id<'a>(&'a self, origin: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(origin)
    }

    /// The URL that the client used, without its query, percent-encoded.
    fn url(&self) -> &[u8];

    /// The host that the client used, with a port if it named one.
    fn host(&self) -> &[u8];

    /// The region that clients sign for; none where any will do.
    fn region(&self) -> Option<&[u8]> {
        None
    }
}

/// Why an answer cannot go on. What went out before stays without an end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AnswerError {
    /// It ends in the middle.
    Incomplete,
    /// It is no well-formed XML, or no document of S3 where only one may pass.
    Malformed,
    /// It names a key that is not below the client's root.
    OutsideRoot,
    /// A tag, a value or a bucket's element is longer than any of S3's, or elements are nested deeper.
    TooLarge,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "it is not complete",
            Self::Malformed => "it is not S3's XML",
            Self::OutsideRoot => "it names a key outside of the client's root",
            Self::TooLarge => "a part of it is larger than any of S3's",
        })
    }
}

impl std::error::Error for AnswerError {}

#[cfg(test)]
mod tests;
