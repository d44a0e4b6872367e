//! The signature vectors of the protocol reference: canonical request, then string to sign, then signature.

use crate::support::{Owned, bytes, file, keyring, origin, text, time};
use serde_json::Value;
use sigv4::{
    Header, Mechanism, OriginBody, OriginCredential, OriginRequest, Payload, Policy, RequestParts,
    Secret, TargetBuffers, explain, presign, resign, sign_request, verify,
};

/// Vectors of schemes that are not verified or signed here.
fn unsupported(vector: &Value) -> Option<&'static str> {
    match vector["kind"].as_str() {
        Some("sigv4a-key" | "sigv4a-request") => Some("Signature V4A is not implemented"),
        Some("sigv2" | "v4") | None => None,
        Some(_) => Some("POST policy forms are not implemented"),
    }
}

fn vectors(file: &Value) -> impl Iterator<Item = &Value> {
    file["vectors"].as_array().unwrap().iter()
}

fn find<'a>(file: &'a Value, id: &str) -> &'a Value {
    vectors(file).find(|vector| vector["id"] == id).unwrap()
}

/// The vector's request with the vector's own authentication.
fn signed(vector: &Value) -> Owned {
    let mut request = Owned::of(vector);
    match vector["signed_target"].as_str() {
        Some(target) => request.target = target.into(),
        None => request.push("Authorization", text(&vector["authorization"])),
    }
    request
}

fn check_explanation(vector: &Value, request: &Owned) {
    let id = text(&vector["id"]);
    let explained = request
        .with(|request| explain(request, &Policy::default(), &mut TargetBuffers::default()))
        .unwrap_or_else(|error| panic!("{id}: {error}"));
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(lossy(&explained.canonical_request), text(&vector["canonical_request"]), "{id}");
    assert_eq!(lossy(&explained.string_to_sign), text(&vector["string_to_sign"]), "{id}");
    assert_eq!(lossy(&explained.signature), text(&vector["signature"]), "{id}");
    assert_eq!(lossy(&explained.scope), text(&vector["scope"]), "{id}");
    assert_eq!(lossy(&explained.signed_headers), text(&vector["signed_headers"]), "{id}");
}

#[test]
fn every_vector_is_known() {
    let file = file();
    let skipped: Vec<_> = vectors(&file)
        .filter_map(|vector| unsupported(vector).map(|_| text(&vector["id"])))
        .collect();
    assert_eq!(skipped, ["A8", "V4A1", "V4A2", "V4A3"]);
    assert_eq!(vectors(&file).count(), 41);
}

#[test]
fn client_vectors_verify() {
    let file = file();
    let keyring = keyring(&file);
    let mut buffers = TargetBuffers::default();
    let mut count = 0;
    for vector in vectors(&file).filter(|vector| unsupported(vector).is_none()) {
        let id = text(&vector["id"]);
        if id.starts_with("V2") {
            continue;
        }
        let request = signed(vector).complete();
        if vector["service"] != "s3" {
            // B15 is a request to an origin: it is signed below, and never verified.
            continue;
        }
        check_explanation(vector, &request);
        let now = time(text(&vector["timestamp"]));
        request.with(|request| {
            let verified = verify(request, &keyring, &Policy::default(), now, &mut buffers);
            let verified = verified.unwrap_or_else(|error| panic!("{id}: {error}"));
            assert_eq!(verified.credential().access_key(), bytes(&vector["access_key"]));
            assert_eq!(verified.payload().line(), bytes(&vector["payload_hash"]));
        });
        count += 1;
    }
    assert_eq!(count, 7 + 14 + 9);
}

#[test]
fn client_vectors_are_signed_alike() {
    let file = file();
    for vector in vectors(&file).filter(|vector| unsupported(vector).is_none()) {
        let id = text(&vector["id"]);
        if id.starts_with("V2") {
            continue;
        }
        let request = Owned::of(vector);
        let token = |name: &str| request.header(name).map(Secret::new);
        let now = time(text(&vector["timestamp"]));
        let secret = || Secret::new(bytes(&vector["secret_key"]));
        let key = |token| {
            let (region, service) = (bytes(&vector["region"]), bytes(&vector["service"]));
            OriginCredential::new(bytes(&vector["access_key"]), secret(), token, region, service)
        };
        if let Some(signed) = vector["signed_target"].as_str() {
            let query = |name: &str| {
                let pairs = signed.split_once('?').unwrap().1.split('&');
                pairs.filter_map(|pair| pair.split_once('=')).find(|(own, _)| *own == name)
            };
            let expires = query("X-Amz-Expires").unwrap().1.parse().unwrap();
            let token = query("X-Amz-Security-Token").map(|(_, value)| {
                let mut decoded = Vec::new();
                sigv4::target::decode(value.as_bytes(), &mut decoded);
                Secret::new(decoded)
            });
            let plain = signed.split("X-Amz-").next().unwrap().trim_end_matches(['?', '&']);
            let request = Owned { target: plain.into(), ..request };
            let target =
                request.with(|request| presign(request, expires, &key(token), now).unwrap());
            assert_eq!(String::from_utf8(target).unwrap(), signed, "{id}");
            continue;
        }
        let token = token("x-amz-security-token").or(token("x-amz-s3session-token"));
        let payload = Payload::parse(&bytes(&vector["payload_hash"])).unwrap();
        let added =
            ["x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-s3session-token"];
        let mut request = request;
        request
            .headers
            .retain(|(name, _)| !added.iter().any(|a| name.eq_ignore_ascii_case(a.as_bytes())));
        let result = request.with(|request| sign_request(request, &payload, &key(token), now));
        let result = result.unwrap();
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(lossy(&result.canonical_request), text(&vector["canonical_request"]), "{id}");
        assert_eq!(lossy(&result.string_to_sign), text(&vector["string_to_sign"]), "{id}");
        assert_eq!(lossy(&result.signature), text(&vector["signature"]), "{id}");
        let (name, value) = result.headers.last().unwrap();
        assert_eq!(
            (*name, lossy(value).as_str()),
            ("authorization", text(&vector["authorization"]))
        );
    }
}

/// Verifies the vector that is re-signed, maps its bucket, and compares what goes out.
#[test]
fn origin_vectors_are_signed_alike() {
    let file = file();
    let keyring = keyring(&file);
    let mut buffers = TargetBuffers::default();
    let mut out = Vec::new();
    let mut count = 0;
    for vector in vectors(&file).filter(|vector| vector["resigns"].is_string()) {
        let id = text(&vector["id"]);
        let client = signed(find(&file, text(&vector["resigns"])));
        let now = time(text(&vector["timestamp"]));
        let permit = client.clone().complete().with(|request| {
            verify(request, &keyring, &Policy::default(), now, &mut buffers).unwrap().permit()
        });
        // What a bucket map does: path and copy source.
        let map = |text: &[u8]| {
            String::from_utf8(text.to_vec())
                .unwrap()
                .replacen("media/", "prod-media/", 1)
                .into_bytes()
        };
        let mut head = client;
        head.target = map(&head.target);
        for (name, value) in &mut head.headers {
            if name.eq_ignore_ascii_case(b"x-amz-copy-source") {
                *value = map(value);
            }
        }
        if id == "R7" {
            // The other framing is the body filter's work; the head says so.
            for (name, value) in &mut head.headers {
                if name.eq_ignore_ascii_case(b"x-amz-content-sha256") {
                    *value = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER".to_vec();
                }
            }
        }
        let authority = Owned::of(vector).header("host").unwrap().to_owned();
        let origin = origin(vector);
        let body = OriginBody::default();
        let signed = head.with_head(1, |head| {
            let authority = authority.as_bytes();
            resign(
                &OriginRequest {
                    head,
                    permit: &permit,
                    authority,
                    credential: &origin,
                    body: &body,
                    now,
                },
                &mut buffers,
                &mut out,
            )
        });
        let signed = signed.unwrap().unwrap_or_else(|error| panic!("{id}: {error}"));
        let sent = Owned::parse(&out);
        assert_eq!(sent.target, bytes(&vector["target"]), "{id}");
        check_explanation(vector, &sent);
        assert_eq!(sent.header("authorization").unwrap(), text(&vector["authorization"]), "{id}");

        if let Some(chunks) = vector["chunks"].as_array() {
            let mut chain = signed.chunk_chain().unwrap();
            let hashes = chunk_hashes(vector, find(&file, text(&vector["resigns"])));
            for (chunk, hash) in chunks.iter().zip(hashes) {
                assert_eq!(chain.chunk(&hash), *bytes(&chunk["signature"]), "{id}");
            }
            check_trailer(vector, &chain);
        } else {
            assert!(signed.chunk_chain().is_none());
        }
        count += 1;
    }
    assert_eq!(count, 9);
}

#[test]
fn chunk_vectors_verify() {
    let file = file();
    let keyring = keyring(&file);
    let mut count = 0;
    for vector in
        vectors(&file).filter(|vector| vector["chunks"].is_array() && vector["resigns"].is_null())
    {
        let now = time(text(&vector["timestamp"]));
        let mut chain = signed(vector).complete().with(|request| {
            let mut buffers = TargetBuffers::default();
            let verified = verify(request, &keyring, &Policy::default(), now, &mut buffers);
            verified.unwrap().chunk_chain().unwrap()
        });
        let hashes = chunk_hashes(vector, vector);
        let chunks = vector["chunks"].as_array().unwrap();
        assert_eq!(hashes.len(), chunks.len());
        for (i, (chunk, hash)) in chunks.iter().zip(&hashes).enumerate() {
            let expected = vector["first_chunk_string_to_sign"].as_str();
            if let (0, Some(expected)) = (i, expected) {
                assert_eq!(chain.chunk_string_to_sign(hash), expected.as_bytes());
            }
            let claimed: [u8; 64] = bytes(&chunk["signature"]).try_into().unwrap();
            // The nearest wrong ones: another hash, a digit changed, upper case.
            let mut other = *hash;
            other[31] ^= 1;
            assert!(chain.clone().verify_chunk(&other, &claimed).is_err());
            let mut digit = claimed;
            digit[63] = if digit[63] == b'0' { b'1' } else { b'0' };
            assert!(chain.clone().verify_chunk(hash, &digit).is_err());
            let upper = claimed.map(|b| b.to_ascii_uppercase());
            assert!(chain.clone().verify_chunk(hash, &upper).is_err());
            chain.verify_chunk(hash, &claimed).unwrap();
        }
        check_trailer(vector, &chain);
        count += 1;
    }
    assert_eq!(count, 4);
}

fn check_trailer(vector: &Value, chain: &sigv4::ChunkChain) {
    let Some(expected) = vector["trailer_signature"].as_str() else { return };
    let trailers = vector["trailers"].as_array().unwrap().iter();
    let block: String =
        trailers.map(|pair| format!("{}:{}\n", text(&pair[0]), text(&pair[1]))).collect();
    let hash = sha256(block.as_bytes());
    assert_eq!(chain.trailer(&hash), *expected.as_bytes());
    let claimed: [u8; 64] = expected.as_bytes().try_into().unwrap();
    chain.verify_trailer(&hash, &claimed).unwrap();
    assert!(chain.verify_trailer(&sha256(b"\n"), &claimed).is_err());
    if let Some(string) = vector["trailer_string_to_sign"].as_str() {
        assert_eq!(chain.trailer_string_to_sign(&hash), string.as_bytes());
    }
}

/// Hashes of the chunks; their data are described in words in the file.
fn chunk_hashes(vector: &Value, described: &Value) -> Vec<[u8; 32]> {
    let sizes = vector["chunks"].as_array().unwrap().iter();
    let sizes = sizes.map(|chunk| usize::from_str_radix(text(&chunk["size_hex"]), 16).unwrap());
    let is_documented = text(&described["id"]).starts_with('A');
    sizes
        .map(|size| match size {
            0 => sha256(b""),
            4 => sha256(b"tail"),
            _ if is_documented => sha256(&vec![b'a'; size]),
            _ => [0; 32],
        })
        .enumerate()
        .map(|(i, hash)| match (is_documented, i) {
            (false, 0) => sha256(&[b'A'; 8192]),
            (false, 1) => sha256(&[b'B'; 8192]),
            _ => hash,
        })
        .collect()
}

fn sha256(data: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(data).into()
}

/// The V2 vectors give strings to sign only: a request is made from each.
#[test]
fn v2_vectors() {
    let file = file();
    let keyring = keyring(&file);
    let policy = Policy { signature_v2: true, ..Policy::default() };
    let mut buffers = TargetBuffers::default();
    let mut count = 0;
    for vector in vectors(&file).filter(|vector| vector["kind"] == "sigv2") {
        let id = text(&vector["id"]);
        let string = text(&vector["string_to_sign"]);
        let lines: Vec<_> = string.split('\n').collect();
        let [method, "", content_type, date, target] = lines[..] else { panic!("{id}") };
        let (access_key, signature) = (text(&vector["access_key"]), text(&vector["signature"]));
        let mut request = Owned::new(method, target, &[("Host", "s3.example.com")]);
        let now = if let Ok(expires) = date.parse::<i64>() {
            let escaped = signature.replace('+', "%2B").replace('=', "%3D");
            let query =
                format!("?AWSAccessKeyId={access_key}&Expires={expires}&Signature={escaped}");
            request.target.extend_from_slice(query.as_bytes());
            sigv4::Timestamp::from_unix(expires).unwrap()
        } else {
            request.push("Date", date);
            request.push("Authorization", format!("AWS {access_key}:{signature}"));
            sigv4::Timestamp::parse_http_date(date.as_bytes()).unwrap()
        };
        if !content_type.is_empty() {
            request.push("Content-Type", content_type);
        }
        let request = request.complete();
        request.with(|request| {
            let explained = explain(request, &policy, &mut buffers).unwrap();
            assert_eq!(String::from_utf8_lossy(&explained.string_to_sign), string, "{id}");
            assert_eq!(String::from_utf8_lossy(&explained.signature), signature, "{id}");
            let verified = verify(request, &keyring, &policy, now, &mut buffers).unwrap();
            assert!(matches!(verified.mechanism(), Mechanism::V2Header | Mechanism::V2Presigned));
            let off = verify(request, &keyring, &Policy::default(), now, &mut buffers);
            assert!(
                matches!(off, Err(sigv4::Error::Mechanism(sigv4::MechanismError::Disabled { .. }))),
                "{id}"
            );
        });
        count += 1;
    }
    assert_eq!(count, 6);
}

#[test]
fn v2_presigned_by_us_verifies() {
    let policy = Policy {
        signature_v2: true,
        domains: vec![b"s3.example.com".to_vec()],
        ..Policy::default()
    };
    let mut keyring = sigv4::Keyring::default();
    let token = || Secret::new("to+ken/==");
    let credential = sigv4::Credential::new("AKID", Secret::new("secret"), ());
    keyring.insert(credential.with_token(token(), None)).unwrap();
    let key = OriginCredential::new("AKID", Secret::new("secret"), Some(token()), "", "");
    let expires = time("20260315T120000Z");
    for target in ["/b/a%2bc?versionId=x%20y&x-amz-acl=private", "/?acl", "/?acl=&prefix=a", "/b/k"]
    {
        let headers = [Header { name: b"Host", value: b"bucket.s3.example.com:8080" }];
        let request = RequestParts { method: b"GET", target: target.as_bytes(), headers: &headers };
        let target = sigv4::presign_v2(&request, expires, &key, &policy).unwrap();
        let request = RequestParts { target: &target, ..request };
        let mut buffers = TargetBuffers::default();
        let verified = verify(&request, &keyring, &policy, expires, &mut buffers).unwrap();
        assert_eq!(verified.mechanism(), Mechanism::V2Presigned);
        let query = verified.target().query();
        assert!(!query.starts_with(b"AWS") && !query.contains(&b'+'));
        let permit = verified.permit();
        let late = time("20260315T120001Z");
        let late = verify(&request, &keyring, &policy, late, &mut buffers);
        assert!(matches!(
            late,
            Err(sigv4::Error::Time(sigv4::TimeError::Expired { expires_in: None, .. }))
        ));

        let mut out = Vec::new();
        let body = OriginBody::default();
        let now = expires;
        let request = Owned { method: b"GET".into(), target, headers: Vec::new() };
        request
            .with_head(1, |head| {
                resign(
                    &OriginRequest {
                        head,
                        permit: &permit,
                        authority: b"o",
                        credential: &key,
                        body: &body,
                        now,
                    },
                    &mut buffers,
                    &mut out,
                )
            })
            .unwrap()
            .unwrap();
        let sent = Owned::parse(&out);
        let sent_target = String::from_utf8(sent.target.clone()).unwrap();
        for gone in ["AWSAccessKeyId", "Signature", "Expires", "token", "amz"] {
            assert!(!sent_target.contains(gone), "{sent_target}");
        }
    }
}
