//! Why a request is refused.

use std::fmt;

use crate::right::Right;
use crate::{ErrorCode, Operation, S3Error};

/// Why a request is refused; for the log, since the client learns no more than `AccessDenied`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Denied {
    /// An interface that is not S3's, and that `admin_api` does not open.
    AdminApi,
    /// The source of a copy may not be read, or is none that could be told.
    CopySource,
    /// A name has a segment `.` or `..`, which may lead out of the client's root.
    DotSegment,
    /// A grant denies the operation there, whatever others allow.
    Grant {
        /// Its place in the client's list, counted from 0.
        by: usize,
        /// What was asked for.
        operation: Operation,
    },
    /// The key is too long with the client's root in front.
    KeyTooLong {
        /// Its length in bytes.
        length: usize,
        /// The longest that the client can have.
        longest: usize,
    },
    /// The client may not call from where it does.
    Network,
    /// A client with a root sees a part of a bucket, and the operation is about more.
    NotBelowRoot(Operation),
    /// The operation is not allowed there.
    Operation(Operation),
    /// The source of a rename may not be read and removed, or is none that could be told.
    RenameSource,
    /// A header asks for more than the operation.
    Right(Right),
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AdminApi => f.write_str("an administration interface is no bucket"),
            Self::CopySource => f.write_str("grants do not cover the copy source"),
            Self::DotSegment => f.write_str("a segment \".\" or \"..\" may lead out of its root"),
            Self::Grant { by, operation } => write!(f, "grants[{by}] denies {operation}"),
            Self::KeyTooLong { length, longest } => {
                write!(f, "with its root the key is too long: {length} bytes, of {longest}")
            }
            Self::Network => f.write_str("its key is not for use from there"),
            Self::NotBelowRoot(operation) => {
                write!(f, "{operation} like this is about more than what is below its root")
            }
            Self::Operation(operation) => write!(f, "grants do not cover {operation}"),
            Self::RenameSource => f.write_str("grants do not cover the rename source"),
            Self::Right(right) => {
                write!(f, "grants do not cover {right:?}, which a header asks for")
            }
        }
    }
}

impl std::error::Error for Denied {}

impl From<Denied> for S3Error {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::KeyTooLong { length, longest } => Self::new(ErrorCode::KeyTooLongError)
                .with_member("Size", length.to_string())
                .with_member("MaxSizeAllowed", longest.to_string()),
            Denied::NotBelowRoot(operation) => Self::access_denied().with_message(format!(
                "Access Denied. This access key sees a part of the bucket only: {operation} like this is not for it."
            )),
            Denied::DotSegment => Self::access_denied().with_message(
                "Access Denied. Names with a segment \".\" or \"..\" are not for this access key.",
            ),
            _ => Self::access_denied(),
        }
    }
}
