use super::*;

fn addressing(style: AddressingStyle, base_path: &str, names: &[(&str, &str)]) -> Addressing {
    let mut addressing =
        Addressing { style, base_path: base_path.to_owned(), names: BucketNames::default() };
    for (client, origin) in names {
        addressing.names.insert(client, origin).unwrap();
    }
    addressing
}

use AddressingStyle::{Path, Virtual};

/// The expected text is `host target`, the host `-` where the bucket is in the path; empty for no bucket.
#[track_caller]
fn check(addressing: &Addressing, target: &str, expected: &str) {
    let found = match addressing.place(target.as_bytes()) {
        Ok(Placed { target, bucket_in_host }) => {
            let host =
                bucket_in_host.map_or("-".into(), |bucket| bucket.escape_ascii().to_string());
            format!("{host} {}", target.escape_ascii())
        }
        Err(_) => String::new(),
    };
    assert_eq!(found, expected, "{target}");
}

#[test]
fn nothing_changes_without_a_reason() {
    let plain = Addressing::default();
    assert!(plain.is_plain());
    for target in ["/", "/b", "/b/k?x", "//k", "/b%2Fk", "*"] {
        check(&plain, target, &format!("- {target}"));
    }
    assert!(!addressing(Virtual, "", &[]).is_plain());
    assert!(!addressing(Path, "/s3", &[]).is_plain());
    assert!(!addressing(Path, "", &[("*", "*")]).is_plain());
}

#[test]
fn base_paths() {
    let based = addressing(Path, "/storage/v1/s3", &[]);
    check(&based, "/", "- /storage/v1/s3/");
    check(&based, "/?x=/", "- /storage/v1/s3/?x=/");
    check(&based, "/b%75/k+l?x=y", "- /storage/v1/s3/b%75/k+l?x=y");
    let based = addressing(Virtual, "/s3", &[("*", "eu-*")]);
    check(&based, "/", "- /s3/");
    check(&based, "/b?x", "eu-b /s3/?x");
    check(&based, "/b/k", "eu-b /s3/k");
}

#[test]
fn buckets_in_the_path() {
    let named = addressing(Path, "", &[("media", "acme-media"), ("l*", "eu-l*")]);
    check(&named, "/media", "- /acme-media");
    check(&named, "/media/", "- /acme-media/");
    check(&named, "/media//media/%2F+?a=/b/", "- /acme-media//media/%2F+?a=/b/");
    check(&named, "/m%65dia?uploads", "- /acme-media?uploads");
    check(&named, "/logs/k", "- /eu-logs/k");
    check(&named, "/?x", "- /?x");
    for other in
        ["/other/k", "/acme-media/k", "//media/k", "//", "/media%2Fk", "/l+/k", "/l%zz/k", "*", ""]
    {
        check(&named, other, "");
    }
}

#[test]
fn buckets_in_the_host() {
    let named = addressing(Virtual, "", &[]);
    check(&named, "/a.b-1", "a.b-1 /");
    check(&named, "/a.b-1/?delete", "a.b-1 /?delete");
    check(&named, "/a//k/../l", "a //k/../l");
    check(&named, "/", "- /");
    // Another bucket of the same host name, or none.
    for other in
        ["/A/k", "/a_b/k", "/a%2Fb/k", "/a%40h/k", "//k", "/./k", "/../k", "/a./k", "/.a/k"]
    {
        check(&named, other, "");
    }
    let named = addressing(Virtual, "", &[("Media", "media"), ("x*", "*")]);
    check(&named, "/Media/k", "media /k");
    check(&named, "/x/k", "");
    check(&named, "/xa/k", "a /k");
    check(&named, "/x.a/k", "");
}

#[track_caller]
fn check_header(name: &str, value: &str, expected: &str) {
    let named = addressing(Path, "", &[("media", "acme-media"), ("l*", "eu-l*")]);
    let found = match named.header_value(name.as_bytes(), value.as_bytes(), b"media") {
        Ok(Some(value)) => value.escape_ascii().to_string(),
        Ok(None) => "=".into(),
        Err(error) => format!("{error:?}"),
    };
    assert_eq!(found, expected, "{name}: {value}");
}

#[test]
fn copy_sources() {
    let check = |value: &str, expected: &str| check_header("X_Amz_Copy-Source", value, expected);
    check("media/k", "acme-media/k");
    check("/media/a+b%2Bc?versionId=x/y", "/acme-media/a+b%2Bc?versionId=x/y");
    check("%2fmedia%2Fk%2Fl", "%2facme-media%2Fk%2Fl");
    check("m%65dia//k", "acme-media//k");
    check("logs/k", "eu-logs/k");
    for value in
        ["other/k", "acme-media/k", "m%2565dia/k", "http:/media/k", "arn:aws:s3:::media/k", "../k"]
    {
        check(value, "NoSuchBucket");
    }
    for value in ["", "/", "media", "//media/k", "/%2Fmedia/k", "media?versionId=/", "?/media/k"] {
        check(value, "SourceUnclear");
    }
}

#[test]
fn rename_sources() {
    let check = |value: &str, expected: &str| check_header("x-amz-rename-source", value, expected);
    check("old", "=");
    check("/old?x=/y", "=");
    check("media/old", "acme-media/old");
    check("/m%65dia%2Fold/er", "/acme-media%2Fold/er");
    for value in ["2026/old", "logs/old", "acme-media/old", "//old"] {
        check(value, "SourceUnclear");
    }
}

#[test]
fn other_headers() {
    check_header("x-amz-meta-copy-source", "/other/k", "=");
    check_header("x-amz-acl", "private", "=");
    for name in ["x-oss-copy-source", "X-Obs-Copy_Source", "x-cos-copy-source", "x-copy-from"] {
        check_header(name, "/media/k", "SourceUnclear");
    }
    check_header("x-oss-object-acl", "private", "=");
}

#[test]
fn reserved_places() {
    let check = |addressing: &Addressing, request: &str, host: Option<&str>, expected: bool| {
        let (method, target) = request.split_once(' ').unwrap();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (method, path, query) = (method.as_bytes(), path.as_bytes(), query.as_bytes());
        let found = addressing.reserved(method, path, query, host.map(str::as_bytes));
        assert_eq!(found.is_some(), expected, "{request} {host:?}");
    };
    let based = addressing(Path, "/s3", &[]);
    check(&based, "GET /s3/b/k", None, false);
    check(&based, "GET /s3/minio/k", None, true);
    check(&based, "GET /s3/b/../../minio/k", None, true);
    check(&based, "GET /s3/../admin/k", None, true);
    check(&based, "POST /s3/", None, true);
    let named = addressing(Virtual, "", &[]);
    check(&named, "GET /admin/k", Some("b"), false);
    check(&named, "POST /?delete=", Some("b"), false);
    check(&named, "GET /?session=", Some("b"), true);
    check(&named, "POST /?Action=x", None, true);
    check(&named, "GET /k", Some("minio"), true);
    check(&named, "GET /minio/admin/v3/info", Some("b"), true);
    check(&named, "GET /k/../minio/admin", Some("b"), true);
    check(&named, "GET /_localstack/health", Some("b"), true);
    check(&addressing(Virtual, "/s3", &[]), "GET /s3/minio/admin", Some("b"), true);
}
