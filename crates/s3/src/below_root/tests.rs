use super::*;
use crate::addressing::AddressingError;
use crate::key_root::{MAX_ROOT, NotAKeyRoot};
use crate::{Authorized, ErrorCode, Grant, Grants, S3Error, Verb, authorize};

fn root() -> KeyRoot {
    KeyRoot::new("tenants/a/").unwrap()
}

fn placed(method: &str, target: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let operation = Operation::of(method.as_bytes(), path.as_bytes(), query.as_bytes(), false);
    String::from_utf8(root().place(operation, target.as_bytes())).unwrap()
}

/// What the root says of a request without headers.
fn checked(method: &str, path: &str, query: &str) -> Result<(), Denied> {
    root().check(&Access::new(method.as_bytes(), path.as_bytes(), query.as_bytes(), []))
}

fn with_header(name: &str, value: &str) -> Result<(), Denied> {
    let headers = [(name.as_bytes(), value.as_bytes())];
    root().check(&Access::new(b"PUT", b"/media/k", b"", headers))
}

#[test]
fn texts() {
    for text in ["a/", "tenants/a/", ".../~_-.A9/"] {
        assert!(KeyRoot::new(text).is_ok(), "{text}");
    }
    for text in
        ["", "/", "a", "/a/", "a//b/", "./", "a/../", "a b/", "a%2F/", "\u{e4}/", "a\\/", "a+/"]
    {
        assert_eq!(KeyRoot::new(text), Err(NotAKeyRoot), "{text}");
    }
    assert!(KeyRoot::new(&format!("{}/", "a".repeat(MAX_ROOT - 1))).is_ok());
    assert!(KeyRoot::new(&format!("{}/", "a".repeat(MAX_ROOT))).is_err());
}

#[test]
fn paths() {
    for (target, expected) in [
        ("/media/k", "/media/tenants/a/k"),
        ("/media/a+b%2Fc?versionId=1", "/media/tenants/a/a+b%2Fc?versionId=1"),
        ("/media//k", "/media/tenants/a//k"),
        ("/media/prefix?x=?prefix", "/media/tenants/a/prefix?x=?prefix"),
        ("/media/k/", "/media/tenants/a/k/"),
        ("/", "/"),
    ] {
        assert_eq!(placed("GET", target), expected, "{target}");
    }
    assert_eq!(placed("HEAD", "/media"), "/media");
    assert_eq!(placed("HEAD", "/media/"), "/media/");
    assert_eq!(placed("GET", "/media?location"), "/media?location");
}

#[test]
fn lists() {
    for (query, expected) in [
        ("", "prefix=tenants/a/"),
        ("prefix=", "prefix=tenants/a/"),
        ("prefix", "prefix=tenants/a/"),
        ("list-type=2&prefix=p%2F&delimiter=/", "list-type=2&prefix=tenants/a/p%2F&delimiter=/"),
        ("%70refix=p", "%70refix=tenants/a/p"),
        ("marker=m", "marker=tenants/a/m&prefix=tenants/a/"),
        ("marker=", "marker=&prefix=tenants/a/"),
        (
            "list-type=2&start-after=a+b&continuation-token=m",
            "list-type=2&start-after=tenants/a/a+b&continuation-token=m&prefix=tenants/a/",
        ),
        (
            "versions&key-marker=k&version-id-marker=1",
            "versions=&key-marker=tenants/a/k&version-id-marker=1&prefix=tenants/a/",
        ),
        (
            "uploads=&key-marker=k&upload-id-marker=1",
            "uploads=&key-marker=tenants/a/k&upload-id-marker=1&prefix=tenants/a/",
        ),
        ("prefix=a&prefix=b", "prefix=tenants/a/a&prefix=tenants/a/b"),
    ] {
        let target =
            if query.is_empty() { "/media".to_owned() } else { format!("/media/?{query}") };
        let front = target.split('?').next().unwrap();
        assert_eq!(placed("GET", &target), format!("{front}?{expected}"), "{query}");
    }
}

#[test]
fn sources() {
    for (value, expected) in [
        ("/media/k", "/media/tenants/a/k"),
        ("media/a+b?versionId=x/y", "media/tenants/a/a+b?versionId=x/y"),
        ("media%2Fk%2Fl", "media%2Ftenants/a/k%2Fl"),
        ("%2fmedia%2fk", "%2fmedia%2ftenants/a/k"),
    ] {
        let placed = root().place_source(value.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(placed).unwrap(), expected);
    }
    for value in ["", "media", "/media", "//host/media/k", "/%2Fmedia/k"] {
        let placed = root().place_source(value.as_bytes());
        assert_eq!(placed, Err(AddressingError::SourceUnclear), "{value}");
    }
}

#[test]
fn stripped() {
    let strip = |path: &str| root().strip(path.as_bytes()).map(|it| String::from_utf8(it).unwrap());
    assert_eq!(strip("/media/tenants/a/k?x").as_deref(), Some("/media/k?x"));
    assert_eq!(strip("/media/").as_deref(), Some("/media/"));
    assert_eq!(strip("/media").as_deref(), Some("/media"));
    assert_eq!(strip("/media/tenants/b/k"), None);
}

#[test]
fn operations() {
    for (method, path, query) in [
        ("GET", "/", ""),
        ("GET", "/media/k", "response-content-type=text%2Fplain"),
        ("GET", "/media/k", "anything=x"),
        ("PUT", "/media/k", "partNumber=1&uploadId=u"),
        ("GET", "/media", "list-type=2&prefix=a%2Fb&metadata=true&x-id=ListObjectsV2"),
        ("GET", "/media", "location="),
        ("HEAD", "/media", ""),
    ] {
        assert_eq!(checked(method, path, query), Ok(()), "{method} {path} {query}");
    }
    for (method, path, query) in [
        ("PUT", "/media", ""),
        ("DELETE", "/media", ""),
        ("POST", "/media", ""),
        ("PUT", "/media", "policy="),
        ("GET", "/media", "lifecycle="),
        ("POST", "/media/k", "select=&select-type=2"),
        ("POST", "/media/k", "restore="),
        ("PUT", "/media/k", "renameObject="),
        ("GET", "/media/k", "torrent="),
        ("GET", "//k", ""),
        // Other forms of a list, other spellings of what would be put below the root.
        ("GET", "/media", "format=json"),
        ("GET", "/media", "Prefix=b"),
        ("GET", "/media", "unknown="),
    ] {
        let operation = Operation::of(method.as_bytes(), path.as_bytes(), query.as_bytes(), false);
        let expected = Err(Denied::NotBelowRoot(operation));
        assert_eq!(checked(method, path, query), expected, "{method} {path} {query}");
    }
    assert_eq!(checked("GET", "/minio/admin/v3/info", ""), Err(Denied::AdminApi));
    assert_eq!(checked("GET", "/media", "session="), Err(Denied::AdminApi));
    let named: Vec<_> = Operation::ALL.iter().filter(|it| KeyRoot::serves(**it)).collect();
    assert!(named.len() < Operation::ALL.len() / 2, "{named:?}");
}

#[test]
fn ways_out() {
    for (path, query) in [
        ("/media/..", ""),
        ("/media/../b/k", ""),
        ("/media/a/%2E%2E/%2E./k", ""),
        ("/media/a%2F..%2Fk", ""),
        ("/media/./k", ""),
        ("/../k", ""),
        ("/media", "prefix=..%2Fb%2F"),
        ("/media", "prefix=a%2F..%2F"),
        ("/media", "marker=..%2F"),
        ("/media", "list-type=2&start-after=..%2F"),
        ("/media", "versions=&key-marker=.%2F"),
    ] {
        assert_eq!(checked("GET", path, query), Err(Denied::DotSegment), "{path} {query}");
    }
    assert_eq!(checked("GET", "/media/a..b/...", ""), Ok(()));
    assert_eq!(checked("GET", "/media", "prefix=a.&delimiter=.."), Ok(()));
    for (name, value, expected) in [
        ("x-amz-copy-source", "/media/../k", Denied::DotSegment),
        ("x-amz-copy-source", "/../k", Denied::DotSegment),
        ("X_Amz_Copy_Source", "media%2F%2E%2E%2Fk", Denied::DotSegment),
        ("x-amz-copy-source", "arn:aws:s3:::media/k", Denied::CopySource),
        ("x-amz-copy-source", "//host/media/k", Denied::CopySource),
        ("x-amz-copy-source", "", Denied::CopySource),
        ("x-amz-rename-source", "k", Denied::RenameSource),
        ("x-oss-copy-source", "/media/k", Denied::Right(Right::OtherVendor)),
        ("x-amz-meta-snowball-auto-extract", "true", Denied::Right(Right::ExtractArchive)),
    ] {
        assert_eq!(with_header(name, value), Err(expected), "{name}: {value}");
    }
    assert_eq!(with_header("x-amz-copy-source", "/media/k"), Ok(()));
    assert_eq!(with_header("x-amz-acl", "public-read"), Ok(()));
    assert_eq!(checked("PUT", "/media/k", "x-amz-copy-source=%2Fb%2Fk"), Err(Denied::CopySource));
    assert_eq!(checked("PUT", "/media/k", "X_Amz-Rename-Source=k"), Err(Denied::CopySource));
    assert_eq!(
        checked("GET", "/media", "x-minio-extract=true"),
        Err(Denied::Right(Right::OtherVendor))
    );
}

#[test]
fn long_keys() {
    let longest = MAX_KEY - root().as_bytes().len();
    let path = |length: usize| format!("/media/{}", "%C3%A4".repeat(length / 2));
    assert_eq!(checked("PUT", &path(longest), ""), Ok(()));
    let denied = checked("PUT", &path(longest + 2), "").unwrap_err();
    assert_eq!(denied, Denied::KeyTooLong { length: longest + 2, longest });
    let error = S3Error::from(denied);
    assert_eq!((error.code(), error.status()), (ErrorCode::KeyTooLongError.as_str(), 400));
}

#[test]
fn what_leaves() {
    let root = root();
    let leaves = |method: &str, path: &str, query: &str, source: &[(&[u8], &[u8])]| {
        let (method, path, query) = (method.as_bytes(), path.as_bytes(), query.as_bytes());
        root.holds(&Access::new(method, path, query, source.iter().copied()))
    };
    assert!(leaves("GET", "/acme/tenants/a/k", "", &[]));
    assert!(!leaves("GET", "/acme/tenants/k", "", &[]));
    assert!(!leaves("GET", "/acme/tenants/ab/k", "", &[]));
    assert!(leaves("GET", "/acme", "marker=&prefix=tenants%2Fa%2F", &[]));
    assert!(!leaves("GET", "/acme", "", &[]));
    assert!(!leaves("GET", "/acme", "prefix=", &[]));
    assert!(!leaves("GET", "/acme", "prefix=tenants%2Fa%2F&prefix=t", &[]));
    assert!(!leaves("GET", "/acme", "marker=k&prefix=tenants%2Fa%2F", &[]));
    assert!(leaves("HEAD", "/acme", "", &[]));
    assert!(!leaves("DELETE", "/acme", "", &[]));
    let source = |value: &'static [u8]| [(&b"x-amz-copy-source"[..], value)];
    assert!(leaves("PUT", "/acme/tenants/a/k", "", &source(b"/acme/tenants/a/l")));
    assert!(!leaves("PUT", "/acme/tenants/a/k", "", &source(b"/acme/tenants/b/l")));
    assert!(!leaves("PUT", "/acme/tenants/a/k", "", &[(b"x-amz-rename-source", b"tenants/a/k")]));
}

#[test]
fn grants_speak_of_keys_without_it() {
    let grant = Grant::new(&["media"], b"2026/", &[Verb::Read]).unwrap();
    let grants = Grants::limited(vec![grant]).below(Some(root()));
    let asked = |path| authorize(&grants, false, &Access::new(b"GET", path, b"", []));
    assert_eq!(asked(b"/media/2026/k"), Ok(Authorized::Whole));
    assert!(asked(b"/media/tenants/a/2026/k").is_err());
    let unlimited = Grants::unrestricted().below(Some(root()));
    let drop_bucket = Access::new(b"DELETE", b"/media", b"", []);
    assert_eq!(
        authorize(&unlimited, true, &drop_bucket),
        Err(Denied::NotBelowRoot(Operation::DeleteBucket))
    );
}
