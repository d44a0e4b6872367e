//! Heads and bodies that are made to cost much, each beside a harmless one of as many bytes in as many pieces.

use std::hint::black_box;

use sigv4::aws_chunked::{BodyDeclaration, BodyFilter, Forward, Rules, Scheme};
use sigv4::{
    Credential, Header, Keyring, OriginBody, Payload, Permit, Policy, RequestParts, Secret,
    TargetBuffers,
};

use crate::{HOST, OwnedHead, TARGETS, client_key, header_signed, now, origin_key};

/// Names of the pairs.
pub(crate) const CASES: [&str; 9] = [
    "names",
    "forwarded-names",
    "repeated-names",
    "signed-names",
    "parameters",
    "scope",
    "connection",
    "chunk-extension",
    "small-chunks",
];

/// Runs `case` for `count` times: `NAME/hostile`, `NAME/benign`, and `NAME/half`, which is the hostile one of half the size.
/// False if there is no such case.
pub(crate) fn run(case: &str, count: usize) -> bool {
    let Some((name, kind)) = case.split_once('/') else { return false };
    let (hostile, parts) = match kind {
        "hostile" => (true, 2),
        "half" => (true, 1),
        "benign" => (false, 2),
        _ => return false,
    };
    match name {
        "names" => {
            verify(&header_signed(TARGETS[0]).and(many(hostile, 4000 * parts)), count, !hostile)
        }
        "forwarded-names" => {
            resign(&header_signed(TARGETS[0]).and(many(hostile, 4000 * parts)), count)
        }
        "repeated-names" => verify(&repeated(hostile, 4000 * parts), count, !hostile),
        "signed-names" => verify(&signed_names(hostile, 45 * parts), count, true),
        "parameters" => verify(&parameters(hostile, 245 * parts), count, true),
        "scope" => verify(&scope(hostile, 3500 * parts), count, !hostile),
        "connection" => resign(&connection(hostile, 4000 * parts), count),
        "chunk-extension" => extension(hostile, 500 * parts, count),
        "small-chunks" => small_chunks(hostile, 4000 * parts, count),
        _ => return false,
    }
    true
}

/// `count` numbers in an order that is neither rising nor falling.
fn shuffled(count: usize) -> impl Iterator<Item = usize> {
    // A prime that divides none of the sizes above.
    (0..count).map(move |number| number * 3571 % count)
}

type OwnedLines = Vec<(String, Vec<u8>)>;

/// Names that must be signed, or as many, of the same length, that need not be.
fn many(hostile: bool, count: usize) -> OwnedLines {
    let prefix = if hostile { "x-amz-meta" } else { "accept-dem" };
    shuffled(count).map(|number| (format!("{prefix}-{number:05}"), b"1".to_vec())).collect()
}

/// One signed name in its spellings.
fn repeated(hostile: bool, count: usize) -> OwnedHead {
    let front = if hostile { "x-amz-meta" } else { "accept-dem" };
    let spellings = ["a-b", "a_b"].map(|end| format!("{front}-{end}"));
    let lines = spellings.iter().cycle().take(count);
    let lines = lines.map(|name| (name.clone(), b"1".to_vec())).collect();
    with_signed(vec![("x-amz-meta-a-b".to_owned(), b"1".to_vec())]).and(lines)
}

/// As many signed names as a list may have, not sent in the order of the list.
fn signed_names(hostile: bool, count: usize) -> OwnedHead {
    let lines = many(hostile, count);
    if hostile { with_signed(lines) } else { header_signed(TARGETS[0]).and(lines) }
}

fn with_signed(lines: OwnedLines) -> OwnedHead {
    let headers = lines.iter().map(|(name, value)| Header { name: name.as_bytes(), value });
    let headers: Vec<_> = std::iter::once(HOST).chain(headers).collect();
    let request = RequestParts { method: b"GET", target: TARGETS[0], headers: &headers };
    let signed = sigv4::sign_request(&request, &Payload::Unsigned, &client_key(), now());
    let added = signed.expect("signed").headers.into_iter();
    let added = added.map(|(name, value)| (name.to_owned(), value)).collect();
    let headers = vec![("Host".to_owned(), HOST.value.to_vec())];
    OwnedHead { method: "GET", target: TARGETS[0].to_vec(), headers }.and(lines).and(added)
}

/// Parameters to sort and to escape whose names differ late; sorted ones in canonical form.
fn parameters(hostile: bool, count: usize) -> OwnedHead {
    let one = |number: usize| {
        if hostile {
            format!("%6eames-that-differ-at-their-end-{number:04}=%7e")
        } else {
            format!("names-that-differ-at-their-ends-0{number:04}=%2F")
        }
    };
    let all: Vec<_> =
        if hostile { shuffled(count).map(one).collect() } else { (0..count).map(one).collect() };
    header_signed(format!("/photos/a?{}", all.join("&")).as_bytes())
}

/// A region of slashes; a browser's name of the same length.
fn scope(hostile: bool, length: usize) -> OwnedHead {
    let mut head = header_signed(TARGETS[0]);
    if !hostile {
        return head.and(vec![("User-Agent".to_owned(), vec![b'a'; length])]);
    }
    for (name, value) in &mut head.headers {
        if name == "authorization" {
            let text = String::from_utf8(value.clone()).expect("text");
            *value = text.replace("us-east-1", &"a/".repeat(length / 2)).into_bytes();
        }
    }
    head
}

/// A Connection header that lists each of many headers.
fn connection(hostile: bool, count: usize) -> OwnedHead {
    let lines: OwnedLines =
        (0..count).map(|number| (format!("option-{number:05}"), b"1".to_vec())).collect();
    let list: Vec<_> = shuffled(count).map(|number| format!("option-{number:05}")).collect();
    let name = if hostile { "Connection" } else { "User-Agent" };
    header_signed(TARGETS[0]).and(vec![(name.to_owned(), list.join(",").into_bytes())]).and(lines)
}

/// A long line before a chunk; as many bytes of a chunk's data. Each byte comes by itself.
fn extension(hostile: bool, length: usize, count: usize) {
    let (text, decoded) = if hostile {
        (format!("1;{}", "a=b;".repeat(length / 4)), 1)
    } else {
        (format!("{length:x}\r\n{}\r\n0\r\n\r\n", "a".repeat(length)), length)
    };
    body(text.as_bytes(), 1, decoded, count, !hostile);
}

/// Chunks of one byte; one chunk as long as their frames. Each frame comes by itself.
fn small_chunks(hostile: bool, chunks: usize, count: usize) {
    let (text, decoded) = if hostile {
        (format!("{}0\r\n\r\n", "1\r\na\r\n".repeat(chunks)), chunks)
    } else {
        let length = chunks * 6;
        (format!("{length:x}\r\n{}\r\n0\r\n\r\n", "a".repeat(length)), length)
    };
    body(text.as_bytes(), 6, decoded, count, true);
}

fn body(bytes: &[u8], step: usize, decoded: usize, count: usize, expected: bool) {
    for _ in 0..count {
        let decoded_length = decoded.try_into().expect("a length");
        let declared = BodyDeclaration { content_length: None, decoded_length, trailer: None };
        let filter = BodyFilter::chunked(
            Scheme::UnsignedTrailer,
            declared,
            Rules::default(),
            Forward::Frames,
        );
        let (mut filter, mut out) = (filter.expect("a filter"), Vec::new());
        let mut pieces = black_box(bytes).chunks(step);
        let taken = pieces.try_for_each(|piece| filter.push(piece, false, &mut out).map(drop));
        let taken = taken.and_then(|()| filter.push(b"", true, &mut out).map(drop));
        assert_eq!(black_box(taken).is_ok(), expected);
    }
}

fn keyring() -> Keyring<()> {
    let mut keyring = Keyring::default();
    let client = Credential::new("AKIDCLIENT", Secret::new("secret of the client"), ());
    keyring.insert(client).expect("distinct");
    keyring
}

fn verify(head: &OwnedHead, count: usize, expected: bool) {
    let (keyring, policy, mut buffers) = (keyring(), Policy::default(), TargetBuffers::default());
    let lines = head.lines();
    for _ in 0..count {
        let request = head.request(&lines);
        let verdict = sigv4::verify(black_box(&request), &keyring, &policy, now(), &mut buffers);
        assert_eq!(black_box(verdict).is_ok(), expected);
    }
}

/// Of a location whose `s3_verify` is off: anybody's head comes this far.
fn resign(head: &OwnedHead, count: usize) {
    let (mut buffers, mut out, origin) = (TargetBuffers::default(), Vec::new(), origin_key());
    let (permit, body, bytes) = (Permit::verify_off(), OriginBody::default(), head.serialized());
    for _ in 0..count {
        let mut lines = sigv4::request_head::HeadLines::new();
        let (head, _) = sigv4::request_head::parse(black_box(&bytes), &mut lines).expect("a head");
        let authority = b"s3.eu-west-1.example.com";
        let signed = sigv4::resign(
            &sigv4::OriginRequest {
                head: &head,
                permit: &permit,
                authority,
                credential: &origin,
                body: &body,
                now: now(),
            },
            &mut buffers,
            &mut out,
        );
        assert!(black_box(signed).is_ok());
    }
}
