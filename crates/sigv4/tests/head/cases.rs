//! The decision cases of the protocol reference, as far as a request's head decides them.

use crate::support::{Owned, code, file, keyring, policy, text, time};
use serde_json::Value;
use sigv4::{Policy, TargetBuffers, verify};

/// Codes that only a body can bring about: here, the heads of these cases must verify.
const BODY_CODES: [&str; 6] = [
    "BadDigest",
    "IncompleteBody",
    "InvalidChunkSizeError",
    "MalformedTrailerError",
    "SignatureDoesNotMatch",
    "XAmzContentSHA256Mismatch",
];

/// First and last of the cases with a body that is looked into, and those among them that the head decides.
const BODY_CASES: std::ops::RangeInclusive<u32> = 156..=205;
const DECIDED_BY_HEAD: [&str; 8] = ["T168", "T169", "T170", "T183", "T184", "T200", "T201", "T202"];

/// Whether a case is about bytes that come after the head.
fn is_about_body(id: &str, code: Option<&str>) -> bool {
    let number: u32 = id[1..].parse().unwrap();
    let streamed = BODY_CASES.contains(&number) && !DECIDED_BY_HEAD.contains(&id);
    // T199: a trailer that is not Base64.
    let by_body = code.is_none_or(|code| BODY_CODES.contains(&code) || id == "T199");
    assert!(!streamed || by_body, "{id}");
    streamed || matches!(id, "T145" | "T146" | "T152")
}

fn decide(case: &Value, policy: &Policy, buffers: &mut TargetBuffers) -> Result<(), String> {
    let keyring = keyring(&file());
    let now = time(text(&case["now"]));
    Owned::of(case).with(|request| match verify(request, &keyring, policy, now, buffers) {
        Ok(_) => Ok(()),
        Err(error) => Err(code(&error).to_owned()),
    })
}

#[test]
fn every_case() {
    let file = file();
    let policy = policy(&file);
    let mut buffers = TargetBuffers::default();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 205);
    let mut faults = Vec::new();
    for case in cases {
        let id = text(&case["id"]);
        let expected = case["expect"]["code"].as_str();
        let expected = if is_about_body(id, expected) { None } else { expected };
        let found = decide(case, &policy, &mut buffers);
        if found != expected.map_or(Ok(()), |code| Err(code.to_owned())) {
            faults.push(format!("{id} {}: {found:?}, expected {expected:?}", case["title"]));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Where the house rules are wider than the setting of the cases, exactly these change their answer.
#[test]
fn without_regions_any_region_is_accepted() {
    let file = file();
    let policy = Policy { regions: Vec::new(), ..policy(&file) };
    let mut buffers = TargetBuffers::default();
    let changed: Vec<_> = file["cases"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|case| {
            let id = text(&case["id"]);
            let expected = case["expect"]["code"].as_str();
            !is_about_body(id, expected)
                && decide(case, &policy, &mut buffers)
                    != expected.map_or(Ok(()), |code| Err(code.to_owned()))
        })
        .map(|case| text(&case["id"]))
        .collect();
    // Wrong region, empty region, wrong region with an unknown key, presigned wrong region.
    assert_eq!(changed, ["T027", "T028", "T039", "T118"]);
}
