//! Operations in the words of S3's server access log.
//!
//! Source: "Amazon S3 server access log format", field `Operation`, `REST.HTTP_method.resource_type`. The page names no list of
//! resource types; these are what Amazon's logs have.

use super::Operation;
use crate::Address;

impl Operation {
    /// `REST.HTTP_method.resource_type`, such as `REST.GET.OBJECT`, of a request with this method and canonical path. A copy is
    /// `REST.COPY.…`, whatever its method.
    ///
    /// ```
    /// use s3::Operation;
    ///
    /// assert_eq!(Operation::GetObject.logged(b"GET", b"/media/k"), b"REST.GET.OBJECT");
    /// assert_eq!(Operation::UploadPartCopy.logged(b"PUT", b"/media/k"), b"REST.COPY.PART");
    /// ```
    pub fn logged(self, method: &[u8], path: &[u8]) -> Vec<u8> {
        let method = match self {
            Self::CopyObject | Self::UploadPartCopy => b"COPY",
            _ => method,
        };
        let resource = self.resource_type().unwrap_or_else(|| by_address(path));
        [b"REST.", method, b".", resource.as_bytes()].concat()
    }

    /// The last word; none for what S3 is not known to have.
    fn resource_type(self) -> Option<&'static str> {
        use Operation::*;
        Some(match self {
            Unknown => return None,
            AbortMultipartUpload | CompleteMultipartUpload | ListParts => "UPLOAD",
            CopyObject | DeleteObject | GetObject | HeadObject | PostObject | PutObject => "OBJECT",
            CreateBucket | DeleteBucket | HeadBucket | ListObjects | ListObjectsV2 => "BUCKET",
            CreateBucketMetadataConfiguration
            | DeleteBucketMetadataConfiguration
            | GetBucketMetadataConfiguration => "METADATA_CONFIGURATION",
            CreateBucketMetadataTableConfiguration
            | DeleteBucketMetadataTableConfiguration
            | GetBucketMetadataTableConfiguration => "METADATA_TABLE",
            CreateMultipartUpload | ListMultipartUploads => "UPLOADS",
            CreateSession => "SESSION",
            DeleteBucketAnalyticsConfiguration
            | GetBucketAnalyticsConfiguration
            | ListBucketAnalyticsConfigurations
            | PutBucketAnalyticsConfiguration => "ANALYTICS",
            DeleteBucketCors | GetBucketCors | PutBucketCors => "CORS",
            DeleteBucketEncryption | GetBucketEncryption | PutBucketEncryption => "ENCRYPTION",
            DeleteBucketIntelligentTieringConfiguration
            | GetBucketIntelligentTieringConfiguration
            | ListBucketIntelligentTieringConfigurations
            | PutBucketIntelligentTieringConfiguration => "INTELLIGENT_TIERING",
            DeleteBucketInventoryConfiguration
            | GetBucketInventoryConfiguration
            | ListBucketInventoryConfigurations
            | PutBucketInventoryConfiguration => "INVENTORY",
            DeleteBucketLifecycle
            | GetBucketLifecycleConfiguration
            | PutBucketLifecycleConfiguration => "LIFECYCLE",
            DeleteBucketMetricsConfiguration
            | GetBucketMetricsConfiguration
            | ListBucketMetricsConfigurations
            | PutBucketMetricsConfiguration => "METRICS",
            DeleteBucketOwnershipControls
            | GetBucketOwnershipControls
            | PutBucketOwnershipControls => "OWNERSHIP_CONTROLS",
            DeleteBucketPolicy | GetBucketPolicy | PutBucketPolicy => "BUCKETPOLICY",
            DeleteBucketReplication | GetBucketReplication | PutBucketReplication => "REPLICATION",
            DeleteBucketTagging | GetBucketTagging | PutBucketTagging => "TAGGING",
            DeleteBucketWebsite | GetBucketWebsite | PutBucketWebsite => "WEBSITE",
            DeleteObjects => "MULTI_OBJECT_DELETE",
            DeleteObjectTagging | GetObjectTagging | PutObjectTagging => "OBJECT_TAGGING",
            DeletePublicAccessBlock | GetPublicAccessBlock | PutPublicAccessBlock => {
                "PUBLIC_ACCESS_BLOCK"
            }
            GetBucketAbac | PutBucketAbac => "ABAC",
            GetBucketAccelerateConfiguration | PutBucketAccelerateConfiguration => "ACCELERATE",
            GetBucketAcl | GetObjectAcl | PutBucketAcl | PutObjectAcl => "ACL",
            GetBucketLocation => "LOCATION",
            GetBucketLogging | PutBucketLogging => "LOGGING_STATUS",
            GetBucketNotificationConfiguration | PutBucketNotificationConfiguration => {
                "NOTIFICATION"
            }
            GetBucketPolicyStatus => "POLICY_STATUS",
            GetBucketRequestPayment | PutBucketRequestPayment => "REQUEST_PAYMENT",
            GetBucketVersioning | PutBucketVersioning => "VERSIONING",
            GetObjectAttributes => "OBJECT_ATTRIBUTES",
            GetObjectLegalHold | PutObjectLegalHold => "LEGAL_HOLD",
            GetObjectLockConfiguration | PutObjectLockConfiguration => "OBJECT_LOCK_CONFIGURATION",
            GetObjectRetention | PutObjectRetention => "RETENTION",
            GetObjectTorrent => "TORRENT",
            ListBuckets => "SERVICE",
            ListObjectVersions => "BUCKETVERSIONS",
            Preflight => "PREFLIGHT",
            RenameObject => "RENAME_OBJECT",
            RestoreObject => "RESTORE",
            SelectObjectContent => "SELECT",
            UpdateBucketMetadataInventoryTableConfiguration => "METADATA_INVENTORY_TABLE",
            UpdateBucketMetadataJournalTableConfiguration => "METADATA_JOURNAL_TABLE",
            UpdateObjectEncryption => "OBJECT_ENCRYPTION",
            UploadPart | UploadPartCopy => "PART",
        })
    }
}

fn by_address(path: &[u8]) -> &'static str {
    let address = Address::of(path);
    if address.bucket.is_empty() {
        "SERVICE"
    } else if address.is_bucket() {
        "BUCKET"
    } else {
        "OBJECT"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log's word for a request.
    fn check(method: &str, path: &str, query: &str, expected: &str) {
        let operation = Operation::of(method.as_bytes(), path.as_bytes(), query.as_bytes(), false);
        let logged = operation.logged(method.as_bytes(), path.as_bytes());
        assert_eq!(String::from_utf8_lossy(&logged), expected);
    }

    #[test]
    fn what_amazons_logs_show() {
        check("GET", "/", "", "REST.GET.SERVICE");
        check("GET", "/b", "list-type=2", "REST.GET.BUCKET");
        check("HEAD", "/b", "", "REST.HEAD.BUCKET");
        check("GET", "/b", "versioning=", "REST.GET.VERSIONING");
        check("GET", "/b", "logging=", "REST.GET.LOGGING_STATUS");
        check("GET", "/b", "policy=", "REST.GET.BUCKETPOLICY");
        check("GET", "/b", "versions=", "REST.GET.BUCKETVERSIONS");
        check("GET", "/b", "object-lock=", "REST.GET.OBJECT_LOCK_CONFIGURATION");
        check("POST", "/b", "delete=", "REST.POST.MULTI_OBJECT_DELETE");
        check("GET", "/b/k", "", "REST.GET.OBJECT");
        check("PUT", "/b/k", "", "REST.PUT.OBJECT");
        check("PUT", "/b/k", "partNumber=1&uploadId=u", "REST.PUT.PART");
        check("POST", "/b/k", "uploads=", "REST.POST.UPLOADS");
        check("POST", "/b/k", "uploadId=u", "REST.POST.UPLOAD");
        check("GET", "/b/k", "tagging=", "REST.GET.OBJECT_TAGGING");
        check("OPTIONS", "/b/k", "", "REST.OPTIONS.PREFLIGHT");
    }

    #[test]
    fn copies_have_a_method_of_their_own() {
        assert_eq!(Operation::CopyObject.logged(b"PUT", b"/b/k"), b"REST.COPY.OBJECT");
        assert_eq!(Operation::UploadPartCopy.logged(b"PUT", b"/b/k"), b"REST.COPY.PART");
    }

    #[test]
    fn what_is_not_known_goes_by_its_place() {
        check("PATCH", "/", "", "REST.PATCH.SERVICE");
        check("PATCH", "/b", "", "REST.PATCH.BUCKET");
        check("PATCH", "/b/k", "", "REST.PATCH.OBJECT");
    }
}
