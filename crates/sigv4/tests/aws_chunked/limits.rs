//! Limits, rules that can be switched, and forms of trailers: the nearest accept beside each
//! reject.

use sigv4::aws_chunked::{
    BodyDeclaration, BodyError, BodyFilter, ChecksumAlgorithm, Forward, FrameError, Framing,
    MAX_LINE, MAX_TRAILER_BYTES, MAX_TRAILER_LINES, Progress, Rules, Scheme, TrailerError,
    Verifier,
};

use crate::support::*;

fn verdict(
    framing: Framing,
    declared: BodyDeclaration,
    body: &[u8],
) -> Result<Progress, BodyError> {
    push(&mut filter(framing, declared, Forward::Frames), &[body]).0
}

fn unsigned(decoded_length: u64, body: &[u8]) -> Result<Progress, BodyError> {
    verdict(
        Framing::UnsignedTrailer,
        BodyDeclaration { content_length: None, decoded_length, trailer: None },
        body,
    )
}

const OK: Result<Progress, BodyError> = Ok(Progress::Complete);

fn frame(offset: u64, fault: FrameError) -> Result<Progress, BodyError> {
    Err(BodyError::MalformedFrame { offset, fault })
}

fn trailer(fault: TrailerError) -> Result<Progress, BodyError> {
    Err(BodyError::MalformedTrailer { fault })
}

#[test]
fn chunk_sizes() {
    assert_eq!(unsigned(10, b"a\r\n0123456789\r\n0\r\n\r\n"), OK);
    assert_eq!(unsigned(10, b"A\r\n0123456789\r\n0\r\n\r\n"), OK);
    assert_eq!(unsigned(10, b"000000000000000A\r\n0123456789\r\n0\r\n\r\n"), OK);
    assert_eq!(unsigned(10, b"a\r\n0123456789\r\n0000\r\n\r\n"), OK);
    for bad in ["0000000000000000a", "0xa", "+a", "-a", " a", "a ", "", "a;x=y", ";", "g"] {
        let body = format!("{bad}\r\n0123456789\r\n0\r\n\r\n");
        assert_eq!(unsigned(10, body.as_bytes()), frame(0, FrameError::ChunkSize), "{bad}");
    }
    let provided = u64::MAX;
    let error = Err(BodyError::IncompleteBody { expected: 10, provided });
    assert_eq!(unsigned(10, b"ffffffffffffffff\r\n0123456789\r\n0\r\n\r\n"), error);
    let error = Err(BodyError::IncompleteBody { expected: 10, provided });
    assert_eq!(unsigned(10, b"1\r\n0\r\nffffffffffffffff\r\n0123456789"), error);
}

#[test]
fn line_ends() {
    assert_eq!(unsigned(1, b"1\r\na\r\n0\r\n\r\n"), OK);
    assert_eq!(unsigned(1, b"1\r\na\r\n0\r\n"), OK);
    assert_eq!(unsigned(1, b"1\na\r\n0\r\n\r\n"), frame(0, FrameError::BareLineFeed));
    assert_eq!(unsigned(1, b"1\r\na\n0\r\n\r\n"), frame(4, FrameError::DataEnd));
    assert_eq!(unsigned(1, b"1\r\naa\r\n0\r\n\r\n"), frame(4, FrameError::DataEnd));
    assert_eq!(unsigned(1, b"1\r\na\r0\r\n\r\n"), frame(4, FrameError::DataEnd));
    assert_eq!(unsigned(1, b"1\r\na\r\n0\r\n\n"), frame(9, FrameError::Truncated));
    assert_eq!(unsigned(1, b"1\r\na\r\n0\r\n\r"), frame(9, FrameError::Truncated));
    assert_eq!(unsigned(1, b"1\r\na\r\n0"), frame(6, FrameError::Truncated));
    assert_eq!(unsigned(1, b"1\r\na\r\n0\r\n\r\n0"), frame(11, FrameError::AfterEnd));
    assert_eq!(unsigned(0, b""), frame(0, FrameError::Truncated));
    assert_eq!(unsigned(1, b""), Err(BodyError::IncompleteBody { expected: 1, provided: 0 }));
}

/// A body without its last chunk that fills its message: the origin must not get all of it.
#[test]
fn content_length() {
    let body = b"1\r\na\r\n0\r\n\r\n";
    let push_all = |len: usize, content_length: u64| {
        let declared = BodyDeclaration {
            content_length: Some(content_length),
            decoded_length: 1,
            trailer: None,
        };
        push(&mut filter(Framing::UnsignedTrailer, declared, Forward::Frames), &[&body[..len]])
    };
    assert_eq!(push_all(11, 11), (OK, body.to_vec()));
    assert_eq!(push_all(9, 9), (OK, body[..9].to_vec()));
    assert_eq!(push_all(9, 11), (frame(9, FrameError::Truncated), body[..6].to_vec()));
    assert_eq!(push_all(11, 9), (frame(0, FrameError::AfterEnd), Vec::new()));
    assert_eq!(push_all(6, 6), (frame(6, FrameError::Truncated), body[..5].to_vec()));
    assert_eq!(push_all(6, 11), (frame(6, FrameError::Truncated), body[..6].to_vec()));
}

#[test]
fn line_length() {
    let line = |len: usize| [vec![b'1'; len - 2], b"\r\n".to_vec()].concat();
    assert_eq!(unsigned(1, &line(MAX_LINE)), frame(0, FrameError::ChunkSize));
    assert_eq!(unsigned(1, &line(MAX_LINE + 1)), frame(0, FrameError::LineTooLong));
    // Without waiting for its end.
    let mut filter = filter(
        Framing::UnsignedTrailer,
        BodyDeclaration { content_length: None, decoded_length: 1, trailer: None },
        Forward::Frames,
    );
    assert_eq!(filter.push(&[b'1'; MAX_LINE - 1], false, &mut Vec::new()), Ok(Progress::More));
    let error = filter.push(b"1", false, &mut Vec::new());
    assert_eq!(error, frame(0, FrameError::LineTooLong));
}

#[test]
fn trailer_section() {
    let declared = BodyDeclaration {
        content_length: None,
        decoded_length: 1,
        trailer: Some(ChecksumAlgorithm::Crc32),
    };
    let check = |lines: &str| {
        let body = format!("1\r\na\r\n0\r\n{lines}\r\n");
        verdict(Framing::UnsignedTrailer, declared, body.as_bytes())
    };
    let good = "x-amz-checksum-crc32:6Le+Qw==\r\n";
    assert_eq!(check(good), OK);
    assert_eq!(check("X-Amz-Checksum-CRC32: \t 6Le+Qw== \r\n"), OK);
    assert_eq!(check(&good.repeat(2)), trailer(TrailerError::Duplicate));
    assert_eq!(check(""), trailer(TrailerError::Missing));
    assert_eq!(check(&format!("{good}x-amz-meta-a:1\r\n")), trailer(TrailerError::Undeclared));
    assert_eq!(
        check(&format!("{good}x-amz-trailer-signature:{}\r\n", "0".repeat(64))),
        trailer(TrailerError::Undeclared)
    );
    for bad in [
        "x-amz-checksum-crc32\r\n",
        ":6Le+Qw==\r\n",
        "x-amz-checksum-crc32 :6Le+Qw==\r\n",
        "x-amz-checksum-crc32:6Le+Qw==\r\r\n",
        "x-amz-checksum-crc32:6Le+Qw==\0\r\n",
    ] {
        assert_eq!(check(bad), trailer(TrailerError::Line), "{bad:?}");
    }
    assert_eq!(check("x-amz-checksum-crc32:6Le+Qw==\n\r\n"), OK);
    assert_eq!(check("x-amz-checksum-crc32:6Le+Qw==\n\n\r\n"), trailer(TrailerError::Line));
    let name = "x-amz-checksum-crc32";
    for bad in [
        "",
        "6Le+Qw",
        "6Le+Qw=",
        "6Le+Qx==",
        "6Le-Qw==",
        "6Le+Q w==",
        "AAAA",
        "AAAAAAA=",
        &"A".repeat(900),
    ] {
        let error = Err(BodyError::InvalidTrailerValue { name });
        assert_eq!(check(&format!("{name}:{bad}\r\n")), error, "{bad:?}");
    }
    let expected = "AAAAAA==".to_owned();
    let error = BodyError::ChecksumMismatch { name, expected, calculated: "6Le+Qw==".to_owned() };
    assert_eq!(check("x-amz-checksum-crc32:AAAAAA==\r\n"), Err(error));
    let long = format!("{name}:{}\r\n", "A".repeat(MAX_LINE));
    assert_eq!(check(&long), trailer(TrailerError::TooLong));
}

/// The limits of the section as a whole: the decoder's, since more than two lines are refused for
/// other reasons above it.
#[test]
fn trailer_section_size() {
    use sigv4::aws_chunked::Decoder;
    let decode = |body: &str| {
        let mut decoder = Decoder::new(Framing::UnsignedTrailer);
        let mut input = body.as_bytes();
        while decoder.next(&mut input)?.is_some() {}
        decoder.finish()
    };
    let lines = |count: usize| format!("0\r\n{}\r\n", "a:b\r\n".repeat(count));
    assert_eq!(decode(&lines(MAX_TRAILER_LINES)), Ok(()));
    let error = BodyError::MalformedTrailer { fault: TrailerError::TooManyLines };
    assert_eq!(decode(&lines(MAX_TRAILER_LINES + 1)), Err(error));
    let line = format!("a:{}\r\n", "b".repeat(MAX_LINE - 4));
    assert_eq!(decode(&format!("0\r\n{}\r\n", line.repeat(MAX_TRAILER_BYTES / MAX_LINE))), Ok(()));
    let error = BodyError::MalformedTrailer { fault: TrailerError::TooLong };
    assert_eq!(
        decode(&format!("0\r\n{}a:b\r\n", line.repeat(MAX_TRAILER_BYTES / MAX_LINE))),
        Err(error)
    );
}

#[test]
fn signed_trailer_section() {
    let body = Body::new(&[b"a"]).with_trailer("x-amz-checksum-crc32", "6Le+Qw==");
    let framing = Framing::SignedTrailer;
    let good = String::from_utf8(body.signed_by(framing, chain("B12"))).unwrap();
    let check = |body_text: &str| verdict(framing, body.declared(), body_text.as_bytes());
    assert_eq!(check(&good), OK);
    let name = "x-amz-trailer-signature:";
    assert_eq!(check(&good.replace(name, "X-Amz-Trailer-Signature:")), OK);
    let at = good.find(name).unwrap() as u64;
    for bad in [format!("{name} "), format!("{name}0"), "x-amz-trailer-signature :".to_owned()] {
        let error = check(&good.replace(name, &bad)).unwrap_err();
        assert!(
            matches!(error, BodyError::MalformedFrame { offset, .. } if offset == at)
                || bad.contains(" :")
        );
    }
    assert_eq!(
        check(good.strip_suffix("\r\n").unwrap()),
        frame(good.len() as u64 - 2, FrameError::Truncated)
    );
    let more = format!("{}a:b\r\n\r\n", good.strip_suffix("\r\n").unwrap());
    assert_eq!(check(&more), trailer(TrailerError::AfterSignature));

    // Nothing declared, nothing sent: the signed block is one empty line.
    let body = Body::new(&[b"a"]);
    let good = body.signed_by(framing, chain("B12"));
    assert_eq!(verdict(framing, body.declared(), &good), OK);
    let declared = BodyDeclaration { trailer: Some(ChecksumAlgorithm::Crc32), ..body.declared() };
    assert_eq!(verdict(framing, declared, &good), trailer(TrailerError::Missing));
}

#[test]
fn checksum_algorithms() {
    // Of "The quick brown fox jumps over the lazy dog"; the check values of the usual references.
    let data = b"The quick brown fox jumps over the lazy dog";
    let cases = [
        ("x-amz-checksum-crc32", "QU+jOQ=="),
        ("x-amz-checksum-crc32c", "ImIEBA=="),
        ("x-amz-checksum-sha1", "L9ThxnotKPzthJ7hu3bnORuT6xI="),
        ("x-amz-checksum-sha256", "16j7swfXgJRpypq8sAguT41WUeRtPNt2LQLQvzfJ5ZI="),
    ];
    for (name, digest) in cases {
        for expected in [true, false] {
            let value = if expected { digest.to_owned() } else { format!("4{}", &digest[1..]) };
            let body = Body::new(&[&data[..10], &data[10..]]).with_trailer(name, &value);
            let verdict = verdict(Framing::UnsignedTrailer, body.declared(), &body.unsigned());
            assert_eq!(verdict.is_ok(), expected, "{name}: {verdict:?}");
        }
    }
    // Those that are only passed on: form is checked, and they cannot be taken off.
    let body = Body::new(&[data]).with_trailer("x-amz-checksum-md5", "AAAAAAAAAAAAAAAAAAAAAA==");
    assert_eq!(verdict(Framing::UnsignedTrailer, body.declared(), &body.unsigned()), OK);
    let filter = |declared| {
        BodyFilter::chunked(Scheme::UnsignedTrailer, declared, LENIENT, Forward::Unwrap).err()
    };
    let name = "x-amz-checksum-md5";
    assert_eq!(filter(body.declared()), Some(BodyError::TrailerNotSupported { name }));
}

#[test]
fn trailer_announced_for_a_body_without() {
    let declared = BodyDeclaration {
        content_length: None,
        decoded_length: 0,
        trailer: Some(ChecksumAlgorithm::Crc32),
    };
    let filter = BodyFilter::chunked(scheme(Framing::Signed), declared, LENIENT, Forward::Frames);
    assert_eq!(
        filter.err(),
        Some(BodyError::MalformedTrailer { fault: TrailerError::NotStreaming })
    );
}

#[test]
fn signed_chunk_sizes() {
    let check = |chunks: &[&[u8]], rules: Rules| {
        let body = Body::new(chunks);
        let frames = body.signed_by(Framing::Signed, chain("B11"));
        let scheme = scheme(Framing::Signed);
        let mut filter =
            BodyFilter::chunked(scheme, body.declared(), rules, Forward::Frames).unwrap();
        push(&mut filter, &[&frames]).0
    };
    let rules = Rules { min_chunk: 4, max_chunk: 8, verify_checksum: false };
    assert_eq!(check(&[b"1234", b"12345678", b"1"], rules), OK);
    let error = Err(BodyError::InvalidChunkSize { chunk: 3, size: 3 });
    assert_eq!(check(&[b"1234", b"123", b"1"], rules), error);
    let error = Err(BodyError::ChunkTooLarge { size: 9, limit: 8 });
    assert_eq!(check(&[b"1234", b"123456789"], rules), error);
    assert_eq!(check(&[b"1", b"1", b"1"], Rules { min_chunk: 0, ..rules }), OK);
    // No limit holds for chunks without signatures: nothing of them is withheld.
    let body = Body::new(&[b"1", &[b'x'; 100_000]]);
    let mut filter =
        BodyFilter::chunked(Scheme::UnsignedTrailer, body.declared(), rules, Forward::Frames)
            .unwrap();
    assert_eq!(push(&mut filter, &[&body.unsigned()]).0, OK);
}

/// A fault stays, also for those who use the verifier alone.
#[test]
fn no_way_on_after_a_fault() {
    let body = Body::new(&[b"abc", b"def"]);
    let mut frames = body.signed_by(Framing::Signed, chain("B11"));
    frames[84] = b'x';
    let mut verifier = Verifier::new(scheme(Framing::Signed), body.declared(), LENIENT).unwrap();
    let mut input = &frames[..];
    let error = loop {
        match verifier.next(&mut input) {
            Ok(event) => assert!(event.is_some()),
            Err(error) => break error,
        }
    };
    assert_eq!(code(&error), "SignatureDoesNotMatch");
    let failed = |error| match error {
        BodyError::MalformedFrame { fault, .. } => fault == FrameError::Failed,
        _ => false,
    };
    assert!(verifier.next(&mut input).is_err_and(failed));
    assert!(verifier.finish().is_err_and(failed));
}
