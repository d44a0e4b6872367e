//! aws-chunked bodies at any split: nothing passes that a whole-body reader refuses, and what passes is what was signed.
//!
//! An input is a byte of choices, four that say where the body is cut, and the body. Signatures in it are put right first,
//! since no mutation finds one.

#![no_main]

use std::sync::LazyLock;

use fuzz::frames::{self, Frames};
use libfuzzer_sys::fuzz_target;
use sigv4::aws_chunked::{
    BodyDeclaration, BodyError, BodyFilter, ChecksumAlgorithm, Forward, Framing, Progress,
    Resigner, Rules, Scheme,
};
use sigv4::request_head::HeadLines;
use sigv4::{
    ChunkChain, OriginBody, OriginCredential, OriginRequest, Permit, Secret, TargetBuffers,
    Timestamp, resign,
};

const CRC32: &str = "x-amz-checksum-crc32";
const RULES: Rules = Rules { max_chunk: 1 << 20, min_chunk: 0, verify_checksum: false };

/// A key with the chain that begins at some request of its.
struct FuzzPeer {
    secret: &'static str,
    chain: ChunkChain,
    scope: &'static str,
    seed: String,
}

static PEERS: LazyLock<[FuzzPeer; 2]> = LazyLock::new(|| {
    [
        peer("AKIDA", "secretA", "us-east-1", "20260315/us-east-1/s3/aws4_request"),
        peer("AKIDB", "secretB", "eu-west-1", "20260315/eu-west-1/s3/aws4_request"),
    ]
});

fn peer(key: &str, secret: &'static str, region: &str, scope: &'static str) -> FuzzPeer {
    let head = b"PUT /b/k HTTP/1.1\r\nContent-Length: 1\r\nx-amz-decoded-content-length: 1\r\n\
        x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n\r\n";
    let mut lines = HeadLines::new();
    let (head, _) = sigv4::request_head::parse(head, &mut lines).unwrap();
    let origin = OriginCredential::new(key, Secret::new(secret), None, region, "s3");
    let now = Timestamp::parse_iso_basic(fuzz::NOW.as_bytes()).unwrap();
    let (permit, body) = (Permit::verify_off(), OriginBody::default());
    let (mut buffers, mut out) = (TargetBuffers::default(), Vec::new());
    let signed = resign(
        &OriginRequest {
            head: &head,
            permit: &permit,
            authority: b"origin",
            credential: &origin,
            body: &body,
            now,
        },
        &mut buffers,
        &mut out,
    )
    .unwrap();
    let text = String::from_utf8(out).unwrap();
    let (_, seed) = text.split_once("Signature=").unwrap();
    FuzzPeer { secret, chain: signed.chunk_chain().unwrap(), scope, seed: seed[..64].to_owned() }
}

impl FuzzPeer {
    fn signed(&self, frames: &Frames, bytes: &[u8]) -> Vec<u8> {
        frames.signed(bytes, self.secret, fuzz::NOW, self.scope, &self.seed)
    }
}

/// What of an input is not body.
struct Choice {
    framing: Framing,
    forward: Forward,
    declared: BodyDeclaration,
    cuts: [usize; 4],
}

impl Choice {
    fn filter(&self, signed: bool) -> BodyFilter {
        let chain = PEERS[0].chain.clone();
        let scheme = match self.framing {
            framing if framing.is_signed() && !signed => Scheme::Unverified(framing),
            Framing::Signed => Scheme::Signed(chain),
            Framing::SignedTrailer => Scheme::SignedTrailer(chain),
            Framing::UnsignedTrailer => Scheme::UnsignedTrailer,
        };
        BodyFilter::chunked(scheme, self.declared, RULES, self.forward).unwrap()
    }

    /// The verdict on a body, and what went on, whole and cut.
    fn push(&self, bytes: &[u8], signed: bool) -> (Result<Progress, BodyError>, Vec<u8>) {
        let (mut whole, mut out) = (self.filter(signed), Vec::new());
        let verdict = whole.push(bytes, true, &mut out);
        let (mut split, mut pieces) = (self.filter(signed), Vec::new());
        let mut from = 0;
        let mut so_far = Ok(Progress::More);
        for cut in self.cuts {
            so_far = so_far.and_then(|_| split.push(&bytes[from..cut], false, &mut pieces));
            from = cut;
        }
        so_far = so_far.and_then(|_| split.push(&bytes[from..], true, &mut pieces));
        assert_eq!(so_far, verdict, "the split matters");
        if verdict.is_ok() {
            assert!(pieces == out, "the split matters to what goes on");
        }
        (verdict, out)
    }
}

fuzz_target!(|input: &[u8]| {
    let Some((&[mode, ref cuts @ ..], body)) = input.split_first_chunk::<5>() else { return };
    let framings = [Framing::Signed, Framing::SignedTrailer, Framing::UnsignedTrailer];
    let framing = framings[usize::from(mode % 3)];
    let forward = [Forward::Frames, Forward::Unwrap, Forward::AsSent][usize::from(mode / 3 % 3)];
    let trailer = ChecksumAlgorithm::of_trailer(CRC32.as_bytes());
    let trailer = trailer.filter(|_| framing != Framing::Signed && mode / 9 % 2 == 1);
    let frames = frames::read(framing, body);
    let data = frames.as_ref().map(|frames| frames.data(body));
    let length = data.as_ref().map_or(body.len() / 2, Vec::len) as u64;
    // Now and then another length than that of the data.
    let is_declared = mode / 18 % 4 != 3;
    let decoded_length = if is_declared { length } else { length + 1 };
    let declared =
        BodyDeclaration { content_length: Some(body.len() as u64), decoded_length, trailer };
    let mut cuts = cuts.map(|cut| usize::from(cut) * body.len() / 255);
    cuts.sort_unstable();
    let choice = Choice { framing, forward, declared, cuts };

    let right = frames.as_ref().map(|frames| PEERS[0].signed(frames, body));
    if framing.is_signed() && right.as_deref() != Some(body) {
        refused(&choice, body, true);
    }
    let (Some(frames), Some(data), Some(right)) = (frames, data, right) else {
        return refused(&choice, body, false);
    };
    let value = match (&frames.trailers[..], trailer) {
        ([], None) => None,
        ([(name, value)], Some(_)) if name == CRC32 => Some(value),
        _ => return refused(&choice, &right, true),
    };
    let checksum = frames::crc32(&data);
    let is_right = value.is_none_or(|value| value == checksum.as_bytes());
    if !is_declared || (forward == Forward::Unwrap && !is_right) {
        return refused(&choice, &right, true);
    }
    for signed in [true, false] {
        match choice.push(&right, signed) {
            (Ok(_), out) => passed(&choice, &frames, &right, &data, &out),
            // The reader's word is the last only where it says no, or the body is of the plainest form.
            (Err(error), _) => {
                let is_small = frames.chunks.iter().all(|(_, data)| data.len() <= 1 << 20);
                let is_plain = is_right && !frames.has_line_feed && is_small;
                assert!(!is_plain, "refused: {error}: {}", right.escape_ascii());
            }
        }
    }
});

fn refused(choice: &Choice, body: &[u8], signed: bool) {
    let (verdict, out) = choice.push(body, signed);
    assert!(verdict.is_err(), "passed: {}", body.escape_ascii());
    let all = match choice.forward {
        Forward::AsSent | Forward::Frames => body.len() as u64,
        Forward::Unwrap => choice.declared.decoded_length,
    };
    assert!(out.is_empty() || (out.len() as u64) < all, "all of a body that was refused went on");
}

fn passed(choice: &Choice, frames: &Frames, body: &[u8], data: &[u8], out: &[u8]) {
    if choice.forward == Forward::Unwrap {
        return assert!(out == data, "another object");
    }
    if choice.forward == Forward::AsSent {
        return assert!(out == body, "not as it was sent");
    }
    if frames.has_line_feed {
        // Its trailer lines leave with CRLF, in no more bytes.
        let sent = frames::read(choice.framing, out).map(|frames| frames.data(out));
        assert!(out.len() == body.len(), "another length");
        return assert!(sent.as_deref() == Some(data), "other data");
    }
    if !choice.framing.is_signed() {
        return assert!(out == body, "other frames");
    }
    let hashed = frames.with_fields(body, |_, hash| hash.to_owned());
    assert!(out == hashed, "other hashes");
    let other = &PEERS[1];
    let mut resigner = Resigner::new(choice.framing, other.chain.clone());
    let mut sent = Vec::new();
    let mut from = 0;
    for cut in choice.cuts.into_iter().chain([out.len()]) {
        resigner.process(&out[from..cut], &mut sent).unwrap();
        from = cut;
    }
    resigner.finish().unwrap();
    assert!(sent == other.signed(frames, body), "other signatures");
}
