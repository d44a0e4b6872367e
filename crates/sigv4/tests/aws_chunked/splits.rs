//! The same answer whatever way the bytes are split: each small body, good and bad, at every place.

use sigv4::aws_chunked::{BodyDeclaration, Forward, Framing, Progress};

use crate::support::*;

/// A name, how the body is framed and declared, its bytes, and the code of its fault.
type Case = (&'static str, Framing, BodyDeclaration, Vec<u8>, Option<&'static str>);

/// Bodies that differ in one thing from a good one, and what a reader of the grammar expects of
/// them.
fn bodies() -> Vec<Case> {
    let body = Body::new(&[b"abcd\r\n0;x", b"\r\nef", b"g"]);
    let with_trailer = body.clone().with_trailer("x-amz-checksum-crc32", "gE8aXA==");
    let declared = body.declared();
    let signed = body.signed_by(Framing::Signed, chain("B11"));
    let trailer = with_trailer.signed_by(Framing::SignedTrailer, chain("B12"));
    let unsigned = with_trailer.unsigned();
    let edit = |bytes: &[u8], from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    let s = |name, bytes, code| (name, Framing::Signed, declared, bytes, code);
    let t =
        |name, bytes, code| (name, Framing::SignedTrailer, with_trailer.declared(), bytes, code);
    let u =
        |name, bytes, code| (name, Framing::UnsignedTrailer, with_trailer.declared(), bytes, code);
    let incomplete = Some("IncompleteBody");
    vec![
        s("signed", signed.clone(), None),
        s("no final crlf", signed[..signed.len() - 2].to_vec(), None),
        s("half a final crlf", signed[..signed.len() - 1].to_vec(), incomplete),
        s("zero chunk missing", signed[..signed.len() - 86].to_vec(), incomplete),
        s("bytes after the end", [&signed[..], b"junk"].concat(), incomplete),
        s("data changed", edit(&signed, b"ef", b"eg"), Some("SignatureDoesNotMatch")),
        s("size larger", edit(&signed, b"4;", b"5;"), incomplete),
        s("size smaller", edit(&signed, b"4;", b"3;"), incomplete),
        s("size with zeros", edit(&signed, b"4;", b"0004;"), None),
        s(
            "signature short",
            edit(&signed, b"4;chunk-signature=", b"4;chunk-signature"),
            incomplete,
        ),
        s("bare line feed", edit(&signed, b"\r\nabcd", b"\nabcd"), incomplete),
        s("no crlf after data", edit(&signed, b"ef\r\n", b"ef\n\n"), incomplete),
        s("trailer in a body without", trailer.clone(), Some("SignatureDoesNotMatch")),
        t("signed trailer", trailer.clone(), None),
        t("signed trailer with a blank", edit(&trailer, b"crc32:", b"crc32: "), None),
        t("signed trailer of minio-go", edit(&trailer, b"aXA==\r", b"aXA==\n\r"), None),
        t(
            "a line feed too many",
            edit(&trailer, b"aXA==\r", b"aXA==\n\n\r"),
            Some("MalformedTrailerError"),
        ),
        t("trailer value changed", edit(&trailer, b"gE8a", b"AE8a"), Some("SignatureDoesNotMatch")),
        t(
            "trailer name changed",
            edit(&trailer, b"crc32", b"crc3x"),
            Some("MalformedTrailerError"),
        ),
        t(
            "signature line cut",
            edit(&trailer, b"x-amz-trailer-signature:", b"x-amz-trailer-x:"),
            Some("MalformedTrailerError"),
        ),
        t("no final crlf", trailer[..trailer.len() - 2].to_vec(), incomplete),
        t("unsigned chunks", unsigned.clone(), incomplete),
        u("unsigned trailer", unsigned.clone(), None),
        u("no final crlf", unsigned[..unsigned.len() - 2].to_vec(), None),
        u("trailer of minio-go", edit(&unsigned, b"aXA==\r", b"aXA==\n\r"), None),
        u("the same, no final crlf", edit(&unsigned, b"aXA==\r\n\r\n", b"aXA==\n\r\n"), None),
        u(
            "a line feed too many",
            edit(&unsigned, b"aXA==\r", b"aXA==\n\n\r"),
            Some("MalformedTrailerError"),
        ),
        u(
            "a bare line feed",
            edit(&unsigned, b"aXA==\r\n\r", b"aXA==\n\n\r"),
            Some("MalformedTrailerError"),
        ),
        u("line feeds alone", edit(&unsigned, b"aXA==\r\n\r\n", b"aXA==\n\n"), incomplete),
        u("wrong checksum", edit(&unsigned, b"gE8a", b"AE8a"), Some("BadDigest")),
        u("no base64", edit(&unsigned, b"gE8a", b"gE8a!"), Some("InvalidRequest")),
        u("trailer missing", body.unsigned(), Some("MalformedTrailerError")),
        u("signed chunks", trailer.clone(), incomplete),
        u("bytes after the end", [&unsigned[..], b"\r\n"].concat(), incomplete),
    ]
}

/// No split, a slice for each byte, each place, and many pairs of places.
fn every_split(len: usize, mut check: impl FnMut(&[usize])) {
    check(&[]);
    check(&(1..len).collect::<Vec<_>>());
    for first in 0..=len {
        check(&[first]);
    }
    for first in (0..=len).step_by(7) {
        for second in (first..=len).step_by(11) {
            check(&[first, second]);
        }
    }
}

#[test]
fn verdict_and_output() {
    for (name, framing, declared, bytes, expected) in bodies() {
        let declared = BodyDeclaration { content_length: Some(bytes.len() as u64), ..declared };
        for forward in [Forward::Frames, Forward::AsSent, Forward::Unwrap] {
            let name = format!("{name} {framing:?} {forward:?}");
            let whole = push(&mut filter(framing, declared, forward), &[&bytes]);
            match (&whole.0, expected) {
                (Ok(Progress::Complete), None) => {}
                (Err(error), Some(expected)) => {
                    assert_eq!(code(error), expected, "{name}: {error}")
                }
                _ => panic!("{name}: {:?}", whole.0),
            }
            let complete = whole.0.is_ok();
            if complete && forward == Forward::Frames {
                assert_eq!(whole.1.len(), bytes.len(), "{name}");
            }
            every_split(bytes.len(), |at| {
                let (verdict, out) =
                    push(&mut filter(framing, declared, forward), &cut(&bytes, at));
                assert_eq!(verdict, whole.0, "{name} at {at:?}");
                if complete {
                    assert!(out == whole.1, "{name} at {at:?}");
                } else {
                    // A part of the body may have gone on, never all of it.
                    let all = match forward {
                        Forward::Frames | Forward::AsSent => bytes.len(),
                        Forward::Unwrap => declared.decoded_length as usize,
                    };
                    assert!(out.len() < all, "{name} at {at:?}");
                }
            });
        }
    }
}

/// What minio-go ends in LF CRLF goes on in CRLF, as long as it came, and is signed as such.
#[test]
fn trailers_of_minio_go() {
    let body = Body::new(&[b"abcd\r\n0;x", b"\r\nef", b"g"]);
    let body = body.with_trailer("x-amz-checksum-crc32", "gE8aXA==");
    let edit = |bytes: &[u8], from: &[u8], to: &[u8]| {
        let at = bytes.windows(from.len()).rposition(|window| window == from).unwrap();
        [&bytes[..at], to, &bytes[at + from.len()..]].concat()
    };
    for (framing, sent, zero) in [
        (Framing::UnsignedTrailer, body.unsigned(), b"\r\n0\r\n".as_slice()),
        (
            Framing::SignedTrailer,
            body.signed_by(Framing::SignedTrailer, chain("B12")),
            b"\r\n0;chunk".as_slice(),
        ),
    ] {
        let of_minio_go = edit(&sent, b"==\r\n", b"==\n\r\n");
        let declared =
            BodyDeclaration { content_length: Some(of_minio_go.len() as u64), ..body.declared() };
        let longer = [b"\r\n0", &zero[2..]].concat();
        let expected = match framing {
            Framing::UnsignedTrailer => edit(&sent, zero, &longer),
            _ => edit(&body.signed_by(framing, chain("R6")), zero, &longer),
        };
        every_split(of_minio_go.len(), |at| {
            let slices = cut(&of_minio_go, at);
            let (verdict, out) = push(&mut filter(framing, declared, Forward::Frames), &slices);
            assert_eq!(verdict, Ok(Progress::Complete), "{at:?}");
            let out = match framing {
                Framing::UnsignedTrailer => out,
                _ => resign(framing, chain("R6"), &[&out]).unwrap(),
            };
            assert!(out == expected, "{at:?}: {}", out.escape_ascii());
            let (verdict, out) = push(&mut filter(framing, declared, Forward::AsSent), &slices);
            assert_eq!(verdict, Ok(Progress::Complete), "{at:?}");
            assert!(out == of_minio_go, "{at:?}: {}", out.escape_ascii());
        });
        // No digit more than a size may have: then the line stays as it is.
        let full = [&zero[..2], &[b'0'; 15], &zero[2..]].concat();
        let of_minio_go = edit(&of_minio_go, zero, &full);
        let declared =
            BodyDeclaration { content_length: Some(of_minio_go.len() as u64), ..body.declared() };
        let (verdict, out) = push(&mut filter(framing, declared, Forward::Frames), &[&of_minio_go]);
        assert_eq!((verdict, out.len()), (Ok(Progress::Complete), of_minio_go.len()));
        assert!(out.windows(5).any(|window| window == b"==\n\r\n"));
    }
}

#[test]
fn resigned_frames() {
    let body = Body::new(&[b"abcd\r\n0;x", b"\r\nef", b"g"]);
    for (framing, body, peers) in [
        (Framing::Signed, body.clone(), ["R5", "A6"]),
        (
            Framing::SignedTrailer,
            body.with_trailer("x-amz-checksum-crc32", "gE8aXA=="),
            ["R6", "A7"],
        ),
    ] {
        let hashed = body.hashed(framing);
        for peer in peers {
            let expected = body.signed_by(framing, chain(peer));
            every_split(hashed.len(), |at| {
                let out = resign(framing, chain(peer), &cut(&hashed, at)).unwrap();
                assert!(out == expected, "{peer} at {at:?}");
            });
        }
        let cut_off = &hashed[..hashed.len() - 3];
        assert!(resign(framing, chain(peers[0]), &[cut_off]).is_err());
    }
}
