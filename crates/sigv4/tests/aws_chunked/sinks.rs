//! What a sink gets: whose the bytes are, how much is withheld, and how much memory that takes.

use sigv4::Payload;
use sigv4::aws_chunked::{
    BodyDeclaration, BodyFilter, Forward, Framing, PayloadDigest, Progress, Resigner, Rules,
    Scheme, Sink,
};

use crate::support::*;

/// Notes each call; takes buffers for its own.
#[derive(Default)]
struct Notes {
    input: std::ops::Range<usize>,
    calls: Vec<(char, Vec<u8>)>,
}

impl Notes {
    fn watch(&mut self, input: &[u8]) {
        let start = input.as_ptr() as usize;
        self.input = start..start + input.len();
    }

    fn take(&mut self) -> Vec<(char, String)> {
        let calls = std::mem::take(&mut self.calls);
        calls.into_iter().map(|(kind, bytes)| (kind, String::from_utf8(bytes).unwrap())).collect()
    }
}

impl Notes {
    fn assert_input(&self, bytes: &[u8]) {
        let start = bytes.as_ptr() as usize;
        assert!(!bytes.is_empty());
        assert!(
            self.input.start <= start && start + bytes.len() <= self.input.end,
            "not the input"
        );
    }
}

impl Sink for Notes {
    fn borrowed(&mut self, bytes: &[u8]) {
        self.assert_input(bytes);
        self.calls.push(('b', bytes.to_vec()));
    }

    fn replaced(&mut self, original: &[u8], bytes: &[u8]) {
        self.assert_input(original);
        assert_eq!(original.len(), bytes.len());
        self.calls.push(('r', bytes.to_vec()));
    }

    fn copied(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        self.calls.push(('c', bytes.to_vec()));
    }

    fn buffered(&mut self, bytes: &mut Vec<u8>) {
        assert!(!bytes.is_empty());
        self.calls.push(('v', std::mem::take(bytes)));
    }
}

fn push_noted(
    filter: &mut BodyFilter,
    input: &[u8],
    last: bool,
    notes: &mut Notes,
) -> Vec<(char, String)> {
    notes.watch(input);
    let progress = filter.push(input, last, notes).unwrap();
    assert_eq!(progress == Progress::Complete, last);
    notes.take()
}

fn calls(expected: &[(char, &str)]) -> Vec<(char, String)> {
    expected.iter().map(|(kind, text)| (*kind, (*text).to_owned())).collect()
}

const ABCDEF: BodyDeclaration =
    BodyDeclaration { content_length: None, decoded_length: 6, trailer: None };

#[test]
fn unsigned_frames_pass_in_long_runs() {
    let mut filter = filter(Framing::UnsignedTrailer, ABCDEF, Forward::Frames);
    let mut notes = Notes::default();
    let mut push = |input: &str, last| push_noted(&mut filter, input.as_bytes(), last, &mut notes);
    assert_eq!(push("2\r\nab\r\n1", false), calls(&[('b', "2\r\nab\r\n")]));
    assert_eq!(push("\r\nc\r\n3\r\nde", false), calls(&[('c', "1"), ('b', "\r\nc\r\n3\r\nde")]));
    assert_eq!(push("f\r", false), calls(&[('b', "f")]));
    assert_eq!(push("\n", false), calls(&[('c', "\r"), ('b', "\n")]));
    assert_eq!(push("0\r", false), []);
    assert_eq!(push("\n\r\n", false), []);
    assert_eq!(push("", true), calls(&[('v', "0\r\n\r\n")]));
}

#[test]
fn unsigned_data_is_never_copied() {
    let mut filter = filter(Framing::UnsignedTrailer, ABCDEF, Forward::Unwrap);
    let mut notes = Notes::default();
    let mut push = |input: &str, last| push_noted(&mut filter, input.as_bytes(), last, &mut notes);
    assert_eq!(push("2\r\nab\r\n4\r\nc", false), calls(&[('b', "ab"), ('b', "c")]));
    assert_eq!(push("def\r\n0\r\n\r\n", false), calls(&[('b', "de")]));
    assert_eq!(push("", true), calls(&[('v', "f")]));
}

#[test]
fn signed_chunks_wait_for_their_proof() {
    let body = Body::new(&[b"abc", b"def"]);
    let frames = body.signed_by(Framing::Signed, chain("B11"));
    let hashed = String::from_utf8(body.hashed(Framing::Signed)).unwrap();
    let (first, second) = (3 + 84 + 2, 2 * (3 + 84 + 2));
    for (forward, expected) in [
        (Forward::Frames, [&hashed[..first], &hashed[first..second], &hashed[second..]]),
        (Forward::Unwrap, ["abc", "", "def"]),
    ] {
        let mut filter = filter(Framing::Signed, body.declared(), forward);
        let mut notes = Notes::default();
        let mut push = |input, last| push_noted(&mut filter, input, last, &mut notes);
        let call = |text: &str| if text.is_empty() { vec![] } else { calls(&[('v', text)]) };
        assert_eq!(push(&frames[..first - 1], false), []);
        assert_eq!(push(&frames[first - 1..second - 1], false), call(expected[0]));
        assert_eq!(push(&frames[second - 1..second], false), call(expected[1]));
        assert_eq!(push(&frames[second..], false), []);
        assert_eq!(push(b"", true), call(expected[2]));
    }
}

/// What comes with a chunk's end is proven by then: it goes on from where it lies, not by way of a copy.
#[test]
fn ends_of_signed_chunks_are_not_copied() {
    let (first, second) = ([b'a'; 9_000], [b'b'; 9_000]);
    let body = Body::new(&[&first, &second, b"cc"]);
    let frames = body.signed_by(Framing::Signed, chain("B11"));
    let hashed = String::from_utf8(body.hashed(Framing::Signed)).unwrap();
    let line = "2328;chunk-signature=".len();
    let (end, cut) = (line + 66 + 9_000 + 2, 4_000);
    let filter = |forward| {
        let rules = Rules { min_chunk: 0, ..Rules::default() };
        BodyFilter::chunked(Scheme::Signed(chain("B11")), body.declared(), rules, forward).unwrap()
    };
    let mut notes = Notes::default();

    let mut frames_filter = filter(Forward::Frames);
    assert_eq!(push_noted(&mut frames_filter, &frames[..cut], false, &mut notes), []);
    assert_eq!(
        push_noted(&mut frames_filter, &frames[cut..2 * end + 50], false, &mut notes),
        calls(&[
            ('v', &hashed[..cut]),
            ('b', &hashed[cut..end]),
            ('b', &hashed[end..end + line]),
            ('r', &hashed[end + line..end + line + 64]),
            ('b', &hashed[end + line + 64..2 * end]),
        ])
    );
    // A short one is cheaper to copy.
    let rest = &frames[2 * end + 50..];
    let tail = 2 * end + "2;chunk-signature=".len() + 66 + 2 + 2;
    assert_eq!(
        push_noted(&mut frames_filter, rest, true, &mut notes),
        calls(&[('v', &hashed[2 * end..tail]), ('v', &hashed[tail..])])
    );

    let mut data = filter(Forward::Unwrap);
    assert_eq!(push_noted(&mut data, &frames[..cut], false, &mut notes), []);
    let (before, after) = first.split_at(cut - line - 66);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    assert_eq!(
        push_noted(&mut data, &frames[cut..], true, &mut notes),
        calls(&[('v', &text(before)), ('b', &text(after)), ('b', &text(&second)), ('v', "cc")])
    );
}

#[test]
fn long_frames_are_the_same_wherever_they_are_cut() {
    let body = Body::new(&[&[b'a'; 9_000], &[b'b'; 9_000]]);
    let frames = body.signed_by(Framing::Signed, chain("B11"));
    let data = [[b'a'; 9_000], [b'b'; 9_000]].concat();
    for (forward, expected) in [
        (Forward::Frames, body.hashed(Framing::Signed)),
        (Forward::AsSent, frames.clone()),
        (Forward::Unwrap, data),
    ] {
        for cut in (0..frames.len()).step_by(101).chain(9_080..9_092) {
            let mut filter = filter(Framing::Signed, body.declared(), forward);
            let (verdict, out) = push(&mut filter, &[&frames[..cut], &frames[cut..]]);
            assert_eq!(verdict.unwrap(), Progress::Complete);
            assert!(out == expected, "{forward:?} {cut}");
        }
    }
}

/// A fault in a chunk lets nothing of it on, wherever its bytes lie.
#[test]
fn nothing_of_a_wrong_chunk_goes_on() {
    let body = Body::new(&[&[b'a'; 9_000], &[b'b'; 9_000]]);
    let frames = body.signed_by(Framing::Signed, chain("B11"));
    let end = "2328;chunk-signature=".len() + 66 + 9_000 + 2;
    for forward in [Forward::Frames, Forward::AsSent, Forward::Unwrap] {
        for cut in [0, 50, 87, 4_000, end - 1, end, end + 50, end + 4_000, 2 * end - 1] {
            let mut frames = frames.clone();
            frames[2 * end - 3] ^= 1;
            let mut filter = filter(Framing::Signed, body.declared(), forward);
            let (verdict, out) = push(&mut filter, &[&frames[..cut], &frames[cut..]]);
            assert_eq!(code(&verdict.unwrap_err()), "SignatureDoesNotMatch", "{forward:?} {cut}");
            assert_eq!(out.len(), if forward == Forward::Unwrap { 9_000 } else { end });
        }
    }
}

#[test]
fn resigner_copies_lines_only() {
    let body = Body::new(&[b"abc"]);
    let hashed = body.hashed(Framing::Signed);
    let expected = String::from_utf8(body.signed_by(Framing::Signed, chain("R5"))).unwrap();
    let mut resigner = Resigner::new(Framing::Signed, chain("R5"));
    let mut notes = Notes::default();
    notes.watch(&hashed);
    resigner.process(&hashed, &mut notes).unwrap();
    resigner.finish().unwrap();
    let (header, data) = (84, 84 + 5);
    let (zero, end) = (data + 84, data + 86);
    assert_eq!(
        notes.take(),
        calls(&[
            ('c', &expected[..header]),
            ('b', &expected[header..data]),
            ('c', &expected[data..zero]),
            ('b', &expected[zero..end]),
        ])
    );
}

/// A client that declares much and sends little has little.
#[test]
fn memory_grows_with_what_came() {
    let declared = BodyDeclaration { content_length: None, decoded_length: 1 << 24, trailer: None };
    let header = format!("1000000;chunk-signature={}\r\n", "0".repeat(64));
    for forward in [Forward::Frames, Forward::Unwrap] {
        let mut filter = filter(Framing::Signed, declared, forward);
        filter.push(header.as_bytes(), false, &mut Vec::new()).unwrap();
        filter.push(b"x", false, &mut Vec::new()).unwrap();
        assert!(filter.take_buffer().capacity() <= 16 * 1024);

        let mut filter = self::filter(Framing::Signed, declared, forward);
        filter.push(header.as_bytes(), false, &mut Vec::new()).unwrap();
        for _ in 0..(1 << 24) / 4096 - 1 {
            filter.push(&[0; 4096], false, &mut Vec::new()).unwrap();
        }
        let capacity = filter.take_buffer().capacity();
        assert!(capacity <= (1 << 24) + header.len() + 2, "{capacity}");
    }
}

#[test]
fn buffer_is_used_again() {
    let body = Body::new(&[&[b'x'; 50_000]]);
    let frames = body.signed_by(Framing::Signed, chain("B11"));
    let mut buffer = Vec::new();
    let mut place = None;
    for _ in 0..3 {
        let scheme = Scheme::Signed(chain("B11"));
        let (declared, rules) = (body.declared(), Rules::default());
        let mut filter = BodyFilter::chunked(scheme, declared, rules, Forward::Frames).unwrap();
        filter = filter.with_buffer(buffer);
        let inputs: Vec<_> = frames.chunks(4_000).collect();
        assert!(push(&mut filter, &inputs).0.is_ok());
        buffer = filter.take_buffer();
        assert!(buffer.is_empty() && buffer.capacity() < 51_000);
        assert_eq!(*place.get_or_insert(buffer.as_ptr()), buffer.as_ptr());
    }
}

#[test]
fn digest_holds_the_last_byte() {
    let digest = |length| {
        let claimed = "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824";
        let Ok(Payload::Sha256(claimed)) = Payload::parse(claimed.as_bytes()) else { panic!() };
        BodyFilter::digest(PayloadDigest::new(claimed, length))
    };
    let mut notes = Notes::default();
    let mut known = digest(Some(5));
    let mut push = |input: &str, last| push_noted(&mut known, input.as_bytes(), last, &mut notes);
    assert_eq!(push("he", false), calls(&[('b', "he")]));
    assert_eq!(push("", false), []);
    assert_eq!(push("llo", false), calls(&[('b', "ll")]));
    assert_eq!(push("", true), calls(&[('c', "o")]));

    let mut known = digest(Some(5));
    assert_eq!(push_noted(&mut known, b"hello", true, &mut notes), calls(&[('b', "hello")]));

    let mut unknown = digest(None);
    let mut push = |input: &str, last| push_noted(&mut unknown, input.as_bytes(), last, &mut notes);
    assert_eq!(push("he", false), calls(&[('b', "h")]));
    assert_eq!(push("l", false), calls(&[('c', "e")]));
    assert_eq!(push("lo", true), calls(&[('c', "l"), ('b', "lo")]));

    let mut bare = BodyFilter::digest(PayloadDigest::of_length(Some(5)));
    let mut push = |input: &str, last| push_noted(&mut bare, input.as_bytes(), last, &mut notes);
    assert_eq!(push("hellO", false), calls(&[('b', "hell")]));
    assert_eq!(push("", true), calls(&[('c', "O")]));
    for (body, expected) in [("hell", "IncompleteBody"), ("hello!", "IncompleteBody")] {
        let mut bare = BodyFilter::digest(PayloadDigest::of_length(Some(5)));
        let (verdict, out) = support_push(&mut bare, body);
        assert_eq!(code(&verdict.unwrap_err()), expected, "{body:?}");
        assert!(out.len() < 5, "{body:?}");
    }

    for (body, length, expected) in [
        ("hellO", Some(5), "XAmzContentSHA256Mismatch"),
        ("hellO", None, "XAmzContentSHA256Mismatch"),
        ("hell", Some(5), "IncompleteBody"),
        ("hello!", Some(5), "IncompleteBody"),
        ("", None, "XAmzContentSHA256Mismatch"),
    ] {
        let (verdict, out) = support_push(&mut digest(length), body);
        assert_eq!(code(&verdict.unwrap_err()), expected);
        assert!(out.len() < 5);
    }
}

fn support_push(
    filter: &mut BodyFilter,
    body: &str,
) -> (Result<Progress, sigv4::aws_chunked::BodyError>, Vec<u8>) {
    push(filter, &[body.as_bytes()])
}
