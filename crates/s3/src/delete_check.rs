//! The body of DeleteObjects, where grants cover some keys of the bucket and not others, or where the client has a root.
//!
//! The keys stand in the body, so it is held, read and judged before the origin gets any of it, and goes on as it came. One key
//! that may not be deleted refuses all of them: to leave it out would change what the client signed, and to forward the rest
//! would need an answer that is put together of two. Of a client with a root another body goes on, with the root in front of each key
//! and nothing else changed.

mod digests;
mod list;

use std::fmt;

use md5::{Digest, Md5};

use self::digests::StatedDigests;
use self::list::NamedKey;
use crate::grants::{Decision, has_dot_segment};
use crate::{Access, Address, ClientAddress, ErrorCode, Grants, Operation, S3Error};

/// Longest body in bytes: Amazon's limit for requests of this kind (a thousand keys of 1024 bytes, in XML). It is all that one
/// request makes the proxy hold.
pub const MAX_DELETE_BODY: usize = 2 * 1024 * 1024;

/// Holds the body of a DeleteObjects until all of its keys can be judged.
pub struct DeleteCheck {
    body: Vec<u8>,
    /// Decoded.
    bucket: Vec<u8>,
    client: Option<ClientAddress>,
    grants: Grants,
    /// What is to be compared here, since no origin can.
    stated: StatedDigests,
}

/// The body of a DeleteObjects with its client's root in front of each key.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RootedDelete {
    /// The document.
    pub body: Vec<u8>,
    /// Its MD5: S3 wants a checksum with each document of this kind, and this is the one that every server knows.
    pub md5: [u8; 16],
}

/// Why a DeleteObjects is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DeleteFault {
    /// A key may not be deleted.
    Denied {
        /// The grant that denies it, by its place in the client's list; none where no grant covers it.
        by: Option<usize>,
        /// The key.
        key: Vec<u8>,
    },
    /// The body is not what this header says.
    Digest(&'static str),
    /// The body is not the document that S3 has for this, or could be read in two ways.
    Malformed(&'static str),
    /// The body is longer than [`MAX_DELETE_BODY`], as it came or with the root in it.
    TooLarge,
}

impl DeleteCheck {
    /// For a request that [`authorize`](crate::authorize()) left to this.
    pub fn new(grants: &Grants, access: &Access<'_>) -> Self {
        let bucket = Address::of(access.path).decoded_bucket().collect();
        let stated = StatedDigests::default();
        Self { body: Vec::new(), bucket, client: access.client(), grants: grants.clone(), stated }
    }

    /// With the request's headers, names and values. Where another body goes on, what they say of the one that came is compared with
    /// it here; else the origin does that.
    pub fn with_headers<'a>(mut self, headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Self {
        if self.replaces_body() {
            self.stated = StatedDigests::of(headers);
        }
        self
    }

    /// Takes the next bytes of the body, without the framing that it may come in.
    ///
    /// # Errors
    ///
    /// [`DeleteFault::TooLarge`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), DeleteFault> {
        if self.body.len().saturating_add(bytes.len()) > MAX_DELETE_BODY {
            self.body = Vec::new();
            return Err(DeleteFault::TooLarge);
        }
        self.body.extend_from_slice(bytes);
        Ok(())
    }

    /// Whether another body goes on, and nothing of the one that came.
    pub fn replaces_body(&self) -> bool {
        self.grants.root().is_some()
    }

    /// Judges every key, now that all of the body is here, and makes the body that goes on in its place, if another does.
    ///
    /// # Errors
    ///
    /// [`DeleteFault`] for the first key at fault, or a body that is none.
    pub fn finish(&mut self) -> Result<Option<RootedDelete>, DeleteFault> {
        let body = std::mem::take(&mut self.body);
        self.stated.check(&body).map_err(DeleteFault::Digest)?;
        let keys = list::keys(&body).map_err(DeleteFault::Malformed)?;
        keys.iter().try_for_each(|key| self.judge(&key.text))?;
        let Some(root) = self.grants.root() else { return Ok(None) };
        let body = with_root(&body, &keys, root.as_bytes())?;
        let md5 = Md5::digest(&body).into();
        Ok(Some(RootedDelete { body, md5 }))
    }

    fn judge(&self, key: &str) -> Result<(), DeleteFault> {
        // A parser may drop blanks around a text; which ones are blanks, they have not agreed upon.
        for reading in [key, key.trim_ascii(), key.trim()] {
            let decision = self.grants.judge(
                Operation::DeleteObjects.into(),
                self.bucket.iter().copied(),
                reading.bytes(),
                self.client,
            );
            let leaves_root = self.replaces_body() && has_dot_segment(reading.bytes());
            let by = match decision {
                // The whole bucket is what a key of nothing but blanks may become.
                Decision::Allowed { .. } if !reading.is_empty() && !leaves_root => continue,
                Decision::Denied { by } => Some(by),
                _ => None,
            };
            return Err(DeleteFault::Denied { by, key: key.as_bytes().to_vec() });
        }
        Ok(())
    }
}

/// The document with the root, which XML escapes nothing of, in front of each key.
fn with_root(body: &[u8], keys: &[NamedKey], root: &[u8]) -> Result<Vec<u8>, DeleteFault> {
    let length = root.len().saturating_mul(keys.len()).saturating_add(body.len());
    if length > MAX_DELETE_BODY {
        return Err(DeleteFault::TooLarge);
    }
    let mut out = Vec::with_capacity(length);
    let mut from = 0;
    for key in keys {
        out.extend_from_slice(body.get(from..key.at).unwrap_or_default());
        out.extend_from_slice(root);
        from = key.at;
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
    Ok(out)
}

impl fmt::Display for DeleteFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied { by: Some(by), key } => {
                write!(f, "grants[{by}] denies to delete \"{}\"", key.escape_ascii())
            }
            Self::Denied { by: None, key } => {
                write!(f, "grants do not cover to delete \"{}\"", key.escape_ascii())
            }
            Self::Digest(name) => write!(f, "the list of keys to delete is not what {name} says"),
            Self::Malformed(reason) => {
                write!(f, "the list of keys to delete is malformed: {reason}")
            }
            Self::TooLarge => f.write_str("the list of keys to delete is too large"),
        }
    }
}

impl std::error::Error for DeleteFault {}

impl From<&DeleteFault> for S3Error {
    fn from(fault: &DeleteFault) -> Self {
        match fault {
            DeleteFault::Denied { key, .. } => Self::access_denied()
                .with_message("Access Denied. One of the keys may not be deleted, so none was.")
                .with_member("Key", key),
            DeleteFault::Digest(_) => Self::new(ErrorCode::BadDigest),
            DeleteFault::Malformed(_) => Self::new(ErrorCode::MalformedXML),
            DeleteFault::TooLarge => Self::new(ErrorCode::MaxMessageLengthExceeded),
        }
    }
}

#[cfg(test)]
mod tests;
