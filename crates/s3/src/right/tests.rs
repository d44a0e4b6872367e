use super::*;

#[test]
fn what_headers_ask_for() {
    let table: &[(&[&str], Option<Right>)] = &[
        (
            &[
                "x-amz-acl: public-read",
                "X-Amz-Acl: bucket-owner-full-control",
                "x_amz_acl: public-read",
                "x-amz_ACL: private,public-read",
                "x-amz-acl: ",
                "x-amz-acl: privat",
                "x-amz-grant-read: uri=\"http://acs.amazonaws.com/groups/global/AllUsers\"",
                "x-amz-grant-full-control: ",
                "X_AMZ_GRANT_WRITE_ACP: id=1",
            ],
            Some(Right::PutAcl),
        ),
        (&["x-amz-object-lock-legal-hold: ON"], Some(Right::PutObjectLegalHold)),
        (
            &[
                "x-amz-object-lock-mode: COMPLIANCE",
                "x-amz-object-lock-retain-until-date: 2099-01-01T00:00:00Z",
                "x-amz-object_lock_mode: ",
            ],
            Some(Right::PutObjectRetention),
        ),
        (
            &[
                "x-amz-bypass-governance-retention: true",
                "x-amz-bypass-governance-retention: ",
                "X-AMZ-BYPASS-GOVERNANCE-RETENTION: TRUE",
            ],
            Some(Right::BypassGovernanceRetention),
        ),
        (&["x-amz-tagging: a=b", "x-amz-tagging: "], Some(Right::PutObjectTagging)),
        (
            &["x-amz-bucket-object-lock-enabled: true"],
            Some(Right::PutBucketObjectLockConfiguration),
        ),
        (&["x-amz-object-ownership: ObjectWriter"], Some(Right::PutBucketOwnershipControls)),
        (&["x-amz-replication-status: REPLICA"], Some(Right::ReplicateObject)),
        (
            &[
                "x-amz-meta-snowball-auto-extract: true",
                "X-Amz-Meta-Snowball-Auto-Extract: TRUE",
                "x_amz_meta_snowball_auto_extract: xtruex",
                "x-amz-meta-minio-snowball-prefix: other",
            ],
            Some(Right::ExtractArchive),
        ),
        (
            &[
                "x-minio-force-delete: true",
                "X-Minio-Source-Replication-Request: true",
                "x-rgw-object-type: Appendable",
                "rgwx-uid: other",
                "x-goog-acl: public-read",
                "x-oss-copy-source: /secret/k",
                "x_oss_copy_source: /secret/k",
                "x-copy-from: /secret/k",
                "x-object-manifest: secret/",
                "x-symlink-target: secret/k",
                "retention-period: 1000000",
            ],
            Some(Right::OtherVendor),
        ),
        (
            &[
                "x-amz-acl: private",
                "x-amz-acl:  PRIVATE ",
                "x-amz-bypass-governance-retention: false",
                "x-amz-bucket-object-lock-enabled: False",
                "x-amz-copy-source: /a/b",
                "x-amz-copy-source-if-match: a",
                "x-amz-copy-source-server-side-encryption-customer-key: a",
                "x-amz-date: 20260315T120000Z",
                "x-amz-expected-bucket-owner: 1",
                "x-amz-meta-acl: public-read",
                "x-amz-meta-x-amz-acl: public-read",
                "x-amz-metadata-directive: REPLACE",
                "x-amz-mfa: 1 2",
                "x-amz-request-payer: requester",
                "x-amz-server-side-encryption: aws:kms",
                "x-amz-server-side-encryption-customer-key: a",
                "x-amz-storage-class: GLACIER",
                "x-amz-tagging-directive: REPLACE",
                "x-amz-website-redirect-location: /a",
                "x-amz-write-offset-bytes: 5",
                "x-object-id: 1",
                "content-type: a/b",
                "x: y",
                ": ",
            ],
            None,
        ),
    ];
    for (headers, expected) in table {
        for header in *headers {
            let (name, value) = header.split_once(':').unwrap();
            assert_eq!(Right::of(name.as_bytes(), value.as_bytes()), *expected, "{header}");
        }
    }
}

#[test]
fn sets() {
    let mut rights = Rights::default();
    assert_eq!(rights.iter().count(), 0);
    Right::ALL.into_iter().for_each(|right| rights.insert(right));
    assert!(rights.iter().eq(Right::ALL));
}
