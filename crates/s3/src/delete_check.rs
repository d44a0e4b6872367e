//! The body of DeleteObjects, where grants cover some keys of the bucket and not others.
//!
//! The keys stand in the body, so it is held, read and judged before the origin gets any of it, and goes on as it came. One key
//! that may not be deleted refuses all of them: to leave it out would change what the client signed, and to forward the rest
//! would need an answer that is put together of two.

mod list;

use std::fmt;

use crate::grants::Decision;
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
    /// The body is not the document that S3 has for this, or could be read in two ways.
    Malformed(&'static str),
    /// The body is longer than [`MAX_DELETE_BODY`].
    TooLarge,
}

impl DeleteCheck {
    /// For a request that [`authorize`](crate::authorize()) left to this.
    pub fn new(grants: &Grants, access: &Access<'_>) -> Self {
        let bucket = Address::of(access.path).decoded_bucket().collect();
        Self { body: Vec::new(), bucket, client: access.client(), grants: grants.clone() }
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

    /// Judges every key, now that all of the body is here.
    ///
    /// # Errors
    ///
    /// [`DeleteFault`] for the first key at fault, or a body that is none.
    pub fn finish(&mut self) -> Result<(), DeleteFault> {
        let body = std::mem::take(&mut self.body);
        for key in list::keys(&body).map_err(DeleteFault::Malformed)? {
            // A parser may drop blanks around a text; which ones are blanks, they have not agreed upon.
            for reading in [key.as_str(), key.trim_ascii(), key.trim()] {
                let decision = self.grants.judge(
                    Operation::DeleteObjects.into(),
                    self.bucket.iter().copied(),
                    reading.bytes(),
                    self.client,
                );
                let by = match decision {
                    // The whole bucket is what a key of nothing but blanks may become.
                    Decision::Allowed { .. } if !reading.is_empty() => continue,
                    Decision::Denied { by } => Some(by),
                    _ => None,
                };
                return Err(DeleteFault::Denied { by, key: key.as_bytes().to_vec() });
            }
        }
        Ok(())
    }
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
            DeleteFault::Malformed(_) => Self::new(ErrorCode::MalformedXML),
            DeleteFault::TooLarge => Self::new(ErrorCode::MaxMessageLengthExceeded),
        }
    }
}

#[cfg(test)]
mod tests;
