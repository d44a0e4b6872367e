//! Rules of verification that the cases of the reference leave open: for each accept the nearest reject.

use sigv4::{
    AuthorizationError, Credential, Error, Header, HeaderError, Keyring, Mechanism, MechanismError,
    OriginCredential, Payload, PayloadError, Policy, QueryError, RequestParts, Secret,
    SignatureError, TargetBuffers, TargetError, TimeError, presign, presign_v2, sign_request,
    target, verify,
};

use crate::support::{Owned, time};

const NOW: &str = "20260315T120000Z";

fn key() -> OriginCredential {
    OriginCredential::new("AKID", Secret::new("secret"), None, "us-east-1", "s3")
}

fn keyring() -> Keyring<()> {
    let mut keyring = Keyring::default();
    keyring.insert(Credential::new("AKID", Secret::new("secret"), ())).unwrap();
    keyring
}

fn sign(method: &str, target: &str, payload: &str, headers: &[(&str, &str)]) -> Owned {
    let mut all = vec![("Host", "h")];
    all.extend(headers);
    let mut request = Owned::new(method, target, &all);
    let payload = Payload::parse(payload.as_bytes()).unwrap();
    let added = request.with(|r| sign_request(r, &payload, &key(), time(NOW)).unwrap().headers);
    added.into_iter().for_each(|(name, value)| request.push(name, value));
    request
}

/// Presigned, with what the target already has.
fn presigned(method: &str, target: &str, headers: &[(&str, &str)]) -> Owned {
    let mut all = vec![("Host", "h")];
    all.extend(headers);
    let request = Owned::new(method, target, &all);
    let target = request.with(|r| presign(r, 900, &key(), time(NOW)).unwrap());
    Owned { target, ..request }
}

fn decide(request: &Owned, policy: &Policy) -> Result<Mechanism, Error> {
    let mut buffers = TargetBuffers::default();
    let keyring = keyring();
    request.with(|r| verify(r, &keyring, policy, time(NOW), &mut buffers).map(|v| v.mechanism()))
}

fn check(request: &Owned, expected: Result<(), Error>) {
    let found = decide(request, &Policy::default()).map(drop);
    assert_eq!(found, expected, "{}", String::from_utf8_lossy(&request.target));
}

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
const STREAMING: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

#[test]
fn hosts() {
    let request = sign("GET", "/b/k", UNSIGNED, &[]);
    let hosts = |hosts: &[&str]| Policy {
        hosts: hosts.iter().map(|host| host.as_bytes().to_vec()).collect(),
        ..Policy::default()
    };
    assert!(decide(&request, &hosts(&[])).is_ok());
    assert!(decide(&request, &hosts(&["x", "H"])).is_ok());
    let error = Error::Header(HeaderError::HostNotServed { host: b"h".to_vec() });
    assert_eq!(decide(&request, &hosts(&["x", "h:80"])), Err(error));
}

#[test]
fn bucket_and_key() {
    check(&sign("GET", "/b/a%2Fb", UNSIGNED, &[]), Ok(()));
    let slash = Error::Target(TargetError::EscapedSlashInBucket);
    check(&sign("GET", "/b%2fa/b", UNSIGNED, &[]), Err(slash));
    // 1024 bytes are three times as many when each is escaped.
    check(&sign("GET", &format!("/b/{}", "%C3%A9".repeat(512)), UNSIGNED, &[]), Ok(()));
    let long = Error::Target(TargetError::KeyTooLong { size: 1025, max: 1024 });
    check(&sign("GET", &format!("/b/{}x", "%C3%A9".repeat(512)), UNSIGNED, &[]), Err(long));
    // The bucket is no part of the key, unless it stands in the host.
    let path = format!("/b{}", "/".repeat(1025));
    check(&sign("GET", &path, UNSIGNED, &[]), Ok(()));
    let mut virtual_host = Owned::new("GET", &path, &[("Host", "b.h")]);
    let added = virtual_host.with(|r| sign_request(r, &Payload::Unsigned, &key(), time(NOW)));
    added.unwrap().headers.into_iter().for_each(|(name, value)| virtual_host.push(name, value));
    let policy = Policy { domains: vec![b"h".to_vec()], ..Policy::default() };
    let long = Error::Target(TargetError::KeyTooLong { size: 1026, max: 1024 });
    assert_eq!(decide(&virtual_host, &policy), Err(long));
    check(&virtual_host, Ok(()));
}

#[test]
fn targets_in_other_forms() {
    let mut request = sign("OPTIONS", "/", UNSIGNED, &[]);
    check(&request, Ok(()));
    request.target = b"*".to_vec();
    check(&request, Err(Error::Target(TargetError::NotOriginForm)));
    request.target = b"".to_vec();
    check(&request, Ok(()));
}

#[test]
fn control_bytes() {
    check(&sign("GET", "/b/k", UNSIGNED, &[("x-a", "a\tb\u{e9}")]), Ok(()));
    for bad in ["a\0", "a\nb", "\x7f", "\x1f"] {
        let mut request = sign("GET", "/b/k", UNSIGNED, &[]);
        request.push("x-a", bad);
        check(&request, Err(Error::Header(HeaderError::ControlByte { name: b"x-a".to_vec() })));
    }
}

#[test]
fn underscores_do_not_hide_a_header() {
    let mut request = sign("PUT", "/b/k", UNSIGNED, &[("content-length", "0")]);
    check(&request, Ok(()));
    request.push("X_Amz_Acl", "public-read");
    check(
        &request,
        Err(Error::Header(HeaderError::NotSigned { names: vec![b"x_amz_acl".to_vec()] })),
    );
}

#[test]
fn lengths() {
    let length = |value| sign("PUT", "/b/k", UNSIGNED, &[("content-length", value)]);
    check(&length("0"), Ok(()));
    check(&length("5368709120"), Ok(()));
    let large =
        Error::Payload(PayloadError::TooLarge { proposed: 5_368_709_121, max: 5_368_709_120 });
    check(&length("5368709121"), Err(large));
    for bad in ["", "+1", "0x1", "1 1", "18446744073709551616"] {
        check(
            &length(bad),
            Err(Error::Payload(PayloadError::ContentLengthInvalid { value: bad.into() })),
        );
    }
    check(
        &sign("PUT", "/b/k", UNSIGNED, &[]),
        Err(Error::Payload(PayloadError::ContentLengthMissing)),
    );
    check(&sign("PUT", "/b/k", UNSIGNED, &[("transfer-encoding", "chunked")]), Ok(()));
    check(&sign("POST", "/b/k", UNSIGNED, &[]), Ok(()));
    check(&presigned("PUT", "/b/k", &[]), Err(Error::Payload(PayloadError::ContentLengthMissing)));
    let both = [("transfer-encoding", "chunked"), ("content-length", "1")];
    check(
        &sign("PUT", "/b/k", UNSIGNED, &both),
        Err(Error::Payload(PayloadError::ContentLengthWithTransferEncoding)),
    );
}

#[test]
fn streaming() {
    let put = |target, headers: &[(&str, &str)]| {
        let mut all = vec![("content-length", "9")];
        all.extend(headers);
        sign("PUT", target, STREAMING, &all)
    };
    let length = ("x-amz-decoded-content-length", "1");
    check(&put("/b/k", &[length]), Ok(()));
    check(&put("/b/k?partNumber=1&uploadId=2&x-id=UploadPart", &[length]), Ok(()));
    let refused =
        || Error::Payload(PayloadError::StreamingNotAllowed { keyword: STREAMING.into() });
    for target in ["/b", "/b/", "/b/k?acl", "/b/k?partNumber=1&uploadId=2&tagging"] {
        check(&put(target, &[length]), Err(refused()));
    }
    let get = sign("GET", "/b/k", STREAMING, &[length]);
    check(&get, Err(refused()));
    // The framing is longer than the object, which alone is limited.
    let policy = Policy { max_object: Some(1), ..Policy::default() };
    assert!(decide(&put("/b/k", &[length]), &policy).is_ok());
    let error = Error::Payload(PayloadError::TooLarge { proposed: 2, max: 1 });
    let two = put("/b/k", &[("x-amz-decoded-content-length", "2")]);
    assert_eq!(decide(&two, &policy), Err(error));
    let none = Policy { max_object: None, ..Policy::default() };
    let max = u64::MAX.to_string();
    assert!(decide(&put("/b/k", &[("x-amz-decoded-content-length", &max)]), &none).is_ok());

    let request = put("/b/k", &[length, ("x-amz-trailer", "x-amz-checksum-crc32")]);
    let mut buffers = TargetBuffers::default();
    let keyring = keyring();
    request.with(|r| {
        let verified = verify(r, &keyring, &Policy::default(), time(NOW), &mut buffers).unwrap();
        assert_eq!(verified.trailer(), Some("x-amz-checksum-crc32"));
        assert_eq!(verified.decoded_length(), Some(1));
        assert!(verified.chunk_chain().is_none());
    });
}

#[test]
fn hoisted_headers() {
    let conflict =
        |name: &str| Err(Error::Header(HeaderError::ContradictsQuery { name: name.into() }));
    let length = ("content-length", "0");
    check(&presigned("PUT", "/b/k?X-Amz-Acl=private", &[length]), Ok(()));
    check(
        &presigned("PUT", "/b/k?x-amz-acl=private", &[length, ("x-amz-acl", " private")]),
        Ok(()),
    );
    let other = [length, ("x-amz-acl", "public-read")];
    check(&presigned("PUT", "/b/k?x-amz-acl=private", &other), conflict("x-amz-acl"));
    let repeated = Error::Query(QueryError::Repeated { name: b"x-amz-acl".to_vec() });
    let twice = presigned("PUT", "/b/k?x-amz-acl=a", &[length]);
    let mut twice_in_other_case = twice.clone();
    twice_in_other_case.target.extend_from_slice(b"&X-Amz-Acl=b");
    check(&twice_in_other_case, Err(repeated));
    let control = Error::Header(HeaderError::ControlByte { name: b"x-amz-meta-a".to_vec() });
    check(&presigned("PUT", "/b/k?x-amz-meta-a=1%0d%0aHost:x", &[length]), Err(control));
    let name = b"x-amz-a b".to_vec();
    check(
        &presigned("GET", "/b/k?x-amz-a%20b=1", &[]),
        Err(Error::Header(HeaderError::NotAllowedInQuery { name })),
    );
    let name = b"x-amz-mfa".to_vec();
    check(
        &presigned("GET", "/b/k?x-amz-mfa=1", &[]),
        Err(Error::Header(HeaderError::NotAllowedInQuery { name })),
    );

    let request = presigned("PUT", "/b/k?x-amz-copy-source=%2Fb%2Fa%2520b&versionId=1", &[length]);
    let mut buffers = TargetBuffers::default();
    let keyring = keyring();
    request.with(|r| {
        let verified = verify(r, &keyring, &Policy::default(), time(NOW), &mut buffers).unwrap();
        let target = verified.target();
        let hoisted: Vec<_> = target.hoisted().collect();
        assert_eq!(hoisted, [(b"x-amz-copy-source".as_slice(), b"/b/a%20b".as_slice())]);
        assert_eq!((target.path(), target.query()), (&b"/b/k"[..], &b"versionId=1"[..]));
    });
}

/// botocore, where its caller set Date: the header is an HTTP date, what is signed the same instant in ISO form.
#[test]
fn dates_of_http() {
    let signed = sign("GET", "/b/k", UNSIGNED, &[]);
    let texts = ["Sun, 15 Mar 2026 12:00:00 GMT", "Sunday, 15-Mar-26 12:00:00 GMT"];
    for text in texts.into_iter().chain(["Sun Mar 15 12:00:00 2026", NOW]) {
        let mut request = sign("GET", "/b/k", UNSIGNED, &[("date", text)]);
        // The string to sign is that of x-amz-date, which is left out of the list.
        request.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"x-amz-date"));
        let decided = decide(&request, &Policy::default());
        assert!(
            matches!(decided, Err(Error::Signature(SignatureError::Mismatch { .. }))),
            "{text}: {decided:?}"
        );
    }
    let mut undated = signed;
    undated.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(b"x-amz-date"));
    assert!(matches!(
        decide(&undated, &Policy::default()),
        Err(Error::Time(TimeError::DateMissing))
    ));
}

/// What stands for a header in the query is judged as the header is.
#[test]
fn hoisted_announcements() {
    let length = ("content-length", "0");
    check(&presigned("PUT", "/b/k?x-amz-copy-source=%2Fb%2Fa", &[]), Ok(()));
    check(&presigned("PUT", "/b/k?X-Amz-Copy-Source=%2Fb%2Fa", &[]), Ok(()));
    check(
        &presigned("PUT", "/b/k?x-amz-acl=private", &[]),
        Err(Error::Payload(PayloadError::ContentLengthMissing)),
    );
    let value = b"x-amz-checksum-crc32".to_vec();
    let unexpected =
        || Err(Error::Payload(PayloadError::TrailerUnexpected { value: value.clone() }));
    for name in ["x-amz-trailer", "X-Amz-Trailer"] {
        let target = format!("/b/k?{name}=x-amz-checksum-crc32");
        check(&presigned("PUT", &target, &[length]), unexpected());
    }
}

/// Checksums in a query are signed and nothing else: they contradict no header, and go nowhere.
#[test]
fn hoisted_checksums_are_left_aside() {
    let names = [
        "x-amz-checksum-crc32",
        "X-Amz-Checksum-Sha256",
        "x-amz-checksum-algorithm",
        "x-amz-checksum-mode",
        "x-amz-checksum-type",
        "x_amz_checksum_crc32",
        "x-amz-sdk-checksum-algorithm",
        "X-Amz-Sdk-Checksum-Algorithm",
        "x_amz_sdk_checksum_algorithm",
    ];
    for name in names {
        let target = format!("/b/k?{name}=AAAAAA%3D%3D&x-id=PutObject");
        let header = name.to_ascii_lowercase();
        let request = presigned("PUT", &target, &[("content-length", "5"), (&header, "other")]);
        let mut buffers = TargetBuffers::default();
        let keyring = keyring();
        let policy = Policy::default();
        request.with(|r| {
            let target = verify(r, &keyring, &policy, time(NOW), &mut buffers).unwrap().target();
            assert_eq!(target.hoisted().count(), 0, "{name}");
            assert_eq!(target.query(), b"x-id=PutObject", "{name}");
        });
        let mut changed = request;
        let target = String::from_utf8(changed.target).unwrap().replace("AAAAAA", "BAAAAA");
        changed.target = target.into_bytes();
        let decided = decide(&changed, &policy);
        assert!(
            matches!(decided, Err(Error::Signature(SignatureError::Mismatch { .. }))),
            "{name}"
        );
    }
    for name in ["x-amz-checksums", "x-amz-sdk-checksum-algorithm-a", "x-amz-meta-checksum-crc32"] {
        let target = format!("/b/k?{name}=a");
        let request = presigned("PUT", &target, &[("content-length", "5"), (name, "b")]);
        check(&request, Err(Error::Header(HeaderError::ContradictsQuery { name: name.into() })));
    }
}

#[test]
fn presigned_payloads() {
    let hash = "ab".repeat(32);
    let payload = |request: &Owned| {
        let mut buffers = TargetBuffers::default();
        let keyring = keyring();
        request.with(|r| {
            let verified =
                verify(r, &keyring, &Policy::default(), time(NOW), &mut buffers).unwrap();
            String::from_utf8(verified.payload().line().to_vec()).unwrap()
        })
    };
    assert_eq!(payload(&presigned("GET", "/b/k", &[])), UNSIGNED);
    let query = format!("/b/k?X-Amz-Content-Sha256={hash}");
    assert_eq!(payload(&presigned("GET", &query, &[])), hash);
    let both = presigned("GET", &query, &[("x-amz-content-sha256", &hash)]);
    assert_eq!(payload(&both), hash);
    let mut conflict = presigned("GET", &query, &[]);
    conflict.push("x-amz-content-sha256", UNSIGNED);
    let name = b"x-amz-content-sha256".to_vec();
    check(&conflict, Err(Error::Header(HeaderError::ContradictsQuery { name })));
}

#[test]
fn authentication_in_another_case_is_a_sign_of_it() {
    let case = |name: &str| Err(Error::Query(QueryError::WrongCase { name: name.into() }));
    check(&Owned::new("GET", "/b/k?x-amz-signature=1", &[("Host", "h")]), case("x-amz-signature"));
    check(
        &Owned::new("GET", "/b/k?%58-AMZ-Credential=1", &[("Host", "h")]),
        case("X-AMZ-Credential"),
    );
    check(
        &Owned::new("GET", "/b/k?X-Amz-Date=1", &[("Host", "h")]),
        Err(Error::Mechanism(MechanismError::Missing)),
    );
    let mut both = sign("GET", "/b/k?prefix=x-amz-signature", UNSIGNED, &[]);
    check(&both, Ok(()));
    both.target = b"/b/k?X-aMz-Signature=1".to_vec();
    assert!(matches!(
        decide(&both, &Policy::default()),
        Err(Error::Mechanism(MechanismError::Multiple { .. }))
    ));
    for query in ["AWSAccessKeyId=a", "Signature=a"] {
        let request = Owned::new("GET", &format!("/b/k?{query}"), &[("Host", "h")]);
        let off = Error::Mechanism(MechanismError::Disabled { name: "Signature Version 2" });
        check(&request, Err(off));
        let policy = Policy { signature_v2: true, ..Policy::default() };
        assert_eq!(decide(&request, &policy), Err(Error::Query(QueryError::V2Incomplete)));
        let request = Owned::new("GET", &format!("/b/k?{query}&X-Amz-Signature=1"), &[]);
        assert!(matches!(
            decide(&request, &policy),
            Err(Error::Mechanism(MechanismError::Multiple { .. }))
        ));
    }
}

#[test]
fn a_huge_authorization_is_not_parsed() {
    let mut request = Owned::new("GET", "/b/k", &[("Host", "h")]);
    request.push("Authorization", format!("AWS4-HMAC-SHA256 {}", "a".repeat(8192)));
    check(&request, Err(Error::Authorization(AuthorizationError::TooLong)));
}

#[test]
fn v2_signs_what_selects_an_operation() {
    let policy = Policy { signature_v2: true, ..Policy::default() };
    let headers = [Header { name: b"Host", value: b"h" }];
    let v2 = |target: &str| {
        let request = RequestParts { method: b"GET", target: target.as_bytes(), headers: &headers };
        let target = presign_v2(&request, time(NOW), &key(), &policy).unwrap();
        Owned { target, ..Owned::new("GET", "", &[("Host", "h")]) }
    };
    assert_eq!(decide(&v2("/b?prefix=a&max-keys=1"), &policy), Ok(Mechanism::V2Presigned));
    let mut added = v2("/b/k");
    assert_eq!(decide(&added, &policy), Ok(Mechanism::V2Presigned));
    added.target.extend_from_slice(b"&acl");
    assert!(matches!(
        decide(&added, &policy),
        Err(Error::Signature(SignatureError::Mismatch { .. }))
    ));
    let mut added = v2("/b/k");
    added.target.extend_from_slice(b"&retention=");
    let names = vec![b"retention".to_vec()];
    assert_eq!(decide(&added, &policy), Err(Error::Query(QueryError::NotSigned { names })));
    for signed in ["x-amz-acl", "Content-Type", "content-md5"] {
        let mut added = v2("/b/k");
        added.push(signed, "x");
        assert!(
            matches!(
                decide(&added, &policy),
                Err(Error::Signature(SignatureError::Mismatch { .. }))
            ),
            "{signed}"
        );
    }
    // Never expires within the known years, never overflows.
    let far = "/b/k?AWSAccessKeyId=AKID&Expires=99999999999999999999&Signature=x";
    let far = Owned::new("GET", far, &[("Host", "h")]);
    assert!(matches!(
        decide(&far, &policy),
        Err(Error::Signature(SignatureError::Mismatch { .. }))
    ));
    let bad =
        Owned::new("GET", "/b/k?AWSAccessKeyId=AKID&Expires=-1&Signature=x", &[("Host", "h")]);
    assert!(matches!(decide(&bad, &policy), Err(Error::Time(TimeError::ExpiresNotNumber { .. }))));
}

#[test]
fn public_canonical_functions_agree_with_what_is_forwarded() {
    let (path, query) = ("/b/a+b%7e//..", "b=2&a=%2f&c");
    let request = sign("GET", &format!("{path}?{query}"), UNSIGNED, &[]);
    let mut buffers = TargetBuffers::default();
    let keyring = keyring();
    let (mut own_path, mut own_query) = (Vec::new(), Vec::new());
    target::canonical_path(path.as_bytes(), &mut own_path).unwrap();
    target::canonical_query(query.as_bytes(), &mut own_query).unwrap();
    request.with(|r| {
        let verified = verify(r, &keyring, &Policy::default(), time(NOW), &mut buffers).unwrap();
        let target = verified.target();
        assert_eq!((target.path(), target.query()), (&own_path[..], &own_query[..]));
    });
}
