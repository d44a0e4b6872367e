//! Which answers are looked into.

use crate::Operation;

/// In what a client's words differ from the origin's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// The names of buckets, or the beginnings of keys.
    pub names: bool,
    /// The region: clients sign for one that is named to them.
    pub region: bool,
    /// The ids of multipart uploads.
    pub uploads: bool,
    /// Not every bucket is shown.
    pub hides_buckets: bool,
}

/// Whether the body of an answer with this status may hold a word of the origin's that the client has another for.
///
/// Configurations, which may name other buckets (`GetBucketReplication`, `GetBucketLogging` …), are not among them: they are
/// the administrator's, who stores them in the origin's words. Objects never are.
pub fn rewritten(operation: Operation, status: u16, changes: Changes) -> bool {
    use Operation::*;
    match status {
        // It has no body.
        304 => false,
        // Where else to ask, which is no place for the client.
        300..400 => true,
        400.. => changes.names || changes.uploads,
        _ => match operation {
            // The URL of the object.
            CompleteMultipartUpload => true,
            // An error may stand in these, since their status is sent while the origin still works.
            CopyObject => changes.names,
            UploadPartCopy => changes.names || changes.uploads,
            DeleteObjects | ListObjectVersions | ListObjects | ListObjectsV2 => changes.names,
            CreateMultipartUpload | ListMultipartUploads | ListParts => {
                changes.names || changes.uploads
            }
            GetBucketLocation => changes.region,
            ListBuckets => changes.names || changes.region || changes.hides_buckets,
            _ => false,
        },
    }
}
