//! The vectors A6, A7, B10, B11, B12 and what is made of them for an origin: R5, R6, R7.

use sigv4::aws_chunked::{
    BodyError, BodyFilter, Decoder, Event, Forward, Framing, Progress, Resigner, Rules, Scheme,
};

use sigv4::TargetBuffers;

use crate::support::*;

/// The body of a vector, put together from the signatures that are published with it.
fn published(id: &str) -> (Body, Framing, Vec<u8>) {
    let vector = entry(id);
    let body = match id {
        "A6" | "A7" => Body::new(&[&[b'a'; 65536], &[b'a'; 1024]]),
        _ => Body::new(&[&[b'A'; 8192], &[b'B'; 8192], b"tail"]),
    };
    let (body, framing) = match id {
        "A7" => (body.with_trailer("x-amz-checksum-crc32c", "sOO8/Q=="), Framing::SignedTrailer),
        "B12" | "R6" => {
            (body.with_trailer("x-amz-checksum-crc64nvme", "8/XvYlvISr4="), Framing::SignedTrailer)
        }
        _ => (body, Framing::Signed),
    };
    let mut signatures =
        vector["chunks"].as_array().unwrap().iter().map(|chunk| text(chunk, "signature"));
    let frames = body.signed(framing, |trailer, _| {
        let signature =
            if trailer { text(vector, "trailer_signature") } else { signatures.next().unwrap() };
        signature.as_bytes().try_into().unwrap()
    });
    assert_eq!(frames.len() as u64, vector["encoded_length"].as_u64().unwrap(), "{id}");
    assert_eq!(hex(&sha256(&frames)), text(vector, "encoded_sha256").as_bytes(), "{id}");
    (body, framing, frames)
}

fn check(id: &str) -> Vec<u8> {
    let (body, framing, frames) = published(id);
    let keyring = keyring();
    let mut buffers = TargetBuffers::default();
    let verified = head(entry(id), &keyring, &mut buffers).unwrap();
    let rules = Rules { verify_checksum: true, ..Rules::default() };
    let mut passed = Vec::new();
    for (forward, expected) in
        [(Forward::Unwrap, body.data()), (Forward::Frames, body.hashed(framing))]
    {
        let length = Some(frames.len() as u64);
        let mut filter =
            BodyFilter::of_request(&verified, length, rules, forward).unwrap().unwrap();
        let (verdict, out) = push(&mut filter, &[&frames]);
        assert_eq!(verdict, Ok(Progress::Complete), "{id} {forward:?}");
        assert!(out == expected, "{id} {forward:?}");
        let trailer = filter.trailer();
        assert_eq!(trailer, body.trailer, "{id} {forward:?}");
        passed = out;
    }
    passed
}

#[test]
fn aws_example_chunks() {
    check("A6");
}

#[test]
fn aws_example_signed_trailer() {
    check("A7");
}

#[test]
fn chunks_are_signed_anew() {
    let passed = check("B11");
    let out = resign(Framing::Signed, chain("R5"), &[&passed]).unwrap();
    assert!(out == published("R5").2);
}

#[test]
fn chunks_and_trailer_are_signed_anew() {
    let passed = check("B12");
    let out = resign(Framing::SignedTrailer, chain("R6"), &[&passed]).unwrap();
    assert!(out == published("R6").2);
}

/// What went wrong at one origin is sent to the next: the hashes are still there.
#[test]
fn two_peers_from_the_same_frames() {
    let passed = check("B11");
    let (first, rest) = passed.split_at(9000);
    let mut attempt = Resigner::new(Framing::Signed, chain("A6"));
    attempt.process(first, &mut Vec::new()).unwrap();
    drop(attempt);
    let out = resign(Framing::Signed, chain("R5"), &[first, rest]).unwrap();
    assert!(out == published("R5").2);
}

/// Told not to verify, the filter still makes frames that can be signed; anything else stays
/// checked.
#[test]
fn unverified_frames_are_signed_anew() {
    let (body, framing, frames) = published("B12");
    let check = |frames: &[u8]| {
        let scheme = Scheme::Unverified(framing);
        let mut filter =
            BodyFilter::chunked(scheme, body.declared(), LENIENT, Forward::Frames).unwrap();
        push(&mut filter, &[frames])
    };
    let mut other = frames.clone();
    for place in [30, 8310, 16_820] {
        other[place] = b'0';
    }
    for frames in [&frames, &other] {
        let (verdict, passed) = check(frames);
        assert_eq!(verdict, Ok(Progress::Complete));
        assert!(resign(framing, chain("R6"), &[&passed]).unwrap() == published("R6").2);
    }
    assert_eq!(code(&check(&frames[..16_000]).0.unwrap_err()), "IncompleteBody");
    other[200] = b'B';
    assert_eq!(code(&check(&other).0.unwrap_err()), "BadDigest");
}

/// B12 without what is signed; the events hold all that is needed.
#[test]
fn unwrapped_to_unsigned_chunks() {
    let (_, framing, frames) = published("B12");
    let mut decoder = Decoder::new(framing);
    let mut input = &frames[..];
    let (mut raw, mut out) = (Vec::new(), Vec::new());
    while let Some(event) = decoder.next(&mut input).unwrap() {
        raw.extend_from_slice(event.raw());
        match event {
            Event::Header(header) => {
                let end = header.raw.iter().position(|&byte| byte == b';').unwrap();
                out.extend_from_slice(&header.raw[..end]);
                out.extend_from_slice(b"\r\n");
            }
            Event::TrailerSignature(_) => {}
            event => out.extend_from_slice(event.raw()),
        }
    }
    decoder.finish().unwrap();
    assert!(raw == frames);
    assert_eq!(out.len() as u64, entry("R7")["encoded_length"].as_u64().unwrap());

    let (body, ..) = published("B12");
    assert!(out == body.unsigned());
    let mut filter = filter(Framing::UnsignedTrailer, body.declared(), Forward::Frames);
    assert_eq!(push(&mut filter, &[&out]), (Ok(Progress::Complete), out.clone()));
}

#[test]
fn botocore_unsigned_trailer() {
    let vector = entry("B10");
    let body = text(vector, "body_text").as_bytes();
    let keyring = keyring();
    let mut buffers = TargetBuffers::default();
    let verified = head(vector, &keyring, &mut buffers).unwrap();
    for (forward, expected) in
        [(Forward::Frames, body), (Forward::Unwrap, b"The quick brown fox jumps over the lazy dog")]
    {
        let rules = Rules { verify_checksum: true, ..Rules::default() };
        let mut filter = BodyFilter::of_request(&verified, None, rules, forward).unwrap().unwrap();
        assert_eq!(push(&mut filter, &[body]), (Ok(Progress::Complete), expected.to_vec()));
        assert_eq!(filter.trailer(), Some(("x-amz-checksum-crc32", "QU+jOQ==".to_owned())));
    }
}

#[test]
fn strings_to_sign() {
    let mismatch = |id: &str, at: usize| {
        let (body, framing, mut frames) = published(id);
        let at = if at == 0 { frames.len() - 10 } else { at };
        frames[at] = if frames[at] == b'0' { b'1' } else { b'0' };
        let scheme = match framing {
            Framing::Signed => Scheme::Signed(chain(id)),
            _ => Scheme::SignedTrailer(chain(id)),
        };
        let mut filter =
            BodyFilter::chunked(scheme, body.declared(), Rules::default(), Forward::Frames)
                .unwrap();
        match push(&mut filter, &[&frames]).0 {
            Err(BodyError::SignatureMismatch { string_to_sign, .. }) => string_to_sign,
            other => panic!("{id}: {other:?}"),
        }
    };
    assert_eq!(mismatch("A6", 30), text(entry("A6"), "first_chunk_string_to_sign").as_bytes());
    assert_eq!(mismatch("A7", 0), text(entry("A7"), "trailer_string_to_sign").as_bytes());
    assert_eq!(mismatch("B12", 0), text(entry("B12"), "trailer_string_to_sign").as_bytes());
}
