use super::*;

fn photos() -> Grants {
    Grants::limited(vec![
        Grant::new(&["photos"], b"2026/", &[Verb::Read, Verb::List]).unwrap(),
        Grant::new(&["logs-*"], b"", &[Verb::Write]).unwrap(),
        Grant::new(&["own"], b"", &[Verb::All]).unwrap(),
    ])
}

fn check(operation: Operation, bucket: &str, key: &str, expected: bool) {
    let allowed = photos().allows(operation, bucket.as_bytes(), key.as_bytes());
    assert_eq!(allowed, expected, "{operation} {bucket} {key}");
}

#[test]
fn prefixes_are_compared_decoded() {
    check(Operation::GetObject, "photos", "2026/a", true);
    check(Operation::GetObject, "photos", "2026/", true);
    check(Operation::GetObject, "photos", "2026", false);
    check(Operation::GetObject, "photos", "2026%2Fa", true);
    check(Operation::GetObject, "photos", "%32026/a", true);
    check(Operation::GetObject, "photos", "/2026/a", false);
    check(Operation::GetObject, "photos", "2026%252Fa", false);
    check(Operation::GetObject, "ph%6Ftos", "2026/a", true);
}

#[test]
fn buckets() {
    check(Operation::GetObject, "photos2", "2026/a", false);
    check(Operation::GetObject, "photo", "2026/a", false);
    check(Operation::PutObject, "logs-", "a", true);
    check(Operation::PutObject, "logs-1", "a", true);
    check(Operation::PutObject, "logs", "a", false);
    check(Operation::PutObject, "", "a", false);
}

#[test]
fn verbs() {
    check(Operation::PutObject, "photos", "2026/a", false);
    check(Operation::DeleteObject, "photos", "2026/a", false);
    check(Operation::GetObject, "logs-1", "a", false);
    check(Operation::GetBucketPolicy, "photos", "", false);
    check(Operation::GetBucketPolicy, "own", "", true);
    check(Operation::Unknown, "own", "a", true);
    check(Operation::Unknown, "logs-1", "a", false);
    check(Operation::HeadBucket, "photos", "", true);
    check(Operation::HeadBucket, "other", "", false);
    check(Operation::Preflight, "other", "a", true);
}

#[test]
fn buckets_that_grants_name() {
    let own = |grants: &Grants, client| {
        let names = grants.own_buckets(client)?;
        Some(
            names
                .iter()
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect::<Vec<_>>()
                .join(" "),
        )
    };
    let of = |grants| Grants::limited(grants);
    let grant = |names: &[&str]| Grant::new(names, b"x/", &[Verb::Write]).unwrap();
    let near = vec!["192.0.2.0/24".parse().unwrap()];
    let client = |ip: &str| Some(ClientAddress::Ip(ip.parse().unwrap()));

    assert_eq!(own(&Grants::unrestricted(), None), None);
    assert_eq!(own(&photos(), None), None);
    assert_eq!(own(&of(vec![]), None).as_deref(), Some(""));
    let two = of(vec![grant(&["media", "logs"]), grant(&["logs", "archive"])]);
    assert_eq!(own(&two, None).as_deref(), Some("archive logs media"));
    for name in ["archive", "logs", "media"] {
        assert!(two.shows(name.as_bytes(), None));
    }
    // What is for other networks counts neither as a name nor as a pattern.
    let here = of(vec![
        grant(&["media"]),
        grant(&["logs-*"]).only_from(near.clone()),
        grant(&["lan"]).only_from(near),
    ]);
    assert_eq!(own(&here, client("198.51.100.1")).as_deref(), Some("media"));
    assert_eq!(own(&here, None).as_deref(), Some("media"));
    assert_eq!(own(&here, client("192.0.2.1")), None);
    // A bucket of which all is denied is none; one of which some is denied is.
    let denied = |prefix: &[u8]| {
        let deny = Grant::new(&["m*"], prefix, &[Verb::All]).unwrap().denying();
        own(&of(vec![grant(&["media", "logs"]), deny]), None)
    };
    assert_eq!(denied(b"").as_deref(), Some("logs"));
    assert_eq!(denied(b"private/").as_deref(), Some("logs media"));
}

#[test]
fn whole_buckets_need_grants_without_prefix() {
    check(Operation::ListObjects, "photos", "2026/0", true);
    check(Operation::ListObjects, "photos", "2025/", false);
    check(Operation::ListObjects, "photos", "", false);
    check(Operation::ListObjects, "own", "", true);
    check(Operation::DeleteObjects, "own", "", true);
    check(Operation::ListBuckets, "", "", false);
    let all = |prefix| Grants::limited(vec![Grant::new(&["*"], prefix, &[Verb::List]).unwrap()]);
    assert!(all(b"").allows(Operation::ListBuckets, b"", b""));
    assert!(!all(b"a").allows(Operation::ListBuckets, b"", b""));
}

#[test]
fn dot_segments_are_covered_by_no_grant() {
    for key in
        ["2026/../2025/a", "2026/..", "2026/./a", "2026/%2E%2E/a", "2026%2F..%2Fa", "2026/a/.."]
    {
        check(Operation::GetObject, "photos", key, false);
    }
    for key in ["2026/..a", "2026/.git/a", "2026/...", "2026/a..", "2026//a"] {
        check(Operation::GetObject, "photos", key, true);
    }
    check(Operation::GetObject, "own", "../photos/a", false);
    let all = Grants::limited(vec![Grant::new(&["*"], b"", &[Verb::All]).unwrap()]);
    assert!(!all.allows(Operation::GetObject, b"..", b"a"));
    assert!(Grants::unrestricted().allows(Operation::GetObject, b"..", b"../a"));
}

#[test]
fn no_grants_allow_nothing() {
    assert!(!Grants::limited(Vec::new()).allows(Operation::GetObject, b"a", b"b"));
    assert!(Grants::unrestricted().allows(Operation::DeleteBucket, b"a", b""));
}

#[test]
fn odd_grants_are_refused() {
    let check = |bucket: &str| {
        assert_eq!(Grant::new(&[bucket], b"", &[Verb::All]), Err(GrantError::Bucket), "{bucket}")
    };
    ["", "a*b", "**", "*a", "a/b", ".", "..*"].into_iter().for_each(check);
    assert_eq!(Grant::new::<_, Verb>(&["a"], b"", &[]), Err(GrantError::NoActions));
    assert_eq!(Grant::new::<&str, _>(&[], b"", &[Verb::All]), Err(GrantError::NoBuckets));
}

/// Anything in two buckets but below `private/`, and nothing that changes a bucket.
fn with_denials() -> Grants {
    Grants::limited(vec![
        Grant::new(&["*"], b"", &[Verb::All]).unwrap(),
        Grant::new(&["photos", "own"], b"private/", &[Verb::All]).unwrap().denying(),
        Grant::new(&["*"], b"", &[Operation::DeleteObject]).unwrap().denying(),
    ])
}

#[test]
fn a_denial_wins() {
    let check = |operation: Operation, bucket: &str, key: &str, expected: Decision| {
        let decision = with_denials().decide(operation, bucket.as_bytes(), key.as_bytes(), None);
        assert_eq!(decision, expected, "{operation} {bucket} {key}");
    };
    let (allowed, denied) =
        (Decision::Allowed { by: Some(0) }, |by: usize| Decision::Denied { by });
    check(Operation::GetObject, "photos", "public/k", allowed);
    check(Operation::GetObject, "photos", "private/k", denied(1));
    check(Operation::GetObject, "photos", "private%2Fk", denied(1));
    check(Operation::GetObject, "photos", "//private//k", denied(1));
    check(Operation::GetObject, "other", "private/k", allowed);
    check(Operation::DeleteObject, "other", "k", denied(2));
    check(Operation::DeleteObjects, "other", "k", denied(2));
    check(Operation::DeleteObjectTagging, "other", "k", allowed);
    // What touches what is denied.
    check(Operation::ListObjects, "photos", "", denied(1));
    check(Operation::ListObjects, "photos", "p", denied(1));
    check(Operation::ListObjects, "photos", "public/", allowed);
    check(Operation::ListBuckets, "", "", allowed);
    check(Operation::DeleteBucket, "photos", "", denied(1));
    check(Operation::PutBucketPolicy, "photos", "", denied(1));
    check(Operation::PutBucketPolicy, "other", "", allowed);
    check(Operation::HeadBucket, "photos", "", allowed);
    // What could be anything, anywhere.
    check(Operation::Unknown, "photos", "public/k", denied(1));
    check(Operation::PostObject, "other", "", denied(2));
    check(Operation::Unknown, "", "photos/private/k", denied(1));
    check(Operation::Preflight, "photos", "private/k", Decision::Allowed { by: None });
}

#[test]
fn a_bucket_of_which_nothing_may_be_known() {
    let grants = Grants::limited(vec![
        Grant::new(&["secret"], b"", &[Verb::All]).unwrap().denying(),
        Grant::new(&["*"], b"", &[Verb::All]).unwrap(),
    ]);
    for operation in [Operation::HeadBucket, Operation::GetBucketLocation, Operation::ListObjects] {
        assert!(!grants.allows(operation, b"secret", b""), "{operation}");
        assert!(grants.allows(operation, b"other", b""), "{operation}");
    }
    assert!(grants.allows(Operation::ListBuckets, b"", b""));
}

#[test]
fn several_prefixes() {
    let grants = Grants::limited(vec![
        Grant::new(&["b"], b"a/", &[Verb::Read, Verb::List]).unwrap().and_prefix(b"c/"),
    ]);
    for (key, expected) in [("a/k", true), ("c/k", true), ("b/k", false), ("", false)] {
        assert_eq!(grants.allows(Operation::GetObject, b"b", key.as_bytes()), expected, "{key}");
        assert_eq!(grants.allows(Operation::ListObjects, b"b", key.as_bytes()), expected, "{key}");
    }
}

#[test]
fn names_of_operations() {
    let grants = Grants::limited(vec![
        Grant::new(&["b"], b"", &[Operation::PutObject, Operation::GetBucketPolicy]).unwrap(),
    ]);
    for operation in Operation::ALL {
        let expected = matches!(
            operation.name(),
            "PutObject"
                | "CopyObject"
                | "RenameObject"
                | "CreateMultipartUpload"
                | "UploadPart"
                | "UploadPartCopy"
                | "CompleteMultipartUpload"
                | "AbortMultipartUpload"
                | "ListParts"
                | "GetBucketPolicy"
                | "HeadBucket"
                | "GetBucketLocation"
                | "Preflight"
        );
        assert_eq!(grants.allows(*operation, b"b", b""), expected, "{operation}");
    }
}

#[test]
fn where_from() {
    let networks = |text: &str| vec![text.parse().unwrap()];
    let grants = Grants::limited(vec![
        Grant::new(&["b"], b"", &[Verb::Read]).unwrap(),
        Grant::new(&["b"], b"", &[Verb::Write]).unwrap().only_from(networks("10.0.0.0/8")),
        Grant::new(&["b"], b"k", &[Verb::All])
            .unwrap()
            .denying()
            .only_from(networks("192.0.2.0/24")),
    ]);
    let may = |operation, client: Option<&str>| {
        let client = client.map(|address| ClientAddress::Ip(address.parse().unwrap()));
        grants.decide(operation, b"b", b"k", client).is_allowed()
    };
    assert!(may(Operation::GetObject, Some("10.1.2.3")));
    assert!(may(Operation::PutObject, Some("10.1.2.3")));
    assert!(may(Operation::PutObject, Some("::ffff:10.1.2.3")));
    assert!(may(Operation::GetObject, Some("2001:db8::1")));
    assert!(!may(Operation::PutObject, Some("2001:db8::1")));
    assert!(!may(Operation::GetObject, Some("192.0.2.1")));
    // Not known: nothing of what is allowed to some, all of what is denied to some.
    assert!(!may(Operation::GetObject, None));
    let read = Grants::unrestricted().only_from(networks("10.0.0.0/8"));
    assert!(read.admits(Some(ClientAddress::Ip("10.0.0.1".parse().unwrap()))));
    assert!(!read.admits(Some(ClientAddress::Unix)) && !read.admits(None));
    assert!(Grants::unrestricted().admits(None));
}

#[test]
fn buckets_that_are_shown() {
    for name in ["photos", "logs-", "logs-1", "own"] {
        assert!(photos().shows(name.as_bytes(), None), "{name}");
    }
    for name in ["photos2", "logs", "", "."] {
        assert!(!photos().shows(name.as_bytes(), None), "{name}");
    }
    assert!(Grants::unrestricted().shows(b"any", None));
    assert!(!Grants::limited(Vec::new()).shows(b"any", None));
}

#[test]
fn in_words() {
    let grant = Grant::new(&["photos", "logs-*"], b"2026/", &[Verb::Read, Verb::List]).unwrap();
    let grant = grant
        .and_prefix(b"a\"b")
        .only_from(vec!["192.0.2.0/24".parse().unwrap(), "unix:".parse().unwrap()]);
    assert_eq!(
        grant.to_string(),
        r#"allow list, read on photos, logs-* below "2026/", "a\"b" from 192.0.2.0/24, unix:"#
    );
    let grant = Grant::new(&["*"], b"", &[Operation::ListObjects]).unwrap().denying();
    assert_eq!(grant.to_string(), "deny ListObjects, ListObjectsV2 on *");
    assert_eq!(Grant::new(&["a"], b"", &[Verb::All]).unwrap().to_string(), "allow all on a");
}
