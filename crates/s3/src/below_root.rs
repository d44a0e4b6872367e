//! Requests of clients with a root.
//!
//! Such a client has a bucket of its own inside of a shared one. Its requests are judged in its own words, by its grants among
//! others, and get the root in front of each key and prefix when they are signed; answers lose it again
//! ([`answer`](crate::answer)). What cannot be put below a root is refused: the operations that are served are listed, so that
//! one that is not known to this code is not among them.

mod placement;

use percent_encoding::percent_decode;

use crate::addressing::{has_source_parameter, is_source};
use crate::copy_source::copy_source;
use crate::grants::has_dot_segment;
use crate::operation::{is_plain_parameter, parameters};
use crate::right::{self, Right};
use crate::{Access, Address, Denied, KeyRoot, Operation};

/// Longest key in bytes, decoded (Amazon S3 user guide, "Naming Amazon S3 objects").
pub(crate) const MAX_KEY: usize = 1024;

impl KeyRoot {
    /// Whether a client with a root can ask for the operation: it is about keys that can be put below the root, or tells nothing
    /// of others'.
    pub fn serves(operation: Operation) -> bool {
        use Operation::*;
        matches!(
            operation,
            AbortMultipartUpload
                | CompleteMultipartUpload
                | CopyObject
                | CreateMultipartUpload
                | DeleteObject
                | DeleteObjects
                | DeleteObjectTagging
                | GetBucketLocation
                | GetBucketVersioning
                | GetObject
                | GetObjectAcl
                | GetObjectAttributes
                | GetObjectLegalHold
                | GetObjectLockConfiguration
                | GetObjectRetention
                | GetObjectTagging
                | HeadBucket
                | HeadObject
                | ListBuckets
                | ListMultipartUploads
                | ListObjects
                | ListObjectsV2
                | ListObjectVersions
                | ListParts
                | Preflight
                | PutObject
                | PutObjectAcl
                | PutObjectLegalHold
                | PutObjectRetention
                | PutObjectTagging
                | UploadPart
                | UploadPartCopy
        )
    }

    /// Decides whether a request, in the client's words, can be put below the root.
    ///
    /// # Errors
    ///
    /// [`Denied`]. Among others for segments `.` and `..`, which an origin that keeps objects in files may follow out of the root,
    /// and for headers with which another vendor's protocol reaches other keys.
    pub fn check(&self, access: &Access<'_>) -> Result<(), Denied> {
        if access.reserved().is_some() {
            return Err(Denied::AdminApi);
        }
        let operation = access.operation();
        if !Self::serves(operation) {
            return Err(Denied::NotBelowRoot(operation));
        }
        if let Some(right) = access.rights().iter().find(|right| reaches_other_keys(*right)) {
            return Err(Denied::Right(right));
        }
        if access.rename_source.is_some() {
            return Err(Denied::RenameSource);
        }
        // One that does not become a header may be one to the origin.
        if has_source_parameter(access.query) {
            return Err(Denied::CopySource);
        }
        let address = Address::of(access.path);
        if has_dot_segment(address.decoded_bucket()) || has_dot_segment(address.decoded_key()) {
            return Err(Denied::DotSegment);
        }
        let length = address.decoded_key().count();
        let longest = MAX_KEY.saturating_sub(self.as_bytes().len());
        if length > longest {
            return Err(Denied::KeyTooLong { length, longest });
        }
        if address.key.is_empty() {
            for (name, value) in parameters(access.query) {
                if let Some(right) = Right::of(name, value) {
                    return Err(Denied::Right(right));
                }
                // What another would make of the answer nobody knows, and only one that can be read loses the root.
                if !is_of_bucket(name) {
                    return Err(Denied::NotBelowRoot(operation));
                }
                if placement::holds_key(operation, name) && has_dot_segment(percent_decode(value)) {
                    return Err(Denied::DotSegment);
                }
            }
        }
        match access.copy_source.map(copy_source) {
            None => Ok(()),
            Some(Some(sources)) => {
                let has_dots = sources.iter().any(|source| {
                    has_dot_segment(source.bucket.iter().copied())
                        || has_dot_segment(source.key.iter().copied())
                });
                if has_dots { Err(Denied::DotSegment) } else { Ok(()) }
            }
            Some(None) => Err(Denied::CopySource),
        }
    }
}

/// Whether the right is one to more than the key that the request names.
fn reaches_other_keys(right: Right) -> bool {
    matches!(right, Right::ExtractArchive | Right::OtherVendor)
}

/// Whether this is a parameter of S3's, or of MinIO's own listing, whose answer is read as any. Beginnings of names that stand for
/// headers are: they say nothing of keys but in sources.
fn is_of_bucket(name: &[u8]) -> bool {
    is_plain_parameter(name)
        || matches!(name, b"metadata" | b"x-id")
        || (right::after(name, b"x-amz-").is_some() && !is_source(name))
}

#[cfg(test)]
mod tests;
