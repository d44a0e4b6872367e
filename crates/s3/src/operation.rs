//! The operations of S3, by the names that its documentation, policies and logs use.

mod logged;
mod of;

use std::fmt;

pub(crate) use of::{is_plain_parameter, names_session, pairs as parameters};

/// What an operation does to objects or buckets; grants are given for kinds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OperationKind {
    /// Reads or changes a configuration, an access list or a lock, or makes or removes a bucket.
    Admin,
    /// Removes objects.
    Delete,
    /// Tells which buckets, keys or uploads there are.
    List,
    /// A CORS preflight, which S3 answers to anybody.
    Preflight,
    /// Tells that a bucket exists and where; whoever may do anything in the bucket may know that.
    Probe,
    /// Reads objects, or what is attached to them.
    Read,
    /// Nothing that S3 is known to have: only full rights to the whole bucket cover it.
    Unknown,
    /// Makes objects, or what is attached to them.
    Write,
}

/// Declares [`Operation`] from one table.
macro_rules! operations {
    ($($name:ident $kind:ident;)*) => {
        /// An operation of the S3 REST interface.
        #[allow(missing_docs, reason = "the names are those of the S3 API reference, which documents them")]
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        #[non_exhaustive]
        pub enum Operation {
            $($name,)*
        }

        impl Operation {
            /// All of them, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name, such as `"GetObject"`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The operation of that name.
            pub fn of_name(name: &str) -> Option<Self> {
                Self::ALL.iter().find(|operation| operation.name() == name).copied()
            }

            /// What it does, as far as grants are concerned.
            pub fn kind(self) -> OperationKind {
                match self {
                    $(Self::$name => OperationKind::$kind,)*
                }
            }
        }
    };
}

operations! {
    // Whoever may upload must be able to look at and drop an unfinished upload of its own.
    AbortMultipartUpload Write;
    CompleteMultipartUpload Write;
    CopyObject Write;
    CreateBucket Admin;
    CreateBucketMetadataConfiguration Admin;
    CreateBucketMetadataTableConfiguration Admin;
    CreateMultipartUpload Write;
    CreateSession Admin;
    DeleteBucket Admin;
    DeleteBucketAnalyticsConfiguration Admin;
    DeleteBucketCors Admin;
    DeleteBucketEncryption Admin;
    DeleteBucketIntelligentTieringConfiguration Admin;
    DeleteBucketInventoryConfiguration Admin;
    DeleteBucketLifecycle Admin;
    DeleteBucketMetadataConfiguration Admin;
    DeleteBucketMetadataTableConfiguration Admin;
    DeleteBucketMetricsConfiguration Admin;
    DeleteBucketOwnershipControls Admin;
    DeleteBucketPolicy Admin;
    DeleteBucketReplication Admin;
    DeleteBucketTagging Admin;
    DeleteBucketWebsite Admin;
    DeleteObject Delete;
    DeleteObjects Delete;
    DeleteObjectTagging Write;
    DeletePublicAccessBlock Admin;
    GetBucketAbac Admin;
    GetBucketAccelerateConfiguration Admin;
    GetBucketAcl Admin;
    GetBucketAnalyticsConfiguration Admin;
    GetBucketCors Admin;
    GetBucketEncryption Admin;
    GetBucketIntelligentTieringConfiguration Admin;
    GetBucketInventoryConfiguration Admin;
    GetBucketLifecycleConfiguration Admin;
    GetBucketLocation Probe;
    GetBucketLogging Admin;
    GetBucketMetadataConfiguration Admin;
    GetBucketMetadataTableConfiguration Admin;
    GetBucketMetricsConfiguration Admin;
    GetBucketNotificationConfiguration Admin;
    GetBucketOwnershipControls Admin;
    GetBucketPolicy Admin;
    GetBucketPolicyStatus Admin;
    GetBucketReplication Admin;
    GetBucketRequestPayment Admin;
    GetBucketTagging Admin;
    GetBucketVersioning Admin;
    GetBucketWebsite Admin;
    GetObject Read;
    GetObjectAcl Read;
    GetObjectAttributes Read;
    GetObjectLegalHold Read;
    GetObjectLockConfiguration Admin;
    GetObjectRetention Read;
    GetObjectTagging Read;
    GetObjectTorrent Read;
    GetPublicAccessBlock Admin;
    HeadBucket Probe;
    HeadObject Read;
    ListBucketAnalyticsConfigurations Admin;
    ListBucketIntelligentTieringConfigurations Admin;
    ListBucketInventoryConfigurations Admin;
    ListBucketMetricsConfigurations Admin;
    ListBuckets List;
    ListMultipartUploads List;
    ListObjects List;
    ListObjectsV2 List;
    ListObjectVersions List;
    ListParts Write;
    // A form's key stands in its body, which grants do not see, and so do the access list, the locks and the tags.
    PostObject Unknown;
    Preflight Preflight;
    PutBucketAbac Admin;
    PutBucketAccelerateConfiguration Admin;
    PutBucketAcl Admin;
    PutBucketAnalyticsConfiguration Admin;
    PutBucketCors Admin;
    PutBucketEncryption Admin;
    PutBucketIntelligentTieringConfiguration Admin;
    PutBucketInventoryConfiguration Admin;
    PutBucketLifecycleConfiguration Admin;
    PutBucketLogging Admin;
    PutBucketMetricsConfiguration Admin;
    PutBucketNotificationConfiguration Admin;
    PutBucketOwnershipControls Admin;
    PutBucketPolicy Admin;
    PutBucketReplication Admin;
    PutBucketRequestPayment Admin;
    PutBucketTagging Admin;
    PutBucketVersioning Admin;
    PutBucketWebsite Admin;
    PutObject Write;
    PutObjectAcl Admin;
    PutObjectLegalHold Admin;
    PutObjectLockConfiguration Admin;
    PutObjectRetention Admin;
    PutObjectTagging Write;
    PutPublicAccessBlock Admin;
    RenameObject Write;
    // The body may name another bucket, where the result of a query is to be written, and its access list.
    RestoreObject Admin;
    SelectObjectContent Read;
    Unknown Unknown;
    UpdateBucketMetadataInventoryTableConfiguration Admin;
    UpdateBucketMetadataJournalTableConfiguration Admin;
    UpdateObjectEncryption Admin;
    UploadPart Write;
    UploadPartCopy Write;
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
