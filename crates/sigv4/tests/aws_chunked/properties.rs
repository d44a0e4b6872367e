//! Random bodies, random splits, random damage.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use sigv4::aws_chunked::{BodyDeclaration, Decoder, Forward, Framing, Progress};

use crate::support::*;

fn framings() -> impl Strategy<Value = Framing> {
    prop_oneof![Just(Framing::Signed), Just(Framing::SignedTrailer), Just(Framing::UnsignedTrailer)]
}

fn body_of(chunks: Vec<Vec<u8>>, framing: Framing) -> (Body, Vec<u8>) {
    let body = Body { chunks, trailer: None };
    let bytes = match framing {
        Framing::UnsignedTrailer => {
            let value = crc32(&body.data());
            let body = body.with_trailer("x-amz-checksum-crc32", &value);
            let bytes = body.unsigned();
            return (body, bytes);
        }
        Framing::SignedTrailer => {
            let value = crc32(&body.data());
            let body = body.with_trailer("x-amz-checksum-crc32", &value);
            let bytes = body.signed_by(framing, chain("B12"));
            return (body, bytes);
        }
        Framing::Signed => body.signed_by(framing, chain("B11")),
    };
    (body, bytes)
}

/// Bit by bit, so that it is not the crate under test that says what is right.
fn crc32(data: &[u8]) -> String {
    use base64::Engine;
    let crc = data.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    base64::engine::general_purpose::STANDARD.encode((!crc).to_be_bytes())
}

fn places(at: &[Index], len: usize) -> Vec<usize> {
    let mut at: Vec<_> = at.iter().map(|index| index.index(len + 1)).collect();
    at.sort_unstable();
    at
}

fn damaging_byte() -> impl Strategy<Value = u8> {
    prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b';')]
}

/// Parts of which bodies are made, in no order.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let known: [&[u8]; 9] = [
        b"\r\n",
        b"0",
        b"5",
        b"ffffffffffffffff",
        b";chunk-signature=",
        &[b'a'; 64],
        b"x-amz-trailer-signature:",
        b"x-amz-checksum-crc32:AAAAAA==",
        &[b'9'; 1000],
    ];
    let known = known.map(<[u8]>::to_vec).to_vec();
    prop_oneof![vec(any::<u8>(), 0..20), proptest::sample::select(known)]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 400,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn accepted_and_signed_anew(
        chunks in vec(vec(any::<u8>(), 1..300), 0..6),
        framing in framings(),
        at in vec(any::<Index>(), 0..8),
        output_at in vec(any::<Index>(), 0..8),
    ) {
        let (body, bytes) = body_of(chunks, framing);
        let slices = cut(&bytes, &places(&at, bytes.len())).into_iter().collect::<Vec<_>>();
        let mut unwrap = filter(framing, body.declared(), Forward::Unwrap);
        let (verdict, data) = push(&mut unwrap, &slices);
        prop_assert_eq!(verdict, Ok(Progress::Complete));
        prop_assert!(data == body.data());
        let mut keep = filter(framing, body.declared(), Forward::Frames);
        let (verdict, frames) = push(&mut keep, &slices);
        prop_assert_eq!(verdict, Ok(Progress::Complete));
        let slices = cut(&frames, &places(&output_at, frames.len()));
        for peer in ["R5", "R6"] {
            let expected = match framing {
                Framing::UnsignedTrailer => bytes.clone(),
                _ => body.signed_by(framing, chain(peer)),
            };
            prop_assert!(resign(framing, chain(peer), &slices).unwrap() == expected);
        }
    }

    /// What passes in spite of damage is the same object, and otherwise not all of it goes on.
    #[test]
    fn damaged(
        chunks in vec(vec(any::<u8>(), 1..60), 0..4),
        framing in framings(),
        damage in vec((any::<Index>(), 0..4, damaging_byte()), 1..4),
        at in vec(any::<Index>(), 0..4),
    ) {
        let (body, mut bytes) = body_of(chunks, framing);
        for (place, kind, byte) in damage {
            if bytes.is_empty() {
                break;
            }
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => drop(bytes.remove(place)),
                _ => bytes.truncate(place + 1),
            }
        }
        let slices = cut(&bytes, &places(&at, bytes.len()));
        let declared = BodyDeclaration { content_length: Some(bytes.len() as u64), ..body.declared() };
        for forward in [Forward::Frames, Forward::AsSent, Forward::Unwrap] {
            let whole = push(&mut filter(framing, declared, forward), &[&bytes]);
            let (verdict, out) = push(&mut filter(framing, declared, forward), &slices);
            prop_assert_eq!(&verdict, &whole.0);
            match (verdict, forward) {
                (Ok(_), Forward::Unwrap) => prop_assert!(out == body.data()),
                (Ok(_), Forward::AsSent) => prop_assert!(out == bytes),
                (Ok(_), Forward::Frames) => {
                    prop_assert!(out == whole.1 && out.len() == bytes.len());
                }
                (Err(_), Forward::Unwrap) => {
                    prop_assert!(out.is_empty() || out.len() < body.data().len());
                }
                (Err(_), Forward::Frames | Forward::AsSent) => {
                    prop_assert!(out.is_empty() || out.len() < bytes.len());
                }
            }
        }
    }

    #[test]
    fn noise(
        pieces in vec(piece(), 0..20),
        framing in framings(),
        decoded_length in any::<u64>(),
    ) {
        let slices: Vec<_> = pieces.iter().map(Vec::as_slice).collect();
        let bytes = slices.concat();
        let declared = BodyDeclaration { content_length: None, decoded_length, trailer: None };
        for forward in [Forward::Frames, Forward::Unwrap] {
            let split = push(&mut filter(framing, declared, forward), &slices);
            let whole = push(&mut filter(framing, declared, forward), &[&bytes]);
            prop_assert_eq!(split.0, whole.0);
        }
        let split = resign(framing, chain("R5"), &slices);
        prop_assert_eq!(&split, &resign(framing, chain("R5"), &[&bytes]));
        if let Ok(out) = split {
            prop_assert_eq!(out.len(), bytes.len());
        }
        // A decoder that failed gives nothing more.
        let mut decoder = Decoder::new(framing);
        let mut input = &bytes[..];
        while let Ok(Some(_)) = decoder.next(&mut input) {}
        if decoder.next(&mut input).is_err() {
            prop_assert!(decoder.next(&mut &b"0\r\n\r\n"[..]).is_err());
            prop_assert!(decoder.finish().is_err());
        }
    }
}
