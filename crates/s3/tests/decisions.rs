//! Every decision case of the protocol reference that the request's head decides: what `sigv4::verify` finds must become the
//! code and the status that the reference expects.

use std::ops::RangeInclusive;

use s3::{Grants, S3Error};
use serde_json::Value;
use sigv4::{Credential, Header, Keyring, Policy, RequestParts, Secret, TargetBuffers, Timestamp};

/// Numbers of the cases whose fault is in the body, which this test does not read: their heads are accepted.
const DECIDED_BY_BODY: &[RangeInclusive<u32>] =
    &[145..=146, 152..=152, 159..=167, 171..=180, 187..=191, 195..=199, 203..=205];

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

fn keyring(credentials: &Value) -> Keyring<Grants> {
    let mut keyring = Keyring::default();
    for (name, credential) in credentials.as_object().unwrap() {
        if !name.starts_with("client") {
            continue;
        }
        let secret = Secret::new(text(credential, "secret_key"));
        let mut entry =
            Credential::new(text(credential, "access_key"), secret, Grants::unrestricted());
        if let Some(token) = credential["token"].as_str() {
            let expires = credential["expired"].as_bool().map(|_| 0);
            entry = entry.with_token(Secret::new(token), expires);
        }
        keyring.insert(entry).unwrap();
    }
    keyring
}

/// What a case got, as `accept` or `status code`.
fn decide(case: &Value, keyring: &Keyring<Grants>, policy: &Policy) -> String {
    let headers: Vec<_> = case["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|header| Header {
            name: header[0].as_str().unwrap().as_bytes(),
            value: header[1].as_str().unwrap().as_bytes(),
        })
        .collect();
    let (method, target) = (text(case, "method").as_bytes(), text(case, "target").as_bytes());
    let now = Timestamp::parse_iso_basic(text(case, "now").as_bytes()).unwrap();
    let request = RequestParts { method, target, headers: &headers };
    match sigv4::verify(&request, keyring, policy, now, &mut TargetBuffers::default()) {
        Ok(_) => "accept".into(),
        Err(error) => {
            let error = S3Error::from_sigv4(&error);
            check_document(&error, target);
            format!("{} {}", error.status(), error.code())
        }
    }
}

/// Whatever the case reflects, the document is well-formed, says the code and shows no secret.
fn check_document(error: &S3Error, resource: &[u8]) {
    let mut document = Vec::new();
    error.write_xml(resource, "0123456789ABCDEF", "aG9zdA==", &mut document);
    let document = String::from_utf8(document).unwrap();
    let parsed = roxmltree::Document::parse(&document).unwrap();
    let code = parsed.root_element().children().find(|node| node.has_tag_name("Code"));
    assert_eq!(code.and_then(|code| code.text()), Some(error.code()));
    for secret in ["cLiEnT+Secret", "tEmP+Secret", "FwoGZXIvYXdzEXAMPLE//token"] {
        let signed_by_the_client =
            document.contains("<CanonicalRequest>") && secret.starts_with("Fwo");
        assert!(signed_by_the_client || !document.contains(secret), "{document}");
    }
}

fn run(policy: &Policy) {
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../sigv4/tests/vectors.json");
    let vectors: Value = serde_json::from_slice(&std::fs::read(vectors).unwrap()).unwrap();
    let keyring = keyring(&vectors["credentials"]);
    let mut wrong = Vec::new();
    for case in vectors["cases"].as_array().unwrap() {
        let id = text(case, "id");
        let number: u32 = id.trim_start_matches('T').parse().unwrap();
        let expect = &case["expect"];
        let expected = match expect["code"].as_str() {
            Some(code) if !DECIDED_BY_BODY.iter().any(|range| range.contains(&number)) => {
                format!("{} {code}", expect["status"])
            }
            _ => "accept".into(),
        };
        let got = decide(case, &keyring, policy);
        if got != expected {
            wrong.push(format!("{id} {}: {got}, not {expected}", text(case, "title")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn heads_get_the_code_and_status_of_the_reference() {
    run(&Policy { regions: vec![b"us-east-1".to_vec()], ..Policy::default() });
}

#[test]
fn a_list_of_hosts_changes_no_decision() {
    let hosts = vec![b"s3.proxy.example:8443".to_vec()];
    run(&Policy { regions: vec![b"us-east-1".to_vec()], hosts, ..Policy::default() });
}
