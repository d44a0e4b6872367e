use super::*;
use crate::OperationKind;

/// `request` is `METHOD /path?query`, followed by ` copy` where the header is present.
fn check(request: &str, expected: &str) {
    let mut words = request.split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let operation =
        Operation::of(method.as_bytes(), path.as_bytes(), query.as_bytes(), words.next().is_some());
    assert_eq!(operation.name(), expected, "{request}");
}

#[test]
fn service() {
    check("GET /", "ListBuckets");
    check("GET /?max-buckets=2&prefix=a&x-id=ListBuckets", "ListBuckets");
    check("HEAD /", "Unknown");
    check("PUT /", "Unknown");
    check("GET /?acl=", "Unknown");
    check("GET //k", "Unknown");
}

#[test]
fn objects() {
    check("GET /b/k", "GetObject");
    check("GET /b/k?versionId=v&partNumber=1&response-content-type=a", "GetObject");
    check("GET /b/k?x-id=GetObject&X-Amz-Checksum-Mode=ENABLED", "GetObject");
    check("GET /b/k?nocache=1", "GetObject");
    check("PUT /b/k?x_amz_copy_source=%2Fb%2Fl", "CopyObject");
    check("HEAD /b/k", "HeadObject");
    check("HEAD /b/k?versionId=", "HeadObject");
    check("PUT /b/k", "PutObject");
    check("PUT /b/k copy", "CopyObject");
    check("PUT /b/k?x-amz-copy-source=%2Fb%2Fl", "CopyObject");
    check("PUT /b/k?X-Amz-Copy-Source=%2Fb%2Fl", "CopyObject");
    check("DELETE /b/k", "DeleteObject");
    check("DELETE /b/k?versionId=v", "DeleteObject");
    check("PUT /b/k?renameObject=", "RenameObject");
    check("POST /b/k?restore=", "RestoreObject");
    check("POST /b/k?select=&select-type=2", "SelectObjectContent");
    check("GET /b/k?attributes=", "GetObjectAttributes");
    check("GET /b/k?torrent=", "GetObjectTorrent");
    check("PUT /b/k?encryption=", "UpdateObjectEncryption");
}

#[test]
fn object_sub_resources() {
    for (name, operation) in [
        ("acl", "Acl"),
        ("legal-hold", "LegalHold"),
        ("retention", "Retention"),
        ("tagging", "Tagging"),
    ] {
        check(&format!("GET /b/k?{name}="), &format!("GetObject{operation}"));
        check(&format!("PUT /b/k?{name}=&versionId=v"), &format!("PutObject{operation}"));
        check(&format!("HEAD /b/k?{name}="), "Unknown");
    }
    check("DELETE /b/k?tagging=", "DeleteObjectTagging");
    check("DELETE /b/k?acl=", "Unknown");
}

#[test]
fn multipart() {
    check("POST /b/k?uploads=", "CreateMultipartUpload");
    check("PUT /b/k?partNumber=1&uploadId=u", "UploadPart");
    check("PUT /b/k?partNumber=1&uploadId=u copy", "UploadPartCopy");
    check("PUT /b/k?uploadId=u", "Unknown");
    check("PUT /b/k?partNumber=1", "Unknown");
    check("POST /b/k?uploadId=u", "CompleteMultipartUpload");
    check("DELETE /b/k?uploadId=u", "AbortMultipartUpload");
    check("GET /b/k?uploadId=u&max-parts=1", "ListParts");
    check("GET /b?uploads=&prefix=a", "ListMultipartUploads");
}

#[test]
fn buckets() {
    check("GET /b", "ListObjects");
    check("GET /b/?delimiter=%2F&marker=&max-keys=1&prefix=", "ListObjects");
    check("GET /b?list-type=2&prefix=a", "ListObjectsV2");
    check("GET /b?list-type=1", "ListObjects");
    check("GET /b?versions=&prefix=a", "ListObjectVersions");
    check("HEAD /b", "HeadBucket");
    check("PUT /b", "CreateBucket");
    check("DELETE /b", "DeleteBucket");
    check("POST /b?delete=", "DeleteObjects");
    check("POST /b", "PostObject");
    check("POST /b/k", "Unknown");
    check("GET /b?location=", "GetBucketLocation");
    for request in ["GET /b?session=", "HEAD /b?session=", "GET /?session=", "GET /b?acl=&session="]
    {
        check(request, "CreateSession");
    }
    check("PUT /b/k?Session=1", "CreateSession");
    check("GET /b?policyStatus=", "GetBucketPolicyStatus");
    check("GET /b?object-lock=", "GetObjectLockConfiguration");
    check("PUT /b?object-lock=", "PutObjectLockConfiguration");
    check("PUT /b?lifecycle=", "PutBucketLifecycleConfiguration");
    check("DELETE /b?lifecycle=", "DeleteBucketLifecycle");
    check("DELETE /b?publicAccessBlock=", "DeletePublicAccessBlock");
    check("GET /b?inventory=", "ListBucketInventoryConfigurations");
    check("GET /b?id=a&inventory=", "GetBucketInventoryConfiguration");
    check("POST /b?metadataTable=", "CreateBucketMetadataTableConfiguration");
}

#[test]
fn bucket_configurations() {
    let names = [
        ("acl", "Acl"),
        ("cors", "Cors"),
        ("encryption", "Encryption"),
        ("logging", "Logging"),
        ("ownershipControls", "OwnershipControls"),
        ("policy", "Policy"),
        ("replication", "Replication"),
        ("requestPayment", "RequestPayment"),
        ("tagging", "Tagging"),
        ("versioning", "Versioning"),
        ("website", "Website"),
    ];
    for (name, operation) in names {
        check(&format!("GET /b?{name}="), &format!("GetBucket{operation}"));
        check(&format!("PUT /b/?{name}="), &format!("PutBucket{operation}"));
        check(&format!("POST /b?{name}="), "Unknown");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_unknown() {
    check("GET /b/k?acl=&tagging=", "Unknown");
    check("PUT /b/k?acl=&partNumber=1&uploadId=u", "Unknown");
    check("GET /b?list-type=2&policy=&tagging=", "Unknown");
    check("POST /b?delete=&uploads=", "Unknown");
    check("PUT /b/k?somethingNew=", "Unknown");
    check("PUT /b/k?ACL=", "Unknown");
    check("PUT /b/k?somethingNew=1", "PutObject");
    check("GET /b?events=a", "Unknown");
    check("GET /b?replication-metrics=2", "Unknown");
    check("GET /b/k?lambdaArn=arn", "Unknown");
    check("GET /b/k?x-id=DeleteObject", "Unknown");
    check("GET /b/k?x-id=", "Unknown");
    check("GET /b/k?x-id=GetObject&x-id=PutObject", "Unknown");
    check("GET /?x-id=ListDirectoryBuckets", "Unknown");
    check("GET /b?torrent=", "Unknown");
}

#[test]
fn methods() {
    check("OPTIONS /b/k?acl=", "Preflight");
    check("OPTIONS /", "Preflight");
    check("PATCH /b/k", "Unknown");
    check("get /b/k", "Unknown");
    check("COPY /b/k", "Unknown");
}

#[test]
fn kinds() {
    let check = |operation: Operation, kind| assert_eq!(operation.kind(), kind, "{operation}");
    check(Operation::GetObject, OperationKind::Read);
    check(Operation::SelectObjectContent, OperationKind::Read);
    check(Operation::UploadPartCopy, OperationKind::Write);
    check(Operation::AbortMultipartUpload, OperationKind::Write);
    check(Operation::DeleteObjects, OperationKind::Delete);
    check(Operation::ListBuckets, OperationKind::List);
    check(Operation::HeadBucket, OperationKind::Probe);
    check(Operation::DeleteBucket, OperationKind::Admin);
    check(Operation::PutObjectAcl, OperationKind::Admin);
    check(Operation::PostObject, OperationKind::Unknown);
    check(Operation::RestoreObject, OperationKind::Admin);
    check(Operation::Unknown, OperationKind::Unknown);
    check(Operation::Preflight, OperationKind::Preflight);
}
