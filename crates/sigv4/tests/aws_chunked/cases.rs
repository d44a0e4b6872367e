//! The cases T141 to T205 of the protocol reference, as far as they are about bodies.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sigv4::aws_chunked::{BodyError, BodyFilter, Forward, Progress, Rules};

use sigv4::TargetBuffers;

use crate::support::*;

/// Refused by their head, before there is a body.
const HEAD: [&str; 16] = [
    "T141", "T142", "T143", "T144", "T148", "T153", "T154", "T155", "T168", "T169", "T170", "T183",
    "T184", "T200", "T201", "T202",
];

/// The server's business: how the message ends on the wire, and whether it has a length.
const SERVER: [&str; 3] = ["T150", "T151", "T152"];

#[test]
fn reference_cases() {
    let keyring = keyring();
    let mut bodies = 0;
    for number in 141..=205 {
        let id = format!("T{number}");
        let id = id.as_str();
        let case = entry(id);
        let expected = case["expect"]["code"].as_str();
        if SERVER.contains(&id) {
            continue;
        }
        let mut buffers = TargetBuffers::default();
        let verified = head(case, &keyring, &mut buffers);
        if HEAD.contains(&id) {
            assert!(verified.is_err(), "{id}: {verified:?}");
            continue;
        }
        let verified = verified.unwrap_or_else(|error| panic!("{id}: {error}"));
        let body = STANDARD.decode(text(case, "body_base64")).unwrap();
        for forward in [Forward::Frames, Forward::Unwrap] {
            let rules = Rules { verify_checksum: true, ..Rules::default() };
            let length = Some(body.len() as u64);
            let Some(filter) = BodyFilter::of_request(&verified, length, rules, forward).unwrap()
            else {
                assert_eq!((id, expected), ("T149", None));
                continue;
            };
            check(id, filter, &body, expected);
            // Every byte alone gives the same.
            let filter =
                BodyFilter::of_request(&verified, length, rules, forward).unwrap().unwrap();
            let slices: Vec<_> = body.chunks(1).collect();
            check_slices(id, filter, &slices, expected);
            bodies += 1;
        }
    }
    assert_eq!(bodies, 2 * (65 - HEAD.len() - SERVER.len() - 1));
}

fn check(id: &str, filter: BodyFilter, body: &[u8], expected: Option<&str>) {
    check_slices(id, filter, &[body], expected);
}

fn check_slices(id: &str, mut filter: BodyFilter, slices: &[&[u8]], expected: Option<&str>) {
    let (verdict, out) = push(&mut filter, slices);
    match (&verdict, expected) {
        (Ok(progress), None) => assert_eq!(*progress, Progress::Complete, "{id}"),
        (Err(error), Some(expected)) => {
            assert_eq!(code(error), expected, "{id}: {error}");
            // The origin must not have a whole message.
            let sent: usize = slices.iter().map(|slice| slice.len()).sum();
            assert!(out.len() < sent, "{id}");
        }
        _ => panic!("{id}: {verdict:?} with {} bytes given on, expected {expected:?}", out.len()),
    }
    if let Err(error @ BodyError::SignatureMismatch { string_to_sign, .. }) = &verdict {
        let trailer = ["T188", "T189", "T191"].contains(&id);
        let label: &[u8] =
            if trailer { b"AWS4-HMAC-SHA256-TRAILER\n" } else { b"AWS4-HMAC-SHA256-PAYLOAD\n" };
        assert!(string_to_sign.starts_with(label), "{id}");
        assert_eq!(error.to_string().starts_with("trailer"), trailer, "{id}");
    }
    let again = filter.push(b"", true, &mut Vec::new());
    assert_eq!(again, verdict, "{id}: the verdict stays");
}

/// The arithmetic of a trailer that travels on may be left to the origin; its form may not.
#[test]
fn checksum_left_to_the_origin() {
    let keyring = keyring();
    for (id, expected) in [
        ("T190", None),
        ("T198", None),
        ("T199", Some("InvalidRequest")),
        ("T197", Some("MalformedTrailerError")),
        ("T195", Some("MalformedTrailerError")),
        ("T189", Some("SignatureDoesNotMatch")),
    ] {
        let mut buffers = TargetBuffers::default();
        let verified = head(entry(id), &keyring, &mut buffers).unwrap();
        let body = STANDARD.decode(text(entry(id), "body_base64")).unwrap();
        let filter = BodyFilter::of_request(&verified, None, Rules::default(), Forward::Frames);
        check(id, filter.unwrap().unwrap(), &body, expected);
        let filter = BodyFilter::of_request(&verified, None, Rules::default(), Forward::Unwrap);
        let expected = case_code(id);
        check(id, filter.unwrap().unwrap(), &body, expected);
    }
}

fn case_code(id: &str) -> Option<&'static str> {
    entry(id)["expect"]["code"].as_str()
}
