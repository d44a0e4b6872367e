use super::*;
use crate::S3Error;
use crate::{Grant, Verb};

const ALLOWED: Result<Authorized, Denied> = Ok(Authorized::Whole);
const OWN_BUCKETS: Result<Authorized, Denied> = Ok(Authorized::OwnBuckets);

fn grants() -> Grants {
    let grant = |bucket, prefix: &str, verbs: &[Verb]| {
        Grant::new(&[bucket], prefix.as_bytes(), verbs).unwrap()
    };
    Grants::limited(vec![
        grant("media", "", &[Verb::Read, Verb::Write]),
        grant("photos", "2026/", &[Verb::Read, Verb::Write, Verb::Delete, Verb::List]),
        grant("whole", "", &[Verb::Read, Verb::Write, Verb::Delete, Verb::List]),
    ])
}

/// `request` is `METHOD /path?query`; after it, `name: value` of headers, each in a line of its own.
fn decide(grants: &Grants, request: &str) -> Result<Authorized, Denied> {
    let mut lines = request.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    let access = Access::new(method.as_bytes(), path.as_bytes(), query.as_bytes(), headers);
    authorize(grants, false, &access)
}

fn check(request: &str, expected: Result<Authorized, Denied>) {
    assert_eq!(decide(&grants(), request), expected, "{request}");
}

fn denied(operation: Operation) -> Result<Authorized, Denied> {
    Err(Denied::Operation(operation))
}

#[test]
fn objects() {
    check("GET /media/k", ALLOWED);
    check("GET /photos/2026/k", ALLOWED);
    check("GET /photos/2025/k", denied(Operation::GetObject));
    check("GET /other/k", denied(Operation::GetObject));
    check("GET //media/k", denied(Operation::Unknown));
    check("DELETE /media/k", denied(Operation::DeleteObject));
    check("PUT /media/k?acl=", denied(Operation::PutObjectAcl));
    check("PUT /media/k?new=", denied(Operation::Unknown));
    check("GET /photos/2026/../../media/k", denied(Operation::GetObject));
    check("OPTIONS /other/k", ALLOWED);
}

#[test]
fn lists() {
    check("GET /photos?list-type=2&prefix=2026%2F0", ALLOWED);
    check("GET /photos?list-type=2&prefix=2026%2F", ALLOWED);
    check("GET /photos?list-type=2&prefix=2026", denied(Operation::ListObjectsV2));
    check("GET /photos?list-type=2", denied(Operation::ListObjectsV2));
    check("GET /photos?delimiter=%2F&prefix=2025%2F", denied(Operation::ListObjects));
    check("GET /photos?prefix=2026%2F&prefix=", denied(Operation::ListObjects));
    check("GET /photos?Prefix=2026%2F", denied(Operation::ListObjects));
    check("GET /photos?prefix=2026%2F&versions=", ALLOWED);
    check("GET /photos?prefix=2026%2F&uploads=", ALLOWED);
    check("GET /whole", ALLOWED);
    check("GET /media", denied(Operation::ListObjects));
    check("GET /", OWN_BUCKETS);
    check("GET /?max-buckets=2&prefix=m&X-Amz-Date=1&x-id=ListBuckets", OWN_BUCKETS);
    check("GET /?format=json", denied(Operation::ListBuckets));
    check("HEAD /", denied(Operation::Unknown));
    let none = Grants::limited(Vec::new());
    assert_eq!(decide(&none, "GET /"), denied(Operation::ListBuckets));
    let all = Grants::limited(vec![Grant::new(&["*"], b"", &[Verb::List]).unwrap()]);
    assert_eq!(decide(&all, "GET /"), ALLOWED);
    assert_eq!(decide(&all, "GET /?prefix=a"), ALLOWED);
    let some = Grants::limited(vec![Grant::new(&["*"], b"a", &[Verb::List]).unwrap()]);
    assert_eq!(decide(&some, "GET /b?prefix=a"), ALLOWED);
    assert_eq!(decide(&some, "GET /?prefix=a"), OWN_BUCKETS);
}

#[test]
fn whole_buckets() {
    check("POST /whole?delete=", ALLOWED);
    check("POST /media?delete=", denied(Operation::DeleteObjects));
    check("POST /other?delete=", denied(Operation::DeleteObjects));
    check("POST /media", denied(Operation::PostObject));
    check("POST /photos", denied(Operation::PostObject));
    check("HEAD /photos", ALLOWED);
    check("GET /photos?location=", ALLOWED);
    check("GET /other?location=", denied(Operation::GetBucketLocation));
    check("DELETE /whole", denied(Operation::DeleteBucket));
    check("GET /whole?policy=", denied(Operation::GetBucketPolicy));
}

#[test]
fn copy_sources() {
    check("PUT /media/k\nx-amz-copy-source: /media/l", ALLOWED);
    check("PUT /media/k\nX-Amz-Copy-Source: photos/2026/l?versionId=v", ALLOWED);
    check("PUT /media/k?partNumber=1&uploadId=u\nx-amz-copy-source: photos/2026/l", ALLOWED);
    for source in [
        "",
        "/secret/k",
        "secret/k",
        "photos/2025/l",
        "photos/2026/../2025/l",
        "photos/2026%2F..%2Fl",
        "arn:aws:s3:us-east-1:1:accesspoint/media/object/k",
    ] {
        check(&format!("PUT /media/k\nx-amz-copy-source: {source}"), Err(Denied::CopySource));
        check(
            &format!("PUT /media/k?partNumber=1&uploadId=u\nx-amz-copy-source: {source}"),
            Err(Denied::CopySource),
        );
        check(
            &format!("PUT /media/k?tagging=\nx-amz-copy-source: {source}"),
            Err(Denied::CopySource),
        );
    }
    check("PUT /media/k\nx-amz-copy-source: /media/l\nX-Amz-Copy-Source: /media/l", ALLOWED);
    check(
        "PUT /media/k\nx-amz-copy-source: /media/l\nX-Amz-Copy-Source: /media/m",
        Err(Denied::CopySource),
    );
    check("PUT /media/k\nx_amz_copy_source: /secret/k", Err(Denied::CopySource));
    check("PUT /media/k?x_amz_copy_source=%2Fsecret%2Fk", Err(Denied::CopySource));
    check("PUT /other/k\nx-amz-copy-source: /media/l", denied(Operation::CopyObject));
}

#[test]
fn copy_sources_in_the_query() {
    check("PUT /media/k?X-Amz-Copy-Source=%2Fmedia%2Fl", ALLOWED);
    check("PUT /media/k?X-Amz-Copy-Source=%2Fsecret%2Fl", Err(Denied::CopySource));
    check("PUT /media/k?x-amz-copy-source=media%2F%252Fl", ALLOWED);
    check(
        "PUT /media/k?x-amz-copy-source=photos%2F2026%252F%252E%252E%252Fl",
        Err(Denied::CopySource),
    );
    check(
        "PUT /media/k?x-amz-copy-source=%2Fsecret%2Fl\nx-amz-copy-source: /media/l",
        Err(Denied::CopySource),
    );
    check(
        "PUT /whole/k?renameObject=&x-amz-rename-source=%2Fsecret%2Fl",
        Err(Denied::RenameSource),
    );
}

#[test]
fn rename_sources() {
    check("PUT /whole/k?renameObject=\nx-amz-rename-source: old", ALLOWED);
    check("PUT /whole/k?renameObject=\nx-amz-rename-source: /whole/old", ALLOWED);
    check(
        "PUT /whole/k?renameObject=\nx-amz-rename-source: /secret/old",
        Err(Denied::RenameSource),
    );
    check("PUT /media/k?renameObject=\nx-amz-rename-source: old", Err(Denied::RenameSource));
    check("PUT /photos/2026/k?renameObject=\nx-amz-rename-source: old", Err(Denied::RenameSource));
    check("PUT /other/k?renameObject=\nx-amz-rename-source: old", denied(Operation::RenameObject));
}

#[test]
fn no_limits() {
    let grants = Grants::unrestricted();
    for request in [
        "GET /",
        "DELETE /b",
        "PUT /b/k?new=",
        "PUT /b/k\nx-amz-copy-source: arn:aws:s3:::x/y",
        "GET /b/../c/k",
        "POST /b?delete=",
    ] {
        assert_eq!(decide(&grants, request), ALLOWED, "{request}");
    }
    for request in ["GET /b?session=", "HEAD /b?session=", "GET /?session=", "GET /b?acl=&session="]
    {
        assert_eq!(decide(&grants, request), denied(Operation::CreateSession), "{request}");
    }
    for request in [
        "PUT /b/k\nx-amz-acl: public-read",
        "PUT /b/k\nx-minio-force-delete: true",
        "PUT /b/k?x-amz-object-lock-mode=COMPLIANCE",
    ] {
        assert_eq!(decide(&grants, request), ALLOWED, "{request}");
    }
}

/// A grant of everything in one bucket, and one of everything below a prefix of another.
fn owner() -> Grants {
    Grants::limited(vec![
        Grant::new(&["own"], b"", &[Verb::All]).unwrap(),
        Grant::new(&["shared"], b"mine/", &[Verb::All]).unwrap(),
    ])
}

#[test]
fn rights_in_headers() {
    let puts = ["PUT /media/k", "POST /media/k?uploads=", "PUT /photos/2026/k", "PUT /whole/k"];
    let owned = ["PUT /own/k", "POST /own/k?uploads=", "PUT /shared/mine/k", "PUT /own"];
    for (header, right) in [
        ("x-amz-acl: public-read", Right::PutAcl),
        ("x_amz_acl: public-read", Right::PutAcl),
        ("X-Amz-Grant-Read: id=1", Right::PutAcl),
        ("x-amz-object-lock-mode: COMPLIANCE", Right::PutObjectRetention),
        ("x-amz-object-lock-retain-until-date: 2099-01-01T00:00:00Z", Right::PutObjectRetention),
        ("x-amz-object-lock-legal-hold: ON", Right::PutObjectLegalHold),
        ("x-amz-replication-status: REPLICA", Right::ReplicateObject),
    ] {
        let parameter = header.replace(": ", "=").replace(':', "%3A");
        for put in puts {
            let refused = Err(Denied::Right(right));
            check(&format!("{put}\n{header}"), refused);
            check(&format!("{put}\nx-amz-acl: private\n{header}"), refused);
            check(&format!("{put}\nx-amz-copy-source: /media/l\n{header}"), refused);
            let mark = if put.contains('?') { '&' } else { '?' };
            check(&format!("{put}{mark}{parameter}"), refused);
        }
        for put in owned {
            let request = format!("{put}\n{header}");
            assert_eq!(decide(&owner(), &request), ALLOWED, "{request}");
        }
    }
    check("PUT /media/k\nx-amz-acl: private\nx-amz-tagging: a=b", ALLOWED);
    check("PUT /media/k?X-Amz-Acl=private", ALLOWED);
    check("PUT /media/k\nx-amz-website-redirect-location: /l", ALLOWED);
    check(
        "PUT /media/k\nx-amz-server-side-encryption-customer-algorithm: AES256\nx-amz-storage-class: GLACIER",
        ALLOWED,
    );
    let tagging = Err(Denied::Right(Right::PutObjectTagging));
    check("DELETE /whole/k\nx-amz-tagging: a=b", ALLOWED);
    let reader = Grants::limited(vec![Grant::new(&["b"], b"", &[Verb::Read]).unwrap()]);
    assert_eq!(decide(&reader, "GET /b/k\nx-amz-tagging: a=b"), tagging);
}

#[test]
fn locks_are_not_removed() {
    let bypass = Err(Denied::Right(Right::BypassGovernanceRetention));
    for request in ["DELETE /whole/k?versionId=v", "POST /whole?delete=", "DELETE /photos/2026/k"] {
        check(request, ALLOWED);
        check(&format!("{request}\nx-amz-bypass-governance-retention: true"), bypass);
        check(&format!("{request}\nx-amz-bypass-governance-retention: false"), ALLOWED);
    }
    check("DELETE /whole/k?x-amz-bypass-governance-retention=true", bypass);
    let request = "POST /own?delete=\nx-amz-bypass-governance-retention: true";
    assert_eq!(decide(&owner(), request), ALLOWED);
}

#[test]
fn archives_need_the_whole_bucket() {
    let archive = Err(Denied::Right(Right::ExtractArchive));
    let header = "X-Amz-Meta-Snowball-Auto-Extract: true";
    check(&format!("PUT /media/k.tar\n{header}"), ALLOWED);
    check(&format!("PUT /photos/2026/k.tar\n{header}"), archive);
    check("PUT /photos/2026/k.tar?x-amz-meta-snowball-auto-extract=TRUE", archive);
    assert_eq!(decide(&owner(), &format!("PUT /shared/mine/k.tar\n{header}")), archive);
}

#[test]
fn orders_of_other_vendors_need_everything() {
    let all = Grants::limited(vec![Grant::new(&["*"], b"", &[Verb::All]).unwrap()]);
    for header in
        ["x-minio-force-delete: true", "x-copy-from: /secret/k", "X_OSS_Copy_Source: /secret/k"]
    {
        let request = format!("PUT /own/k\n{header}");
        assert_eq!(decide(&owner(), &request), Err(Denied::Right(Right::OtherVendor)), "{request}");
        assert_eq!(decide(&all, &request), ALLOWED, "{request}");
    }
    check("GET /media/k?rgwx-uid=other", Err(Denied::Right(Right::OtherVendor)));
}

#[test]
fn interfaces_beside_s3() {
    let unrestricted = Grants::unrestricted();
    let all = Grants::limited(vec![Grant::new(&["*"], b"", &[Verb::All]).unwrap()]);
    let reader = Grants::limited(vec![Grant::new(&["*"], b"", &[Verb::Read]).unwrap()]);
    let named = Grants::limited(vec![Grant::new(&["minio", "admin"], b"", &[Verb::All]).unwrap()]);
    let ask = |grants: &Grants, method: &str, path: &str, admin_api| {
        let access = Access::new(method.as_bytes(), path.as_bytes(), b"", []);
        authorize(grants, admin_api, &access)
    };
    for (method, path) in [
        ("GET", "/minio/admin/v3/info"),
        ("PUT", "/admin/user"),
        ("POST", "/"),
        ("PATCH", "/list-users"),
    ] {
        for grants in [&unrestricted, &all, &reader, &named] {
            assert_eq!(ask(grants, method, path, false), Err(Denied::AdminApi), "{method} {path}");
        }
        for grants in [&unrestricted, &all] {
            assert_eq!(ask(grants, method, path, true), ALLOWED, "{method} {path}");
        }
        for grants in [&reader, &named] {
            assert_eq!(ask(grants, method, path, true), Err(Denied::AdminApi), "{method} {path}");
        }
    }
    for request in [
        "PUT /b/k\nx-amz-copy-source: /.minio.sys/config/config.json",
        "PUT /b/k\nx_amz_copy_source: %2Eminio.sys/config",
        "PUT /b/k\nx-amz-copy-source: /b/l\nx-amz-copy-source: /.minio.sys/config",
        "PUT /b/k?x-amz-copy-source=.minio.sys%2Fconfig",
    ] {
        assert_eq!(decide(&unrestricted, request), Err(Denied::AdminApi), "{request}");
        assert_eq!(decide(&all, request), Err(Denied::AdminApi), "{request}");
    }
}

#[test]
fn what_bodies_may_order() {
    check("POST /whole/k?restore=", denied(Operation::RestoreObject));
    assert_eq!(decide(&owner(), "POST /own/k?restore="), ALLOWED);
    assert_eq!(decide(&owner(), "POST /own"), ALLOWED);
}

#[test]
fn the_client_learns_nothing_more() {
    assert_eq!(
        S3Error::from(Denied::CopySource),
        S3Error::from(Denied::Operation(Operation::GetObject))
    );
    assert_eq!(
        Denied::Operation(Operation::GetObject).to_string(),
        "grants do not cover GetObject"
    );
}

#[test]
fn what_a_body_names_is_judged_key_by_key() {
    let check = |grants: &Grants, target: &str, expected| {
        let (path, query) = target.split_once('?').unwrap();
        let access = Access::new(b"POST", path.as_bytes(), query.as_bytes(), []);
        assert_eq!(authorize(grants, false, &access), expected, "{target}");
    };
    check(&grants(), "/whole?delete=", Ok(Authorized::Whole));
    check(&grants(), "/photos?delete=", Ok(Authorized::EachKey));
    check(&grants(), "/media?delete=", Err(Denied::Operation(Operation::DeleteObjects)));
    let denying = |prefix: &[u8]| {
        Grants::limited(vec![
            Grant::new(&["*"], b"", &[Verb::All]).unwrap(),
            Grant::new(&["own"], prefix, &[Operation::DeleteObject]).unwrap().denying(),
        ])
    };
    check(&denying(b"private/"), "/own?delete=", Ok(Authorized::EachKey));
    check(&denying(b"private/"), "/other?delete=", Ok(Authorized::Whole));
    check(&Grants::unrestricted(), "/own?delete=", Ok(Authorized::Whole));
}

#[test]
fn a_denial_is_for_sources_and_rights_too() {
    let grants = Grants::limited(vec![
        Grant::new(&["*"], b"", &[Verb::All]).unwrap(),
        Grant::new(&["own"], b"private/", &[Operation::GetObject]).unwrap().denying(),
        Grant::new(&["own"], b"", &[Operation::PutObjectAcl]).unwrap().denying(),
    ]);
    for (request, expected) in [
        ("GET /own/private/k", Err(Denied::Grant { by: 1, operation: Operation::GetObject })),
        ("HEAD /own//private/k", Err(Denied::Grant { by: 1, operation: Operation::HeadObject })),
        ("PUT /other/k\nx-amz-copy-source: /own/private/k", Err(Denied::CopySource)),
        ("PUT /other/k\nx-amz-copy-source: own//private/k", Err(Denied::CopySource)),
        ("PUT /other/k?x-amz-copy-source=own%2Fprivate%2Fk", Err(Denied::CopySource)),
        ("PUT /other/k\nx-amz-copy-source: own/public/k", ALLOWED),
        ("PUT /own/k?renameObject=\nx-amz-rename-source: private/k", Err(Denied::RenameSource)),
        ("PUT /own/k\nx-amz-acl: public-read", Err(Denied::Right(Right::PutAcl))),
        ("PUT /own\nx-amz-acl: public-read", ALLOWED),
        ("PUT /other/k\nx-oss-copy-source: /own/private/k", Err(Denied::Right(Right::OtherVendor))),
        ("PUT /own/private/k", ALLOWED),
    ] {
        assert_eq!(decide(&grants, request), expected, "{request}");
    }
}

#[test]
fn rights_by_name() {
    let grants = Grants::limited(vec![
        Grant::new(&["b"], b"", &[Operation::PutObject, Operation::PutObjectAcl]).unwrap(),
    ]);
    for (request, expected) in [
        ("PUT /b/k\nx-amz-acl: public-read", ALLOWED),
        ("POST /b/k?uploads=\nx-amz-acl: public-read", ALLOWED),
        ("PUT /b/k\nx-amz-tagging: a=b", Err(Denied::Right(Right::PutObjectTagging))),
        ("PUT /b/k\nx-amz-replication-status: REPLICA", Err(Denied::Right(Right::ReplicateObject))),
        ("PUT /b/k\nx-amz-copy-source: /b/l", Err(Denied::CopySource)),
    ] {
        assert_eq!(decide(&grants, request), expected, "{request}");
    }
}

#[test]
fn keys_for_some_networks() {
    let grants = Grants::unrestricted().only_from(vec!["192.0.2.0/24".parse().unwrap()]);
    let access = Access::new(b"GET", b"/b/k", b"", []);
    let from = |address: &str| {
        let client = Some(ClientAddress::Ip(address.parse().unwrap()));
        authorize(&grants, false, &access.from_client(client))
    };
    assert_eq!(from("192.0.2.7"), ALLOWED);
    assert_eq!(from("192.0.3.7"), Err(Denied::Network));
    assert_eq!(authorize(&grants, false, &access), Err(Denied::Network));
}

#[test]
fn a_denial_shuts_administration_interfaces() {
    let grants = Grants::limited(vec![
        Grant::new(&["*"], b"", &[Verb::All]).unwrap(),
        Grant::new(&["own"], b"", &[Verb::Delete]).unwrap().denying(),
    ]);
    let access = Access::new(b"GET", b"/minio/admin/v3/info", b"", []);
    assert_eq!(authorize(&grants, true, &access), Err(Denied::AdminApi));
}
