use super::*;
use crate::{Grant, Verb};

const ALLOWED: Result<(), Denied> = Ok(());

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
fn decide(grants: &Grants, request: &str) -> Result<(), Denied> {
    let mut lines = request.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.map(|line| line.split_once(": ").unwrap());
    let headers = headers.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    authorize(grants, &Access::new(method.as_bytes(), path.as_bytes(), query.as_bytes(), headers))
}

fn check(request: &str, expected: Result<(), Denied>) {
    assert_eq!(decide(&grants(), request), expected, "{request}");
}

fn denied(operation: Operation) -> Result<(), Denied> {
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
    check("GET /", denied(Operation::ListBuckets));
    let all = Grants::limited(vec![Grant::new(&["*"], b"", &[Verb::List]).unwrap()]);
    assert_eq!(decide(&all, "GET /"), ALLOWED);
    assert_eq!(decide(&all, "GET /?prefix=a"), ALLOWED);
    let some = Grants::limited(vec![Grant::new(&["*"], b"a", &[Verb::List]).unwrap()]);
    assert_eq!(decide(&some, "GET /b?prefix=a"), ALLOWED);
    assert_eq!(decide(&some, "GET /?prefix=a"), denied(Operation::ListBuckets));
}

#[test]
fn whole_buckets() {
    check("POST /whole?delete=", ALLOWED);
    check("POST /photos?delete=", denied(Operation::DeleteObjects));
    check("POST /media", ALLOWED);
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
    assert_eq!(decide(&grants, "GET /b?session="), denied(Operation::CreateSession));
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
