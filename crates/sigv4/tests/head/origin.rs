//! What goes to the origin: header rules, target, payload, preflight.

use sigv4::{
    Credential, Error, Header, HeaderError, Keyring, OriginBody, OriginCredential, OriginRequest,
    OtherBody, PayloadError, Permit, Policy, ResignError, Secret, TargetBuffers, Unwrapped,
    presign, resign, verify,
};

use crate::support::{Owned, time};

const NOW: &str = "20260315T120000Z";

fn origin(token: Option<&str>) -> OriginCredential {
    OriginCredential::new("ORIGIN", Secret::new("other"), token.map(Secret::new), "eu-1", "s3")
}

fn send_as(
    head: &Owned,
    permit: &Permit,
    origin: &OriginCredential,
    body: &OriginBody,
) -> Result<Owned, ResignError> {
    let (mut buffers, mut out) = (TargetBuffers::default(), b"left over".to_vec());
    head.with_head(1, |head| {
        resign(
            &OriginRequest {
                head,
                permit,
                authority: b"o:9000",
                credential: origin,
                body,
                now: time(NOW),
            },
            &mut buffers,
            &mut out,
        )
    })
    .expect("a head")?;
    let sent = Owned::parse(&out);
    verify_at_origin(&sent, origin);
    Ok(sent)
}

/// The origin's side: same crate, other key. That the crate agrees with others is what the vectors show.
fn verify_at_origin(sent: &Owned, origin: &OriginCredential) {
    if sent.header("authorization").is_none() {
        return;
    }
    let mut credential = Credential::new("ORIGIN", Secret::new("other"), ());
    if let Some(token) = sent.header("x-amz-security-token") {
        credential = credential.with_token(Secret::new(token), None);
    }
    let mut keyring = Keyring::default();
    keyring.insert(credential).unwrap();
    let policy = Policy { regions: vec![origin.region().to_vec()], ..Policy::default() };
    let sent = sent.clone().complete();
    sent.with(|r| verify(r, &keyring, &policy, time(NOW), &mut TargetBuffers::default()).map(drop))
        .unwrap();
}

fn send(headers: &[(&str, &str)]) -> Result<Owned, ResignError> {
    let head = Owned::new("GET", "/b/k", headers);
    send_as(&head, &Permit::verify_off(), &origin(None), &OriginBody::default())
}

fn names(sent: &Owned) -> Vec<String> {
    let names =
        sent.headers.iter().map(|(name, _)| String::from_utf8(name.to_ascii_lowercase()).unwrap());
    names.collect()
}

fn signed_names(sent: &Owned) -> String {
    let value = sent.header("authorization").unwrap();
    let list = value.split("SignedHeaders=").nth(1).unwrap();
    list.split(',').next().unwrap().to_owned()
}

const OURS: [&str; 4] = ["host", "x-amz-content-sha256", "x-amz-date", "authorization"];

#[test]
fn what_is_the_clients_own_is_replaced() {
    let sent = send(&[
        ("Host", "client"),
        ("Authorization", "AWS4-HMAC-SHA256 Credential=CLIENT"),
        ("X-Amz-Date", "20000101T000000Z"),
        ("Date", "Sat, 01 Jan 2000 00:00:00 GMT"),
        ("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"),
        ("X-Amz-Security-Token", "client"),
        ("x_amz_security_token", "client"),
        ("x-amz-s3session-token", "client"),
        ("x-amz-region-set", "*"),
        ("Keep-Alive", "1"),
        ("Proxy-Authorization", "client"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Expect", "100-continue"),
        ("Cookie", "client"),
        ("Upgrade", "h2c"),
        ("X-HTTP-Method-Override", "DELETE"),
        ("X-Method-Override", "DELETE"),
        ("X-HTTP-Method", "DELETE"),
    ]);
    let sent = sent.unwrap();
    assert_eq!(names(&sent), OURS);
    assert_eq!(sent.header("host"), Some("o:9000"));
    assert_eq!(sent.header("x-amz-date"), Some(NOW));
    assert_eq!(signed_names(&sent), "host;x-amz-content-sha256;x-amz-date");
}

/// A source of a copy in the origin's words: whatever the client's is written like, it is there once, and signed.
#[test]
fn headers_in_the_place_of_the_clients() {
    let head = Owned::new(
        "PUT",
        "/b/k?X-Amz-Signature=s&x-amz-copy-source=%2Fa%2Fk",
        &[("X-Amz-Copy-Source", "/a/k"), ("x_amz_copy_source", "/a/k"), ("x-amz-acl", "private")],
    );
    let (origin, permit, body) = (origin(None), Permit::verify_off(), OriginBody::default());
    let with = |name: &str, value: &str| {
        let header = Header { name: name.as_bytes(), value: value.as_bytes() };
        let (mut buffers, mut out) = (TargetBuffers::default(), Vec::new());
        let resigned = head.with_head(1, |head| {
            let replaced = [header];
            let head = head.with_replaced(&replaced)?;
            let request = OriginRequest {
                head: &head,
                permit: &permit,
                authority: b"o",
                credential: &origin,
                body: &body,
                now: time(NOW),
            };
            resign(&request, &mut buffers, &mut out).unwrap();
            Some(())
        });
        resigned.unwrap().map(|()| Owned::parse(&out))
    };
    let sent = with("x-amz-copy-source", "/c/k").unwrap();
    verify_at_origin(&sent, &origin);
    assert_eq!(sent.header("x-amz-copy-source"), Some("/c/k"));
    assert!(!names(&sent).contains(&"x_amz_copy_source".to_owned()));
    let signed = "host;x-amz-acl;x-amz-content-sha256;x-amz-copy-source;x-amz-date";
    assert_eq!(signed_names(&sent), signed);
    // What is ours stays ours.
    let sent = with("x-amz-date", "20000101T000000Z").unwrap();
    assert_eq!(sent.header("x-amz-date"), Some(NOW));
    assert_eq!(with("host", "h").unwrap().header("host"), Some("o"));
    assert!(with("x-amz-copy-source", "/c/k\r\nx: y").is_none());
    assert!(with("x amz", "/c/k").is_none());
}

/// X13.
#[test]
fn the_origins_token_is_sent_and_signed() {
    let head = Owned::new("GET", "/b/k", &[("x-amz-security-token", "client")]);
    let permit = Permit::verify_off();
    let sent = send_as(&head, &permit, &origin(Some("origin")), &OriginBody::default()).unwrap();
    assert_eq!(sent.header("x-amz-security-token"), Some("origin"));
    assert_eq!(signed_names(&sent), "host;x-amz-content-sha256;x-amz-date;x-amz-security-token");
}

#[test]
fn the_rest_is_forwarded() {
    let unsigned = [
        ("User-Agent", "x"),
        ("Range", "bytes=0-1"),
        ("If-Match", "\"e\""),
        ("Accept-Encoding", "gzip"),
        ("X-Forwarded-For", "1.2.3.4"),
        ("x-amzn-trace-id", "Root=1"),
    ];
    let signed = [("x-amz-acl", " private "), ("Content-Type", "a/b"), ("Content-MD5", "AA==")];
    let sent = send(&[unsigned.as_slice(), &signed].concat()).unwrap();
    for (name, value) in unsigned {
        assert_eq!(sent.header(name), Some(value));
    }
    // As it was written; the signature is of the trimmed value.
    assert_eq!(sent.header("X-AMZ-ACL"), Some(" private "));
    let expected = "content-md5;content-type;host;x-amz-acl;x-amz-content-sha256;x-amz-date";
    assert_eq!(signed_names(&sent), expected);
}

/// X14.
#[test]
fn connection() {
    let check = |value: &str, expected: Option<&str>, stays: bool| {
        let sent = send(&[("Connection", value), ("X-Hop", "1")]).unwrap();
        assert_eq!(sent.header("connection"), expected, "{value}");
        assert_eq!(sent.header("x-hop").is_some(), stays, "{value}");
    };
    check("close", Some("close"), true);
    check("Keep-Alive", Some("keep-alive"), true);
    check("", None, true);
    check("upgrade", None, true);
    check("close, x-hop", Some("close"), false);
    check("X-HOP", None, false);
    for name in ["x-amz-acl", "X_Amz_Acl", "Content-Length", "content-md5", "host", "authorization"]
    {
        let error = ResignError::ConnectionNamesHeader { name: name.into() };
        let listed = format!("close, {name}");
        assert_eq!(send(&[("Connection", &listed)]).unwrap_err(), error);
    }
}

#[test]
fn heads_that_cannot_be_written_are_refused() {
    let permit = Permit::verify_off();
    let (mut buffers, mut out) = (TargetBuffers::default(), Vec::new());
    for authority in ["", "o\r\n", "o x", "\u{e9}"] {
        let (body, now) = (OriginBody::default(), time(NOW));
        let result = Owned::new("GET", "/", &[]).with_head(1, |head| {
            let authority = authority.as_bytes();
            resign(
                &OriginRequest {
                    head,
                    permit: &permit,
                    authority,
                    credential: &origin(None),
                    body: &body,
                    now,
                },
                &mut buffers,
                &mut out,
            )
        });
        assert_eq!(result.unwrap().unwrap_err(), ResignError::AuthorityInvalid);
    }
    let twice = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), ("x-amz-content-sha256", "x")];
    assert!(matches!(
        send(&twice).unwrap_err(),
        ResignError::Request(Error::Header(HeaderError::Repeated { .. }))
    ));
    let ecdsa = [("x-amz-content-sha256", "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD")];
    assert!(matches!(
        send(&ecdsa).unwrap_err(),
        ResignError::Request(Error::Payload(PayloadError::EcdsaStreaming { .. }))
    ));
}

#[test]
fn payload_lines() {
    let check = |sent: &str, expected: &str| {
        let sent = send(&[("x-amz-content-sha256", sent)]).unwrap();
        assert_eq!(sent.header("x-amz-content-sha256"), Some(expected));
    };
    let upper = "AB".repeat(32);
    check(&upper, &upper);
    check("UNSIGNED-PAYLOAD", "UNSIGNED-PAYLOAD");
    // Only without verification can this come so far.
    check("nonsense", "UNSIGNED-PAYLOAD");
    assert_eq!(send(&[]).unwrap().header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
}

#[test]
fn the_payloads_line_stays_where_it_is() {
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let check = |headers: &[(&str, &str)], expected: &[&str]| {
        let sent = send(headers).unwrap();
        assert_eq!(names(&sent), expected, "{headers:?}");
        assert!(signed_names(&sent).contains("host;x-amz-"), "{headers:?}");
    };
    let [host, payload, date, authorization] = OURS;
    for name in ["x-amz-content-sha256", "X-Amz-Content-SHA256"] {
        for value in [empty, "UNSIGNED-PAYLOAD"] {
            let (own, user) = ((name, value), ("user-agent", "x"));
            check(&[own, user], &[host, payload, "user-agent", date, authorization]);
            check(&[user, own], &[host, "user-agent", payload, date, authorization]);
            let acl = ("x-amz-acl", "private");
            check(&[own, acl], &[host, payload, "x-amz-acl", date, authorization]);
        }
        // It says nothing.
        check(&[(name, "x"), ("a", "b")], &[host, "a", payload, date, authorization]);
        let twice = [(name, empty), ("x_amz_content_sha256", empty)];
        assert!(matches!(send(&twice), Err(ResignError::Request(Error::Header(_)))));
    }
    // Not what it is called to every origin.
    let other = [("x_amz_content_sha256", empty), ("a", "b")];
    check(&other, &[host, "a", payload, date, authorization]);
    // Another body, of which it is true by chance.
    let head = Owned::new("GET", "/b/k", &[(payload, empty), (payload, empty), ("a", "b")]);
    let nothing = OriginBody::Other(OtherBody::known(b""));
    let sent = send_as(&head, &Permit::verify_off(), &origin(None), &nothing).unwrap();
    assert_eq!(names(&sent), [host, "a", payload, date, authorization]);
}

#[test]
fn http_version_and_target() {
    let (mut buffers, mut out) = (TargetBuffers::default(), Vec::new());
    let permit = Permit::verify_off();
    for (minor, target, line) in [
        (0, "/b/a+b?c&a=%2f", "GET /b/a%20b?a=%2F&c= HTTP/1.0\r\n"),
        (1, "/b/%c3%a9?", "GET /b/%C3%A9 HTTP/1.1\r\n"),
        (1, "?x", "GET /?x= HTTP/1.1\r\n"),
    ] {
        let (origin, body, now) = (origin(None), OriginBody::default(), time(NOW));
        Owned::new("GET", target, &[])
            .with_head(minor, |h| {
                resign(
                    &OriginRequest {
                        head: h,
                        permit: &permit,
                        authority: b"o",
                        credential: &origin,
                        body: &body,
                        now,
                    },
                    &mut buffers,
                    &mut out,
                )
            })
            .unwrap()
            .unwrap();
        assert!(out.starts_with(line.as_bytes()), "{}", String::from_utf8_lossy(&out));
        assert!(out.ends_with(b"\r\n\r\n"));
    }
    let broken = Owned::new("GET", "/%zz", &[]);
    let error = send_as(&broken, &permit, &origin(None), &OriginBody::default()).unwrap_err();
    assert!(matches!(error, ResignError::Request(Error::Target(_))));
}

#[test]
fn unwrapped_bodies() {
    let put = |encoding: &[(&str, &str)]| {
        let mut headers = vec![
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-checksum-crc32", "stale"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "200"),
        ];
        headers.extend(encoding);
        let checksum = Some((b"x-amz-checksum-crc32".to_vec(), b"AAAAAA==".to_vec()));
        let body = OriginBody::Unwrapped(Unwrapped { decoded_length: 5, checksum });
        let head = Owned::new("PUT", "/b/k", &headers);
        let (mut buffers, mut out) = (TargetBuffers::default(), Vec::new());
        let (permit, origin, now) = (Permit::verify_off(), origin(None), time(NOW));
        let signed = head
            .with_head(1, |h| {
                resign(
                    &OriginRequest {
                        head: h,
                        permit: &permit,
                        authority: b"o",
                        credential: &origin,
                        body: &body,
                        now,
                    },
                    &mut buffers,
                    &mut out,
                )
            })
            .unwrap()
            .unwrap();
        assert!(signed.chunk_chain().is_none());
        let sent = Owned::parse(&out);
        verify_at_origin(&sent, &origin);
        assert_eq!(sent.header("content-length"), Some("5"));
        assert_eq!(sent.header("x-amz-checksum-crc32"), Some("AAAAAA=="));
        assert_eq!(sent.header("x-amz-content-sha256"), Some("UNSIGNED-PAYLOAD"));
        for gone in ["transfer-encoding", "x-amz-decoded-content-length", "x-amz-trailer"] {
            assert_eq!(sent.header(gone), None);
        }
        sent.header("content-encoding").map(str::to_owned)
    };
    assert_eq!(put(&[]), None);
    assert_eq!(put(&[("Content-Encoding", "aws-chunked")]), None);
    assert_eq!(put(&[("Content-Encoding", "gzip,AWS-Chunked, br")]).as_deref(), Some("gzip, br"));
    assert_eq!(put(&[("Content-Encoding", "gzip")]).as_deref(), Some("gzip"));
    // What is not touched stays as it was written.
    assert_eq!(put(&[("Content-Encoding", "gzip,br")]).as_deref(), Some("gzip,br"));
}

#[test]
fn other_bodies() {
    let send = |method, target, other| {
        let headers = [
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("x-amz-checksum-sha1", "stale"),
            ("x-amz-sdk-checksum-algorithm", "SHA1"),
            ("Content-MD5", "stale"),
            ("Content-Encoding", "aws-chunked"),
            ("Content-Length", "200"),
            ("x-amz-meta-a", "kept"),
        ];
        let head = Owned::new(method, target, &headers);
        let (origin, body) = (origin(None), OriginBody::Other(other));
        let sent = send_as(&head, &Permit::verify_off(), &origin, &body).unwrap();
        assert_eq!(sent.header("x-amz-meta-a"), Some("kept"));
        let stated = headers.iter().map(|(name, _)| *name);
        for gone in stated.filter(|name| {
            !["x-amz-content-sha256", "Content-Length", "x-amz-meta-a"].contains(name)
        }) {
            assert_eq!(sent.header(gone), None, "{gone}");
        }
        let text = |name| sent.header(name).map(str::to_owned);
        (text("content-length"), text("x-amz-content-sha256").unwrap())
    };
    let none = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let length = |value: &str| Some(value.to_owned());
    let parameters = "/b/k?x-amz-trailer=x-amz-checksum-crc32&x-amz-decoded-content-length=5";
    for target in ["/b/k", parameters] {
        assert_eq!(send("GET", target, OtherBody::known(b"")), (None, none.into()));
        assert_eq!(send("PUT", target, OtherBody::known(b"")), (length("0"), none.into()));
        assert_eq!(send("PUT", target, OtherBody::known(b"abc")), (length("3"), abc.into()));
        let unsigned = (length("7"), "UNSIGNED-PAYLOAD".to_owned());
        assert_eq!(send("GET", target, OtherBody::of_length(7)), unsigned);
    }
}

#[test]
fn the_md5_of_another_body() {
    let head =
        Owned::new("POST", "/b?delete", &[("content_md5", "stale"), ("Content-MD5", "stale")]);
    // RFC 1321, A.5: of "abc".
    let md5 = 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72_u128.to_be_bytes();
    let body = OriginBody::Other(OtherBody::known(b"abc").with_md5(md5));
    let sent = send_as(&head, &Permit::verify_off(), &origin(None), &body).unwrap();
    assert_eq!(sent.header("content-md5"), Some("kAFQmDzST7DWlj99KOF/cg=="));
    assert_eq!(sent.header("content_md5"), None);
    let authorization = sent.header("authorization").unwrap();
    assert!(authorization.contains("SignedHeaders=content-length;content-md5;"), "{authorization}");
}

#[test]
fn a_preflight_is_not_signed() {
    let head = |method, target| {
        let origin = ("Origin", "https://page");
        Owned::new(
            method,
            target,
            &[
                ("Host", "client"),
                origin,
                ("Authorization", "x"),
                ("Cookie", "c"),
                ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ],
        )
    };
    let (permit, body) = (Permit::preflight(), OriginBody::default());
    let target = "/b/k?X-Amz-Signature=1&X-Amz-Algorithm=x&x-amz-acl=private&x-id=PutObject";
    let sent = send_as(&head("OPTIONS", target), &permit, &origin(Some("t")), &body).unwrap();
    assert_eq!(names(&sent), ["host", "origin"]);
    assert_eq!(sent.target, b"/b/k?x-id=PutObject");
    let error = send_as(&head("PUT", target), &permit, &origin(None), &body).unwrap_err();
    assert_eq!(error, ResignError::NotPreflight);
}

/// A presigned URL becomes header authentication: its parameters go, those that stand for headers become headers.
#[test]
fn presigned_parameters() {
    let key = OriginCredential::new("AKID", Secret::new("secret"), None, "r", "s3");
    let target = "/b/k?x-amz-acl=private&X-Amz-Meta-A=a%20%20b&versionId=1&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD\
        &x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32";
    let request = Owned::new(
        "PUT",
        target,
        &[("Host", "h"), ("Content-Length", "0"), ("x-amz-acl", "private")],
    );
    let target = request.with(|r| presign(r, 900, &key, time(NOW)).unwrap());
    let request = Owned { target, ..request };
    let mut keyring = Keyring::default();
    keyring.insert(Credential::new("AKID", Secret::new("secret"), ())).unwrap();
    let mut buffers = TargetBuffers::default();
    let permit = request
        .with(|r| {
            verify(r, &keyring, &Policy::default(), time(NOW), &mut buffers).map(|v| v.permit())
        })
        .unwrap();
    let body = OriginBody::default();
    let sent = send_as(&request, &permit, &origin(None), &body).unwrap();
    assert_eq!(sent.target, b"/b/k?versionId=1");
    assert_eq!(sent.header("x-amz-acl"), Some("private"));
    assert_eq!(sent.header("x-amz-meta-a"), Some("a  b"));
    let expected = "content-length;host;x-amz-acl;x-amz-content-sha256;x-amz-date;x-amz-meta-a";
    assert_eq!(signed_names(&sent), expected);

    // Without verification the same happens to what looks presigned; header authentication keeps its query.
    let off = send_as(&request, &Permit::verify_off(), &origin(None), &body).unwrap();
    assert_eq!(off.target, sent.target);
    let plain = Owned::new("GET", "/b/k?x-amz-acl=private&Expires=1", &[]);
    let off = send_as(&plain, &Permit::verify_off(), &origin(None), &body).unwrap();
    assert_eq!(off.target, b"/b/k?Expires=1&x-amz-acl=private");
    // Half a presigned URL looks presigned, too.
    let sign =
        ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "AWSAccessKeyId", "Signature"];
    for name in sign {
        let half = Owned::new("GET", &format!("/b/k?{name}=a&versionId=1"), &[]);
        let off = send_as(&half, &Permit::verify_off(), &origin(None), &body).unwrap();
        assert_eq!(off.target, b"/b/k?versionId=1", "{name}");
    }
}
