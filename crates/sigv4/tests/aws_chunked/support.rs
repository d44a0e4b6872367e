//! What the tests share: heads and chains from vectors.json, bodies, and one way to push a body
//! through a filter.

use std::sync::LazyLock;

use serde_json::Value;
use sha2::{Digest, Sha256};
use sigv4::aws_chunked::{
    BodyDeclaration, BodyError, BodyFilter, ChecksumAlgorithm, Forward, Framing, Progress,
    Resigner, Rules, Scheme,
};
use sigv4::{
    ChunkChain, Credential, Error, Header, Keyring, Policy, RequestParts, Secret, TargetBuffers,
    Timestamp, Verified, verify,
};

static VECTORS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../vectors.json")).unwrap());

/// The vector or case called `id`.
pub(crate) fn entry(id: &str) -> &'static Value {
    let lists = [&VECTORS["vectors"], &VECTORS["cases"]];
    let mut entries = lists.into_iter().flat_map(|list| list.as_array().unwrap());
    entries.find(|entry| entry["id"] == id).unwrap_or_else(|| panic!("no entry {id}"))
}

pub(crate) fn text<'a>(entry: &'a Value, member: &str) -> &'a str {
    entry[member].as_str().unwrap_or_else(|| panic!("{} has no {member}", entry["id"]))
}

/// All key pairs of the reference, the origin's too, so that what was signed for an origin can be
/// verified as well.
pub(crate) fn keyring() -> Keyring<()> {
    let mut keyring = Keyring::default();
    for (_, pair) in VECTORS["credentials"].as_object().unwrap() {
        let secret = Secret::new(text(pair, "secret_key"));
        let mut credential = Credential::new(text(pair, "access_key"), secret, ());
        if let Some(token) = pair["token"].as_str() {
            credential = credential.with_token(Secret::new(token), None);
        }
        keyring.insert(credential).unwrap();
    }
    keyring
}

/// Verifies the head of an entry.
pub(crate) fn head<'k, 'b>(
    entry: &Value,
    keyring: &'k Keyring<()>,
    buffers: &'b mut TargetBuffers,
) -> Result<Verified<'k, 'b, ()>, Error> {
    let mut pairs = Vec::new();
    for list in ["headers", "unsigned_wire_headers"] {
        for pair in entry[list].as_array().into_iter().flatten() {
            pairs.push((pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
        }
    }
    // Some vectors leave the length of the message to the wire.
    let length = entry["encoded_length"].as_u64().map(|length| length.to_string());
    if !pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        pairs.extend(length.as_deref().map(|length| ("Content-Length", length)));
    }
    pairs.extend(entry["authorization"].as_str().map(|value| ("Authorization", value)));
    let headers: Vec<_> = pairs
        .iter()
        .map(|(name, value)| Header { name: name.as_bytes(), value: value.as_bytes() })
        .collect();
    let request = RequestParts {
        method: text(entry, "method").as_bytes(),
        target: text(entry, "target").as_bytes(),
        headers: &headers,
    };
    let now = entry["now"].as_str().or(entry["timestamp"].as_str()).unwrap();
    let now = Timestamp::parse_iso_basic(now.as_bytes()).unwrap();
    verify(&request, keyring, &Policy::default(), now, buffers)
}

/// The chain that belongs to the head of a vector.
pub(crate) fn chain(id: &str) -> ChunkChain {
    static CHAINS: LazyLock<[(&str, ChunkChain); 6]> = LazyLock::new(|| {
        let keyring = keyring();
        ["A6", "A7", "B11", "B12", "R5", "R6"].map(|id| {
            (
                id,
                head(entry(id), &keyring, &mut TargetBuffers::default())
                    .unwrap()
                    .chunk_chain()
                    .unwrap(),
            )
        })
    });
    CHAINS.iter().find(|(known, _)| *known == id).unwrap().1.clone()
}

pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

pub(crate) fn hex(hash: &[u8; 32]) -> [u8; 64] {
    let mut digits = [0; 64];
    hex::encode_to_slice(hash, &mut digits).unwrap();
    digits
}

/// A body in the making: what a client, or an origin's client, would send.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) chunks: Vec<Vec<u8>>,
    pub(crate) trailer: Option<(&'static str, String)>,
}

impl Body {
    pub(crate) fn new(chunks: &[&[u8]]) -> Self {
        Self { chunks: chunks.iter().map(|chunk| chunk.to_vec()).collect(), trailer: None }
    }

    pub(crate) fn with_trailer(mut self, name: &'static str, value: &str) -> Self {
        self.trailer = Some((name, value.to_owned()));
        self
    }

    pub(crate) fn data(&self) -> Vec<u8> {
        self.chunks.concat()
    }

    pub(crate) fn declared(&self) -> BodyDeclaration {
        let trailer = self.trailer.as_ref().map(|(name, _)| name.as_bytes());
        BodyDeclaration {
            content_length: None,
            decoded_length: self.data().len() as u64,
            trailer: trailer.and_then(ChecksumAlgorithm::of_trailer),
        }
    }

    /// The frames with what `field` makes of each hash in the signature fields; its first argument
    /// is set for the trailer.
    pub(crate) fn signed(
        &self,
        framing: Framing,
        mut field: impl FnMut(bool, &[u8; 32]) -> [u8; 64],
    ) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in self.chunks.iter().map(Vec::as_slice).chain([&[][..]]) {
            out.extend_from_slice(format!("{:x};chunk-signature=", chunk.len()).as_bytes());
            out.extend_from_slice(&field(false, &sha256(chunk)));
            out.extend_from_slice(b"\r\n");
            out.extend_from_slice(chunk);
            out.extend_from_slice(if chunk.is_empty() { b"" } else { b"\r\n" });
        }
        if framing == Framing::SignedTrailer {
            let mut block = String::from("\n");
            if let Some((name, value)) = &self.trailer {
                out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
                block = format!("{name}:{value}\n");
            }
            out.extend_from_slice(b"x-amz-trailer-signature:");
            out.extend_from_slice(&field(true, &sha256(block.as_bytes())));
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"\r\n");
        out
    }

    /// The frames as signed by the owner of `chain`.
    pub(crate) fn signed_by(&self, framing: Framing, mut chain: ChunkChain) -> Vec<u8> {
        self.signed(
            framing,
            |trailer, hash| if trailer { chain.trailer(hash) } else { chain.chunk(hash) },
        )
    }

    /// The frames as they go from the filter to the resigner.
    pub(crate) fn hashed(&self, framing: Framing) -> Vec<u8> {
        self.signed(framing, |_, hash| hex(hash))
    }

    pub(crate) fn unsigned(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for chunk in &self.chunks {
            out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n");
        if let Some((name, value)) = &self.trailer {
            out.extend_from_slice(format!("{name}:{value}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
        out
    }
}

/// The scheme with the client chain of B11 or B12.
pub(crate) fn scheme(framing: Framing) -> Scheme {
    match framing {
        Framing::Signed => Scheme::Signed(chain("B11")),
        Framing::SignedTrailer => Scheme::SignedTrailer(chain("B12")),
        Framing::UnsignedTrailer => Scheme::UnsignedTrailer,
    }
}

/// Small chunks are allowed and checksums are checked.
pub(crate) const LENIENT: Rules = Rules { max_chunk: 1 << 24, min_chunk: 0, verify_checksum: true };

/// Pushes `slices`, and after them the end, through `filter`: the verdict, and what was given on
/// before it.
pub(crate) fn push(
    filter: &mut BodyFilter,
    slices: &[&[u8]],
) -> (Result<Progress, BodyError>, Vec<u8>) {
    let mut out = Vec::new();
    for slice in slices {
        match filter.push(slice, false, &mut out) {
            Ok(progress) => assert_eq!(progress, Progress::More),
            Err(error) => return (Err(error), out),
        }
    }
    let verdict = filter.push(&[], true, &mut out);
    (verdict, out)
}

/// A filter for a body with the chains of [`scheme`].
pub(crate) fn filter(framing: Framing, declared: BodyDeclaration, forward: Forward) -> BodyFilter {
    BodyFilter::chunked(scheme(framing), declared, LENIENT, forward).unwrap()
}

/// What a resigner makes of `slices`.
pub(crate) fn resign(
    framing: Framing,
    chain: ChunkChain,
    slices: &[&[u8]],
) -> Result<Vec<u8>, BodyError> {
    let mut out = Vec::new();
    let mut resigner = Resigner::new(framing, chain);
    for slice in slices {
        resigner.process(slice, &mut out)?;
    }
    resigner.finish()?;
    Ok(out)
}

/// `bytes` cut at each of the sorted places in `at`.
pub(crate) fn cut<'a>(bytes: &'a [u8], at: &[usize]) -> Vec<&'a [u8]> {
    let mut slices = Vec::new();
    let mut from = 0;
    for &place in at {
        slices.push(&bytes[from..place]);
        from = place;
    }
    slices.push(&bytes[from..]);
    slices
}

/// The S3 error code that the reference has for a fault.
pub(crate) fn code(error: &BodyError) -> &'static str {
    match error {
        BodyError::ChecksumMismatch { .. } => "BadDigest",
        BodyError::ChunkTooLarge { .. } => "EntityTooLarge",
        BodyError::IncompleteBody { .. } | BodyError::MalformedFrame { .. } => "IncompleteBody",
        BodyError::InvalidChunkSize { .. } => "InvalidChunkSizeError",
        BodyError::InvalidTrailerValue { .. } | BodyError::TrailerNotSupported { .. } => {
            "InvalidRequest"
        }
        BodyError::MalformedTrailer { .. } => "MalformedTrailerError",
        BodyError::PayloadMismatch { .. } => "XAmzContentSHA256Mismatch",
        BodyError::SignatureMismatch { .. } => "SignatureDoesNotMatch",
        other => panic!("no code for {other}"),
    }
}
