//! Which operation a request asks for.
//!
//! The difficulty is not the table but what is outside it. A parameter that this page takes for decoration and the
//! origin takes for a sub-resource would let a client do with `PUT /bucket/key?x` what it may not. So whatever
//! could be read in two ways (two sub-resources at once, an unknown name without a value, which is how
//! sub-resources are written, a sub-resource that does not exist for the method, an `x-id` that names another
//! operation) is [`Operation::Unknown`], which hardly any grant covers. `CreateSession` is the exception: what
//! anybody might take for it is taken for it, since it is refused to everybody.

use super::Operation;
use crate::{Address, right};

impl Operation {
    /// Recognises an operation by its method, canonical path and query ([`sigv4::TargetBuffers`] holds both), and whether
    /// the request has an `x-amz-copy-source` header.
    ///
    /// ```
    /// use s3::Operation;
    ///
    /// assert_eq!(Operation::of(b"GET", b"/media/k", b"versionId=3", false), Operation::GetObject);
    /// assert_eq!(Operation::of(b"PUT", b"/media/k", b"partNumber=1&uploadId=u", true).name(), "UploadPartCopy");
    /// ```
    pub fn of(method: &[u8], path: &[u8], query: &[u8], copy_source: bool) -> Self {
        if method == b"OPTIONS" {
            return Self::Preflight;
        }
        if pairs(query).any(|(name, _)| names_session(name)) {
            return Self::CreateSession;
        }
        let Some(parameters) = Parameters::of(query) else { return Self::Unknown };
        let address = Address::of(path);
        let operation = if address.is_service() {
            match (method, parameters.sub_resource) {
                (b"GET", b"") => Self::ListBuckets,
                _ => Self::Unknown,
            }
        } else if address.bucket.is_empty() {
            Self::Unknown
        } else if address.is_bucket() {
            of_bucket(method, &parameters)
        } else {
            of_object(method, &parameters, copy_source || parameters.copy_source)
        };
        // SDKs name the operation once more; servers may go by that.
        let names_another = parameters.x_id
            && pairs(query)
                .any(|(name, value)| name == b"x-id" && value != operation.name().as_bytes());
        if names_another { Self::Unknown } else { operation }
    }
}

/// Whether a parameter asks for `CreateSession`: where the bucket stands in the host, in a key, and in any case too.
pub(crate) fn names_session(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"session")
}

fn of_bucket(method: &[u8], parameters: &Parameters<'_>) -> Operation {
    use Operation::*;
    match (method, parameters.sub_resource) {
        (b"DELETE", b"") => DeleteBucket,
        (b"DELETE", b"analytics") => DeleteBucketAnalyticsConfiguration,
        (b"DELETE", b"cors") => DeleteBucketCors,
        (b"DELETE", b"encryption") => DeleteBucketEncryption,
        (b"DELETE", b"intelligent-tiering") => DeleteBucketIntelligentTieringConfiguration,
        (b"DELETE", b"inventory") => DeleteBucketInventoryConfiguration,
        (b"DELETE", b"lifecycle") => DeleteBucketLifecycle,
        (b"DELETE", b"metadataConfiguration") => DeleteBucketMetadataConfiguration,
        (b"DELETE", b"metadataTable") => DeleteBucketMetadataTableConfiguration,
        (b"DELETE", b"metrics") => DeleteBucketMetricsConfiguration,
        (b"DELETE", b"ownershipControls") => DeleteBucketOwnershipControls,
        (b"DELETE", b"policy") => DeleteBucketPolicy,
        (b"DELETE", b"publicAccessBlock") => DeletePublicAccessBlock,
        (b"DELETE", b"replication") => DeleteBucketReplication,
        (b"DELETE", b"tagging") => DeleteBucketTagging,
        (b"DELETE", b"website") => DeleteBucketWebsite,
        (b"GET", b"") if parameters.list_type_2 => ListObjectsV2,
        (b"GET", b"") => ListObjects,
        (b"GET", b"abac") => GetBucketAbac,
        (b"GET", b"accelerate") => GetBucketAccelerateConfiguration,
        (b"GET", b"acl") => GetBucketAcl,
        (b"GET", b"analytics") if parameters.id => GetBucketAnalyticsConfiguration,
        (b"GET", b"analytics") => ListBucketAnalyticsConfigurations,
        (b"GET", b"cors") => GetBucketCors,
        (b"GET", b"encryption") => GetBucketEncryption,
        (b"GET", b"intelligent-tiering") if parameters.id => {
            GetBucketIntelligentTieringConfiguration
        }
        (b"GET", b"intelligent-tiering") => ListBucketIntelligentTieringConfigurations,
        (b"GET", b"inventory") if parameters.id => GetBucketInventoryConfiguration,
        (b"GET", b"inventory") => ListBucketInventoryConfigurations,
        (b"GET", b"lifecycle") => GetBucketLifecycleConfiguration,
        (b"GET", b"location") => GetBucketLocation,
        (b"GET", b"logging") => GetBucketLogging,
        (b"GET", b"metadataConfiguration") => GetBucketMetadataConfiguration,
        (b"GET", b"metadataTable") => GetBucketMetadataTableConfiguration,
        (b"GET", b"metrics") if parameters.id => GetBucketMetricsConfiguration,
        (b"GET", b"metrics") => ListBucketMetricsConfigurations,
        (b"GET", b"notification") => GetBucketNotificationConfiguration,
        (b"GET", b"object-lock") => GetObjectLockConfiguration,
        (b"GET", b"ownershipControls") => GetBucketOwnershipControls,
        (b"GET", b"policy") => GetBucketPolicy,
        (b"GET", b"policyStatus") => GetBucketPolicyStatus,
        (b"GET", b"publicAccessBlock") => GetPublicAccessBlock,
        (b"GET", b"replication") => GetBucketReplication,
        (b"GET", b"requestPayment") => GetBucketRequestPayment,
        (b"GET", b"tagging") => GetBucketTagging,
        (b"GET", b"uploads") => ListMultipartUploads,
        (b"GET", b"versioning") => GetBucketVersioning,
        (b"GET", b"versions") => ListObjectVersions,
        (b"GET", b"website") => GetBucketWebsite,
        (b"HEAD", b"") => HeadBucket,
        (b"POST", b"") => PostObject,
        (b"POST", b"delete") => DeleteObjects,
        (b"POST", b"metadataConfiguration") => CreateBucketMetadataConfiguration,
        (b"POST", b"metadataTable") => CreateBucketMetadataTableConfiguration,
        (b"PUT", b"") => CreateBucket,
        (b"PUT", b"abac") => PutBucketAbac,
        (b"PUT", b"accelerate") => PutBucketAccelerateConfiguration,
        (b"PUT", b"acl") => PutBucketAcl,
        (b"PUT", b"analytics") => PutBucketAnalyticsConfiguration,
        (b"PUT", b"cors") => PutBucketCors,
        (b"PUT", b"encryption") => PutBucketEncryption,
        (b"PUT", b"intelligent-tiering") => PutBucketIntelligentTieringConfiguration,
        (b"PUT", b"inventory") => PutBucketInventoryConfiguration,
        (b"PUT", b"lifecycle") => PutBucketLifecycleConfiguration,
        (b"PUT", b"logging") => PutBucketLogging,
        (b"PUT", b"metadataInventoryTable") => UpdateBucketMetadataInventoryTableConfiguration,
        (b"PUT", b"metadataJournalTable") => UpdateBucketMetadataJournalTableConfiguration,
        (b"PUT", b"metrics") => PutBucketMetricsConfiguration,
        (b"PUT", b"notification") => PutBucketNotificationConfiguration,
        (b"PUT", b"object-lock") => PutObjectLockConfiguration,
        (b"PUT", b"ownershipControls") => PutBucketOwnershipControls,
        (b"PUT", b"policy") => PutBucketPolicy,
        (b"PUT", b"publicAccessBlock") => PutPublicAccessBlock,
        (b"PUT", b"replication") => PutBucketReplication,
        (b"PUT", b"requestPayment") => PutBucketRequestPayment,
        (b"PUT", b"tagging") => PutBucketTagging,
        (b"PUT", b"versioning") => PutBucketVersioning,
        (b"PUT", b"website") => PutBucketWebsite,
        _ => Unknown,
    }
}

fn of_object(method: &[u8], parameters: &Parameters<'_>, copy: bool) -> Operation {
    use Operation::*;
    match (method, parameters.sub_resource) {
        (b"DELETE", b"") => DeleteObject,
        (b"DELETE", b"tagging") => DeleteObjectTagging,
        (b"DELETE", b"uploadId") => AbortMultipartUpload,
        (b"GET", b"") => GetObject,
        (b"GET", b"acl") => GetObjectAcl,
        (b"GET", b"attributes") => GetObjectAttributes,
        (b"GET", b"legal-hold") => GetObjectLegalHold,
        (b"GET", b"retention") => GetObjectRetention,
        (b"GET", b"tagging") => GetObjectTagging,
        (b"GET", b"torrent") => GetObjectTorrent,
        (b"GET", b"uploadId") => ListParts,
        (b"HEAD", b"") => HeadObject,
        (b"POST", b"restore") => RestoreObject,
        (b"POST", b"select") => SelectObjectContent,
        (b"POST", b"uploadId") => CompleteMultipartUpload,
        (b"POST", b"uploads") => CreateMultipartUpload,
        (b"PUT", b"") if parameters.part_number => Unknown,
        (b"PUT", b"") if copy => CopyObject,
        (b"PUT", b"") => PutObject,
        (b"PUT", b"acl") => PutObjectAcl,
        (b"PUT", b"encryption") => UpdateObjectEncryption,
        (b"PUT", b"legal-hold") => PutObjectLegalHold,
        (b"PUT", b"renameObject") => RenameObject,
        (b"PUT", b"retention") => PutObjectRetention,
        (b"PUT", b"tagging") => PutObjectTagging,
        (b"PUT", b"uploadId") if !parameters.part_number => Unknown,
        (b"PUT", b"uploadId") if copy => UploadPartCopy,
        (b"PUT", b"uploadId") => UploadPart,
        _ => Unknown,
    }
}

/// Names that select an operation, those of other servers that have no name here among them.
///
/// All are made of unreserved characters, so that their canonical form is the plain text.
const SUB_RESOURCES: &[&[u8]] = &[
    b"abac",
    b"accelerate",
    b"acl",
    b"analytics",
    b"annotation",
    b"append",
    b"attributes",
    b"compliance",
    b"compose",
    b"cors",
    b"defaultObjectAcl",
    b"delete",
    b"encryption",
    b"events",
    b"intelligent-tiering",
    b"inventory",
    b"lambdaArn",
    b"layout",
    b"legal-hold",
    b"lifecycle",
    b"location",
    b"logging",
    b"metadataConfiguration",
    b"metadataInventoryTable",
    b"metadataJournalTable",
    b"metadataTable",
    b"metrics",
    b"modify",
    b"notification",
    b"object-lock",
    b"ownershipControls",
    b"policy",
    b"policyStatus",
    b"publicAccessBlock",
    b"rename",
    b"renameObject",
    b"replication",
    b"replication-check",
    b"replication-metrics",
    b"replication-reset",
    b"replication-reset-status",
    b"requestPayment",
    b"restore",
    b"retention",
    b"select",
    b"storageClass",
    b"symlink",
    b"tagging",
    b"torrent",
    b"truncate",
    b"uploadId",
    b"uploads",
    b"versioning",
    b"versions",
    b"website",
];

/// Names that an operation may have besides, and that are harmless even without a value.
const PLAIN: &[&[u8]] = &[
    b"bucket-region",
    b"continuation-token",
    b"delimiter",
    b"encoding-type",
    b"fetch-owner",
    b"id",
    b"key-marker",
    b"list-type",
    b"marker",
    b"max-buckets",
    b"max-keys",
    b"max-parts",
    b"max-uploads",
    b"part-number-marker",
    b"partNumber",
    b"prefix",
    b"select-type",
    b"start-after",
    b"upload-id-marker",
    b"version-id-marker",
    b"versionId",
];

/// Whether this is the name of one of S3's own parameters, those of other servers that select an operation among them.
pub(crate) fn is_plain_parameter(name: &[u8]) -> bool {
    SUB_RESOURCES.contains(&name) || PLAIN.contains(&name) || is_prefixed(name, b"response-")
}

/// What a canonical query says about the operation.
#[derive(Default)]
struct Parameters<'a> {
    sub_resource: &'a [u8],
    copy_source: bool,
    id: bool,
    list_type_2: bool,
    part_number: bool,
    x_id: bool,
}

impl<'a> Parameters<'a> {
    /// None if the query can be read in more than one way.
    fn of(query: &'a [u8]) -> Option<Self> {
        let mut found = Self::default();
        for (name, value) in pairs(query) {
            match name {
                b"id" => found.id = true,
                b"list-type" => found.list_type_2 = value == b"2",
                b"partNumber" => found.part_number = true,
                b"x-id" => found.x_id = true,
                name if SUB_RESOURCES.contains(&name) => {
                    if !found.sub_resource.is_empty() {
                        return None;
                    }
                    found.sub_resource = name;
                }
                name if PLAIN.contains(&name) || is_prefixed(name, b"response-") => {}
                // Headers may come as parameters of a presigned request.
                name if right::after(name, b"x-amz-").is_some() => {
                    found.copy_source |= sigv4::header::is(name, sigv4::header::X_AMZ_COPY_SOURCE);
                }
                _ if value.is_empty() => return None,
                _ => {}
            }
        }
        Some(found)
    }
}

/// The `(name, value)` pairs of a canonical query, both percent-encoded.
pub(crate) fn pairs(query: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    query.split(|&byte| byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at_checked(equals).unwrap_or((pair, &[]));
        (name, value.get(1..).unwrap_or_default())
    })
}

fn is_prefixed(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests;
