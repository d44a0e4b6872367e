//! Rights that a request asks for in its headers, besides the one that its operation needs.
//!
//! `PUT /bucket/key` is a `PutObject`, and with `x-amz-acl` it is a `PutObjectAcl` as well: the API reference names,
//! for each operation, the headers that need another permission (sections "Permissions" of CreateBucket, CopyObject,
//! CreateMultipartUpload, DeleteObject, PutObject; "Required permissions for Amazon S3 API operations"). Whoever
//! judges the operation alone lends the proxy's rights to any client that may write.

use crate::grants::Action;
use crate::{Operation, OperationKind};

/// A right that a header asks for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Right {
    /// `x-amz-bypass-governance-retention`: removes what is locked.
    BypassGovernanceRetention,
    /// `x-amz-meta-snowball-auto-extract` of MinIO and RustFS: the body is an archive, and its members are written all
    /// over the bucket, under names (and with locks and tags) that nobody on the way sees.
    ExtractArchive,
    /// What another vendor's protocol gives an order with, on a server that speaks S3 too. These reach other buckets,
    /// remove whole prefixes, or play the part of another server.
    OtherVendor,
    /// `x-amz-acl`, `x-amz-grant-*`: `PutObjectAcl`, or `PutBucketAcl`.
    PutAcl,
    /// `x-amz-bucket-object-lock-enabled`: `PutBucketObjectLockConfiguration`.
    PutBucketObjectLockConfiguration,
    /// `x-amz-object-ownership`: `PutBucketOwnershipControls`.
    PutBucketOwnershipControls,
    /// `x-amz-object-lock-legal-hold`.
    PutObjectLegalHold,
    /// `x-amz-object-lock-mode`, `x-amz-object-lock-retain-until-date`.
    PutObjectRetention,
    /// `x-amz-tagging`.
    PutObjectTagging,
    /// `x-amz-replication-status`: the object poses as another server's replica.
    ReplicateObject,
}

/// Where a right must be granted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Extent {
    /// In the whole bucket.
    Bucket,
    /// In all buckets.
    Everywhere,
    /// At the key, or the bucket, that the request addresses.
    Key,
}

impl Right {
    const ALL: [Self; 10] = [
        Self::BypassGovernanceRetention,
        Self::ExtractArchive,
        Self::OtherVendor,
        Self::PutAcl,
        Self::PutBucketObjectLockConfiguration,
        Self::PutBucketOwnershipControls,
        Self::PutObjectLegalHold,
        Self::PutObjectRetention,
        Self::PutObjectTagging,
        Self::ReplicateObject,
    ];

    /// The right that a header, or the parameter that stands for it, asks for; none if it asks for nothing that the
    /// operation does not need anyway. Names are compared in any case, and with `_` for `-`, which servers behind
    /// CGI-like interfaces cannot tell apart. A value counts unless it says what goes without saying.
    pub fn of(name: &[u8], value: &[u8]) -> Option<Self> {
        // No name below begins otherwise, and most headers do.
        if !matches!(name.first(), Some(b'x' | b'X' | b'r' | b'R' | b's' | b'S')) {
            return None;
        }
        let is_private = || value.trim_ascii().eq_ignore_ascii_case(b"private");
        let is_false = || value.trim_ascii().eq_ignore_ascii_case(b"false");
        if let Some(rest) = after(name, b"x-amz-") {
            return match rest {
                _ if is(rest, b"acl") => (!is_private()).then_some(Self::PutAcl),
                _ if after(rest, b"grant-").is_some() => Some(Self::PutAcl),
                _ if is(rest, b"object-lock-legal-hold") => Some(Self::PutObjectLegalHold),
                // Mode and date, and what may come.
                _ if after(rest, b"object-lock-").is_some() => Some(Self::PutObjectRetention),
                _ if is(rest, b"bypass-governance-retention") => {
                    (!is_false()).then_some(Self::BypassGovernanceRetention)
                }
                _ if is(rest, b"tagging") => Some(Self::PutObjectTagging),
                _ if is(rest, b"bucket-object-lock-enabled") => {
                    (!is_false()).then_some(Self::PutBucketObjectLockConfiguration)
                }
                _ if is(rest, b"object-ownership") => Some(Self::PutBucketOwnershipControls),
                _ if is(rest, b"replication-status") => Some(Self::ReplicateObject),
                // MinIO's router looks for "true" anywhere in the value, so any value counts.
                _ if after(rest, b"meta-").is_some_and(names_snowball) => {
                    Some(Self::ExtractArchive)
                }
                _ => None,
            };
        }
        let is_other = OTHER_VENDORS.iter().any(|front| after(name, front).is_some())
            || SWIFT.iter().any(|own| is(name, own));
        is_other.then_some(Self::OtherVendor)
    }

    /// What a grant must allow, and where.
    /// `of_bucket` says whether the request is one to a bucket.
    pub(crate) fn needs(self, of_bucket: bool) -> (Action, Extent) {
        use Operation::*;
        let operation = match self {
            // No operation, and nothing less than all of the kind.
            Self::BypassGovernanceRetention | Self::ReplicateObject => {
                return (OperationKind::Admin.into(), Extent::Key);
            }
            Self::ExtractArchive => return (PutObject.into(), Extent::Bucket),
            Self::OtherVendor => return (OperationKind::Unknown.into(), Extent::Everywhere),
            Self::PutAcl if of_bucket => PutBucketAcl,
            Self::PutAcl => PutObjectAcl,
            Self::PutBucketObjectLockConfiguration => PutObjectLockConfiguration,
            Self::PutBucketOwnershipControls => PutBucketOwnershipControls,
            Self::PutObjectLegalHold => PutObjectLegalHold,
            Self::PutObjectRetention => PutObjectRetention,
            Self::PutObjectTagging => PutObjectTagging,
        };
        (operation.into(), Extent::Key)
    }
}

/// A set of rights.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Rights(u16);

impl Rights {
    pub(crate) fn insert(&mut self, right: Right) {
        self.0 |= Self::bit(right);
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |&right| self.0 & Self::bit(right) != 0)
    }

    fn bit(right: Right) -> u16 {
        1 << (right as u16)
    }
}

/// Beginnings of names that order something in other protocols: of Baidu, Backblaze, Tencent, Dell, Cloudian, Google,
/// Hitachi, MinIO, NetApp, Nutanix, Huawei, Alibaba, RustFS, Scality, SeaweedFS, Volcengine, versitygw, Wasabi, IBM, Ceph.
const OTHER_VENDORS: &[&[u8]] = &[
    b"x-bce-",
    b"x-bz-",
    b"x-cos-",
    b"x-emc-",
    b"x-gmt-",
    b"x-goog-",
    b"x-hcp-",
    b"x-minio-",
    b"x-ntap-",
    b"x-ntnx-",
    b"x-obs-",
    b"x-oss-",
    b"x-rgw-",
    b"x-rustfs-",
    b"x-scal-",
    b"x-seaweedfs-",
    b"x-tos-",
    b"x-vgw-",
    b"x-wasabi-",
    b"retention-",
    b"rgwx-",
    b"seaweed-",
];

/// Headers of Swift's own protocol, which its S3 interface hands on: copies, links and manifests read other objects.
const SWIFT: &[&[u8]] = &[
    b"x-container-read",
    b"x-container-sync-key",
    b"x-container-sync-to",
    b"x-container-write",
    b"x-copy-from",
    b"x-copy-from-account",
    b"x-delete-after",
    b"x-delete-at",
    b"x-history-location",
    b"x-object-manifest",
    b"x-symlink-target",
    b"x-symlink-target-account",
    b"x-versions-location",
];

/// Whether `name` is `own`, which is in lower case and has dashes.
fn is(name: &[u8], own: &[u8]) -> bool {
    after(name, own).is_some_and(<[u8]>::is_empty)
}

/// What follows `front`, if the name begins with that.
pub(crate) fn after<'a>(name: &'a [u8], front: &[u8]) -> Option<&'a [u8]> {
    let (begin, rest) = name.split_at_checked(front.len())?;
    let same = |(&byte, &own): (&u8, &u8)| {
        own == if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
    };
    begin.iter().zip(front).all(same).then_some(rest)
}

/// `snowball-auto-extract`, and what goes with it (`minio-snowball-prefix`).
fn names_snowball(rest: &[u8]) -> bool {
    after(rest, b"snowball-").is_some()
        || [b"minio-snowball-".as_slice(), b"rustfs-snowball-"]
            .iter()
            .any(|front| after(rest, front).is_some())
}

#[cfg(test)]
mod tests;
