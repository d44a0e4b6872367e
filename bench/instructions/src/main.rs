//! Runs one piece of work over and over, for an instruction counter: `instructions CASE COUNT`. Without arguments it
//! lists the cases, with `hostile` those of [`hostile`].
//!
//! The clock is an argument of all that is called, so two runs of a case execute the same instructions, and the difference
//! of two counts, over the difference of the runs' lengths, is what one call costs. Keys are derived before: the first call
//! of each run pays for that and is the same in both.

mod hostile;

use std::hint::black_box;
use std::sync::atomic::AtomicU64;

use s3::Operation;
use sigv4::request_head::{HeadLines, HeadNames, parse_next};
use sigv4::{
    Credential, Header, Keyring, OriginBody, OriginCredential, Payload, Permit, Policy,
    RequestParts, Secret, TargetBuffers, Timestamp,
};
use status::{Counted, OriginPlace, StatusZone, Timing};

const CASES: [&str; 10] = [
    "get-header",
    "get-presigned",
    "verify-header",
    "verify-presigned",
    "verify-refused",
    "resign-get",
    "resign-put",
    "sign-chunk",
    "verify-chunk",
    "count-request",
];
const HOST: Header<'static> = Header { name: b"Host", value: b"s3.example.com" };
const EMPTY: &[u8] = b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// Two objects in turn: a target that was the last one already is not taken apart again, and here it should be.
const TARGETS: [&[u8]; 2] =
    [b"/photos/2026/11/23/caf%C3%A9-0001.jpg", b"/photos/2026/11/23/caf%C3%A9-0002.jpg"];
/// What the common SDKs send besides, unsigned.
const COMMON: [(&str, &str); 4] = [
    ("User-Agent", "aws-sdk-rust/1.3.3 os/linux lang/rust/1.90.0"),
    ("Accept-Encoding", "identity"),
    ("amz-sdk-invocation-id", "3f1c5f5e-0a9c-4b31-9a3e-9d9a6f1d2c11"),
    ("amz-sdk-request", "attempt=1; max=3"),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (case, count) = match (arguments.next(), arguments.next()) {
        (Some(case), Some(count)) => (case, count),
        (Some(_), None) => return hostile::CASES.iter().for_each(|case| println!("{case}")),
        (None, _) => return CASES.iter().for_each(|case| println!("{case}")),
    };
    let count: usize = count.parse().expect("a count");
    match case.as_str() {
        "get-header" => get(&TARGETS.map(header_signed), count),
        "get-presigned" => get(&TARGETS.map(presigned), count),
        "verify-header" => verify(&TARGETS.map(header_signed), count, true),
        "verify-presigned" => verify(&TARGETS.map(presigned), count, true),
        "verify-refused" => verify(&TARGETS.map(header_signed).map(wrong), count, false),
        "resign-get" => resign(&TARGETS.map(header_signed), count),
        "resign-put" => resign(&TARGETS.map(put_head), count),
        "sign-chunk" => chunks(count, false),
        "verify-chunk" => chunks(count, true),
        "count-request" => count_requests(count),
        _ => assert!(hostile::run(&case, count), "unknown case {case}"),
    }
}

/// A head that owns its bytes.
struct OwnedHead {
    method: &'static str,
    target: Vec<u8>,
    headers: Vec<(String, Vec<u8>)>,
}

impl OwnedHead {
    fn request<'a>(&'a self, lines: &'a [Header<'a>]) -> RequestParts<'a> {
        RequestParts { method: self.method.as_bytes(), target: &self.target, headers: lines }
    }

    fn lines(&self) -> Vec<Header<'_>> {
        self.headers.iter().map(|(name, value)| Header { name: name.as_bytes(), value }).collect()
    }

    /// As nginx writes it for an upstream.
    fn serialized(&self) -> Vec<u8> {
        let mut text = [self.method.as_bytes(), b" ", &self.target, b" HTTP/1.1\r\n"].concat();
        for (name, value) in &self.headers {
            text.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        text.extend(b"\r\n");
        text
    }

    fn with(self, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        self.and(headers.collect())
    }

    fn and(mut self, headers: Vec<(String, Vec<u8>)>) -> Self {
        self.headers.extend(headers);
        self
    }
}

fn now() -> Timestamp {
    Timestamp::from_unix(1_795_435_200).expect("a year of four digits")
}

fn client_key() -> OriginCredential {
    OriginCredential::new(
        "AKIDCLIENT",
        Secret::new("secret of the client"),
        None,
        "us-east-1",
        "s3",
    )
}

fn origin_key() -> OriginCredential {
    OriginCredential::new(
        "AKIDORIGIN",
        Secret::new("secret of the origin"),
        None,
        "eu-west-1",
        "s3",
    )
}

fn header_signed(target: &[u8]) -> OwnedHead {
    let request = RequestParts { method: b"GET", target, headers: &[HOST] };
    let payload = Payload::parse(EMPTY).expect("a hash");
    let signed = sigv4::sign_request(&request, &payload, &client_key(), now()).expect("signed");
    let host = [("Host".to_owned(), HOST.value.to_vec())];
    let added = signed.headers.into_iter().map(|(name, value)| (name.to_owned(), value));
    let headers = host.into_iter().chain(added).collect();
    OwnedHead { method: "GET", target: target.to_vec(), headers }.with(&COMMON)
}

fn presigned(target: &[u8]) -> OwnedHead {
    let request = RequestParts { method: b"GET", target, headers: &[HOST] };
    let target = sigv4::presign(&request, 3600, &client_key(), now()).expect("signed");
    let headers = vec![("Host".to_owned(), HOST.value.to_vec())];
    OwnedHead { method: "GET", target, headers }.with(&COMMON)
}

fn wrong(mut head: OwnedHead) -> OwnedHead {
    for (name, value) in &mut head.headers {
        if name == "authorization" {
            let last = value.last_mut().expect("a signature");
            *last = if *last == b'0' { b'1' } else { b'0' };
        }
    }
    head
}

fn put_head(target: &[u8]) -> OwnedHead {
    let mut head = header_signed(target).with(&[
        ("Content-Length", "65536"),
        ("Content-Type", "image/jpeg"),
        ("x-amz-acl", "private"),
        ("x-amz-meta-camera", "a  box  with a hole"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ]);
    head.method = "PUT";
    head
}

/// One client among many.
fn keyring() -> Keyring<()> {
    let mut keyring = Keyring::default();
    for number in 0..64 {
        let id = format!("AKIDOTHER{number}");
        keyring.insert(Credential::new(id, Secret::new("another"), ())).expect("distinct");
    }
    let client = Credential::new("AKIDCLIENT", Secret::new("secret of the client"), ());
    keyring.insert(client).expect("distinct");
    keyring
}

/// A request as the module has it: verified, and then signed with the same buffers, in which its target is still taken apart.
fn get(heads: &[OwnedHead; 2], count: usize) {
    let (keyring, policy, origin) = (keyring(), Policy::default(), origin_key());
    // As the module has it, too: made once a second.
    let (now, body) = (now(), OriginBody::default());
    let mut buffers = Buffers::default();
    let lines = heads.each_ref().map(OwnedHead::lines);
    let requests = [heads[0].request(&lines[0]), heads[1].request(&lines[1])];
    let serialized = heads.each_ref().map(OwnedHead::serialized);
    for (request, bytes) in requests.iter().zip(&serialized).cycle().take(count) {
        let target = &mut buffers.target;
        let verified = sigv4::verify(black_box(request), &keyring, &policy, now, target);
        let permit = verified.expect("verified").permit();
        resign_one(bytes, &permit, &origin, &body, now, &mut buffers);
    }
}

/// What a worker keeps from request to request.
#[derive(Default)]
struct Buffers {
    target: TargetBuffers,
    names: HeadNames,
    head: Vec<u8>,
}

/// Signs what nginx has serialized. Inline, so that no call is counted that the module does not make.
#[inline(always)]
fn resign_one(
    bytes: &[u8],
    permit: &Permit,
    credential: &OriginCredential,
    body: &OriginBody,
    now: Timestamp,
    buffers: &mut Buffers,
) {
    let mut lines = HeadLines::new();
    let head = parse_next(black_box(bytes), &mut lines, &mut buffers.names);
    let (head, _) = head.expect("a head");
    let authority = b"s3.eu-west-1.example.com";
    let request = sigv4::OriginRequest { head: &head, permit, authority, credential, body, now };
    let resigned = sigv4::resign(&request, &mut buffers.target, &mut buffers.head);
    assert!(black_box(resigned).is_ok());
}

fn verify(heads: &[OwnedHead; 2], count: usize, expected: bool) {
    let (keyring, now) = (keyring(), now());
    let (policy, mut buffers) = (Policy::default(), TargetBuffers::default());
    let lines = heads.each_ref().map(OwnedHead::lines);
    let requests = [heads[0].request(&lines[0]), heads[1].request(&lines[1])];
    for request in requests.iter().cycle().take(count) {
        let verdict = sigv4::verify(black_box(request), &keyring, &policy, now, &mut buffers);
        assert_eq!(black_box(verdict).is_ok(), expected);
    }
}

fn resign(heads: &[OwnedHead; 2], count: usize) {
    // A permit as a verified request has it.
    let mut keyring = Keyring::default();
    let client = Credential::new("AKIDCLIENT", Secret::new("secret of the client"), ());
    keyring.insert(client).expect("distinct");
    let signed = header_signed(TARGETS[0]);
    let (lines, policy) = (signed.lines(), Policy::default());
    let request = signed.request(&lines);
    let mut buffers = TargetBuffers::default();
    let verified = sigv4::verify(&request, &keyring, &policy, now(), &mut buffers);
    let permit: Permit = verified.expect("verified").permit();

    let origin = origin_key();
    let mut buffers = Buffers::default();
    let heads = heads.each_ref().map(OwnedHead::serialized);
    let (body, now) = (OriginBody::default(), now());
    for bytes in heads.iter().cycle().take(count) {
        resign_one(bytes, &permit, &origin, &body, now, &mut buffers);
    }
}

/// What `s3_status_zone` adds to a request that is sent to an origin once, of one client among many. But for reading the clock.
fn count_requests(count: usize) {
    let memory: Vec<AtomicU64> = (0..1 << 17).map(|_| AtomicU64::new(0)).collect();
    let zone = StatusZone::new(&memory).expect("enough");
    zone.begin(4, 1);
    let place = zone.claim(1, |_| true).expect("room");
    let origin = OriginPlace { upstream: b"s3", origin: b"primary", address: b"192.0.2.10:443" };
    let request = |client: &[u8]| {
        let counted = || Counted::new(zone, place).filter(|_| zone.is_held(place)).expect("held");
        counted().time(Timing::Verify, black_box(12_345));
        counted().time(Timing::Sign, black_box(12_345));
        let origin = counted().attempt(black_box(&origin)).expect("room");
        counted().response(origin, black_box(200));
        let counted = counted();
        counted.request(client, Some(Operation::GetObject), black_box(200), 600, 65_536);
        counted.time(Timing::Request, black_box(4_000_000));
        counted.time(Timing::FirstByte, black_box(3_000_000));
    };
    for number in 0..64 {
        request(format!("AKIDOTHER{number}").as_bytes());
    }
    for _ in 0..count {
        request(black_box(b"AKIDCLIENT0123456789"));
    }
}

fn chunks(count: usize, verify: bool) {
    let request = RequestParts { method: b"PUT", target: TARGETS[0], headers: &[HOST] };
    let signed = sigv4::sign_request(&request, &Payload::StreamingSigned, &client_key(), now());
    let chain = signed.expect("signed").chunk_chain.expect("a chain");
    let hash = [0x5a; 32];
    let mut signer = chain.clone();
    if !verify {
        for _ in 0..count {
            black_box(signer.chunk(black_box(&hash)));
        }
        return;
    }
    let signature = signer.chunk(&hash);
    for _ in 0..count {
        let mut chain = black_box(&chain).clone();
        assert!(chain.verify_chunk(black_box(&hash), black_box(&signature)).is_ok());
    }
}
