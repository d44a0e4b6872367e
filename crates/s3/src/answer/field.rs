//! Which elements of S3's documents hold a name.

/// What a value is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum NameField {
    /// A bucket's name behind the fields of an ARN.
    Arn,
    /// A bucket's name.
    Bucket,
    /// The host to ask instead.
    Endpoint,
    /// The key that an error is about.
    FaultyKey,
    /// A key, or the beginning of one, perhaps percent-encoded (`encoding-type=url`).
    Key,
    /// The name of one of the caller's buckets.
    ListedBucket,
    /// The URL of an object.
    Location,
    /// A bucket's region.
    Region,
    /// The path that was asked for.
    Resource,
    /// What a multipart upload is known by.
    UploadId,
}

/// The documents that hold names, by their root elements.
const ROOTS: &[&[u8]] = &[
    b"CompleteMultipartUploadResult",
    b"DeleteResult",
    b"Error",
    b"InitiateMultipartUploadResult",
    b"ListAllMyBucketsResult",
    b"ListBucketResult",
    b"ListMultipartUploadsResult",
    b"ListPartsResult",
    b"ListVersionsResult",
    b"LocationConstraint",
];

/// Elements that are told apart inside of them.
const INNER: &[&[u8]] = &[
    b"Bucket",
    b"Buckets",
    b"CommonPrefixes",
    b"Contents",
    b"DeleteMarker",
    b"Deleted",
    b"Upload",
    b"Version",
];

/// What is remembered of an element that is open: its name, or that it is of no interest.
pub(super) type Name = &'static [u8];

/// Looks the name up; one of no interest is empty.
pub(super) fn name(local: &[u8]) -> Name {
    ROOTS.iter().chain(INNER).find(|known| **known == local).copied().unwrap_or_default()
}

/// Whether documents with this root are looked into.
pub(super) fn is_root(name: Name) -> bool {
    ROOTS.contains(&name)
}

/// Whether this is the list of the caller's buckets.
pub(super) fn is_bucket_list(name: Name) -> bool {
    name == b"ListAllMyBucketsResult"
}

/// Whether `open` leads to one of the caller's buckets.
pub(super) fn is_listed_bucket(open: &[Name]) -> bool {
    matches!(open, [b"ListAllMyBucketsResult", b"Buckets", b"Bucket"])
}

/// Whether `open` leads to an object of a list.
pub(super) fn is_listed_object(open: &[Name]) -> bool {
    matches!(
        open,
        [b"ListBucketResult", b"Contents"]
            | [b"ListMultipartUploadsResult", b"Upload"]
            | [b"ListVersionsResult", b"DeleteMarker" | b"Version"]
    )
}

/// What the element `local` inside of the elements `open` holds.
pub(super) fn field(open: &[Name], local: &[u8]) -> Option<NameField> {
    Some(match (open, local) {
        ([], b"LocationConstraint") => NameField::Region,
        ([b"ListBucketResult" | b"ListVersionsResult"], b"Name") => NameField::Bucket,
        (
            [b"ListBucketResult" | b"ListVersionsResult" | b"ListMultipartUploadsResult"],
            b"KeyMarker" | b"Marker" | b"NextKeyMarker" | b"NextMarker" | b"Prefix" | b"StartAfter",
        )
        | ([b"ListBucketResult", b"Contents"], b"Key")
        | ([b"ListVersionsResult", b"DeleteMarker" | b"Version"], b"Key")
        | ([b"ListMultipartUploadsResult", b"Upload"], b"Key")
        | (
            [
                b"ListBucketResult" | b"ListVersionsResult" | b"ListMultipartUploadsResult",
                b"CommonPrefixes",
            ],
            b"Prefix",
        )
        | ([b"DeleteResult", b"Deleted" | b"Error"], b"Key")
        | (
            [
                b"CompleteMultipartUploadResult"
                | b"InitiateMultipartUploadResult"
                | b"ListPartsResult",
            ],
            b"Key",
        ) => NameField::Key,
        (
            [
                b"CompleteMultipartUploadResult"
                | b"InitiateMultipartUploadResult"
                | b"ListMultipartUploadsResult"
                | b"ListPartsResult",
            ],
            b"Bucket",
        )
        | ([b"Error"], b"Bucket" | b"BucketName") => NameField::Bucket,
        (
            [b"InitiateMultipartUploadResult" | b"ListPartsResult" | b"Error"]
            | [b"ListMultipartUploadsResult", b"Upload"],
            b"UploadId",
        )
        | ([b"ListMultipartUploadsResult"], b"NextUploadIdMarker" | b"UploadIdMarker") => {
            NameField::UploadId
        }
        ([b"CompleteMultipartUploadResult"], b"Location") => NameField::Location,
        ([b"ListAllMyBucketsResult", b"Buckets", b"Bucket"], b"Name") => NameField::ListedBucket,
        ([b"ListAllMyBucketsResult", b"Buckets", b"Bucket"], b"BucketArn") => NameField::Arn,
        ([b"ListAllMyBucketsResult", b"Buckets", b"Bucket"], b"BucketRegion")
        | ([b"Error"], b"Region") => NameField::Region,
        ([b"Error"], b"Endpoint") => NameField::Endpoint,
        ([b"Error"], b"Key") => NameField::FaultyKey,
        ([b"Error"], b"Resource") => NameField::Resource,
        _ => return None,
    })
}
