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
        match name {
            [b'x' | b'X', b'-' | b'_', rest @ ..] => match rest {
                [b'a' | b'A', b'm' | b'M', b'z' | b'Z', b'-' | b'_', rest @ ..] => {
                    Self::of_amz(rest, value)
                }
                _ => of_other(rest, OTHER_VENDORS, SWIFT),
            },
            // No other name begins with these, and most headers do not either.
            [b'r' | b'R' | b's' | b'S', ..] => of_other(name, OTHER_VENDORS_WITHOUT_X, &[]),
            _ => None,
        }
    }

    /// The same for what follows `x-amz-`, of which the first letter tells most apart.
    fn of_amz(rest: &[u8], value: &[u8]) -> Option<Self> {
        let is_private = || value.trim_ascii().eq_ignore_ascii_case(b"private");
        let is_false = || value.trim_ascii().eq_ignore_ascii_case(b"false");
        match rest.first()?.to_ascii_lowercase() {
            b'a' if is(rest, b"acl") => (!is_private()).then_some(Self::PutAcl),
            b'b' if is(rest, b"bypass-governance-retention") => {
                (!is_false()).then_some(Self::BypassGovernanceRetention)
            }
            b'b' if is(rest, b"bucket-object-lock-enabled") => {
                (!is_false()).then_some(Self::PutBucketObjectLockConfiguration)
            }
            b'g' if after(rest, b"grant-").is_some() => Some(Self::PutAcl),
            // MinIO's router looks for "true" anywhere in the value, so any value counts.
            b'm' if after(rest, b"meta-").is_some_and(names_snowball) => Some(Self::ExtractArchive),
            b'o' if is(rest, b"object-lock-legal-hold") => Some(Self::PutObjectLegalHold),
            // Mode and date, and what may come.
            b'o' if after(rest, b"object-lock-").is_some() => Some(Self::PutObjectRetention),
            b'o' if is(rest, b"object-ownership") => Some(Self::PutBucketOwnershipControls),
            b'r' if is(rest, b"replication-status") => Some(Self::ReplicateObject),
            b't' if is(rest, b"tagging") => Some(Self::PutObjectTagging),
            _ => None,
        }
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

/// What follows `x-` at the beginning of names that order something in other protocols: of Baidu, Backblaze, Tencent, Dell,
/// Cloudian, Google, Hitachi, MinIO, NetApp, Nutanix, Huawei, Alibaba, Ceph, RustFS, Scality, SeaweedFS, Volcengine, versitygw,
/// Wasabi.
const OTHER_VENDORS: &[&[u8]] = &[
    b"bce-",
    b"bz-",
    b"cos-",
    b"emc-",
    b"gmt-",
    b"goog-",
    b"hcp-",
    b"minio-",
    b"ntap-",
    b"ntnx-",
    b"obs-",
    b"oss-",
    b"rgw-",
    b"rustfs-",
    b"scal-",
    b"seaweedfs-",
    b"tos-",
    b"vgw-",
    b"wasabi-",
];

/// The same of names without `x-`: of IBM, Ceph, SeaweedFS.
const OTHER_VENDORS_WITHOUT_X: &[&[u8]] = &[b"retention-", b"rgwx-", b"seaweed-"];

/// What follows `x-` in headers of Swift's own protocol, which its S3 interface hands on: copies, links and manifests read other
/// objects.
const SWIFT: &[&[u8]] = &[
    b"container-read",
    b"container-sync-key",
    b"container-sync-to",
    b"container-write",
    b"copy-from",
    b"copy-from-account",
    b"delete-after",
    b"delete-at",
    b"history-location",
    b"object-manifest",
    b"symlink-target",
    b"symlink-target-account",
    b"versions-location",
];

/// A name in another protocol's words.
fn of_other(name: &[u8], fronts: &[&[u8]], names: &[&[u8]]) -> Option<Right> {
    let is_other = fronts.iter().any(|front| after(name, front).is_some())
        || names.iter().any(|own| is(name, own));
    is_other.then_some(Right::OtherVendor)
}

/// Whether a header of that name may ask for a right, or name the source of a copy: by its first letter, which few have.
#[inline]
pub(crate) fn may_matter(name: &[u8]) -> bool {
    matches!(name.first(), Some(b'x' | b'X' | b'r' | b'R' | b's' | b'S'))
}

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
