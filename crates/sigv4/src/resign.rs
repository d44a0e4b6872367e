//! Signing a head for an origin (5).
//!
//! What is signed is what is sent: the head that the server is about to send comes in, the signed head goes out, in one
//! piece. The client's authentication is taken out of it, the origin's put in; the target goes out in canonical form.

use std::fmt;

use request_head::Head;
use smallvec::SmallVec;

use crate::fate::{Fate, fate};
use crate::framing::Framing;
use crate::header::{self, trim};
use crate::origin_head::{OriginHead, Target};
use crate::param::{Field, Role};
use crate::permit::Kind;
use crate::query::Query;
use crate::scratch::Strip;
use crate::sha256::TextHash;
use crate::sink::Sink as _;
use crate::{ChunkChain, Error, OriginCredential, Payload, Permit, Scratch, Timestamp, hoisted};

/// What happens to the body on its way to the origin. The default sends it as it came.
#[derive(Clone, Debug, Default)]
pub enum OriginBody {
    /// It goes as it came, and is what the client said of it.
    #[default]
    AsSent,
    /// Its aws-chunked framing is taken off: then the payload goes unsigned, in its decoded length.
    Unwrapped(Unwrapped),
    /// Another body goes in its place, or none: nothing that the client said of its own is true.
    Other(OtherBody),
}

/// A body that is not the client's.
#[derive(Clone, Debug)]
pub struct OtherBody {
    pub(crate) length: u64,
    payload: Payload,
}

impl OtherBody {
    /// One that is known whole, empty for none at all. Its SHA-256 is signed.
    pub fn known(bytes: &[u8]) -> Self {
        let mut hash = TextHash::<2>::new();
        hash.put(bytes);
        let payload = Payload::of_digest(&hash.finish());
        Self { length: u64::try_from(bytes.len()).unwrap_or(u64::MAX), payload }
    }

    /// One of which the length in bytes alone is known. It goes unsigned.
    pub fn of_length(length: u64) -> Self {
        Self { length, payload: Payload::Unsigned }
    }
}

/// A body whose aws-chunked framing was taken off.
#[derive(Clone, Debug)]
pub struct Unwrapped {
    /// Length of the object in bytes.
    pub decoded_length: u64,
    /// Name and value of a checksum header for the object, if the trailer is known.
    pub checksum: Option<(Vec<u8>, Vec<u8>)>,
}

/// A head that was signed.
#[derive(Debug)]
pub struct Signed {
    chunk_chain: Option<Box<ChunkChain>>,
}

impl Signed {
    /// For the signed streaming payloads: the chain to sign chunks with, seeded with the new signature.
    pub fn chunk_chain(&self) -> Option<ChunkChain> {
        self.chunk_chain.as_deref().cloned()
    }
}

/// Why a head cannot be signed for an origin.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResignError {
    /// The origin's authority is empty or has bytes that no Host header may have.
    AuthorityInvalid,
    /// The Connection header lists a header that must arrive (X14).
    ConnectionNamesHeader {
        /// Name of the listed header, as received.
        name: Vec<u8>,
    },
    /// A preflight permit with another method than OPTIONS.
    NotPreflight,
    /// A rewritten path has a `+` of which it cannot be told what it stands for; see
    /// [`in_client_spelling`](crate::in_client_spelling).
    PlusAmbiguous,
    /// The target, or the payload that is announced, cannot be signed.
    Request(Error),
}

impl std::error::Error for ResignError {}

impl fmt::Display for ResignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorityInvalid => f.write_str("invalid authority of the origin"),
            Self::ConnectionNamesHeader { name } => {
                write!(f, "\"Connection\" header lists \"{}\"", name.escape_ascii())
            }
            Self::NotPreflight => f.write_str("method of a preflight is not OPTIONS"),
            Self::PlusAmbiguous => {
                f.write_str("the rewritten path has a \"+\" that may be a blank or a plus")
            }
            Self::Request(error) => error.fmt(f),
        }
    }
}

impl From<Error> for ResignError {
    fn from(error: Error) -> Self {
        Self::Request(error)
    }
}

/// Writes the signed HTTP/1.1 head of `head` for an origin to `out`, from the request line to the blank line.
///
/// `head` is what the server is about to send, framing headers included, its target in the client's spelling
/// ([`in_client_spelling`](crate::in_client_spelling)); `authority` is the origin's Host. The client's
/// authentication, hop-by-hop headers and method overrides go; every `x-amz-*`, Content-Type, -Encoding, -MD5 and -Length
/// that stays is signed; the rest is forwarded unsigned. Headers that a presigned URL carried as parameters become headers.
/// A preflight is not signed.
///
/// `out` is overwritten. After success, `scratch` has the canonical target that goes out.
///
/// # Errors
///
/// [`ResignError`]; `out` then holds nothing useful.
#[expect(clippy::too_many_arguments, reason = "each is of another owner and lifetime")]
pub fn resign(
    head: &Head<'_>,
    permit: &Permit,
    authority: &[u8],
    origin: &OriginCredential,
    body: &OriginBody,
    now: Timestamp,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Result<Signed, ResignError> {
    let kind = permit.kind();
    // Whatever made another method of a preflight would have it executed unverified.
    if kind == Kind::Preflight && head.method() != b"OPTIONS" {
        return Err(ResignError::NotPreflight);
    }
    if authority.is_empty() || !authority.iter().all(u8::is_ascii_graphic) {
        return Err(ResignError::AuthorityInvalid);
    }
    // A bucket in the origin's host name is not ours to see: its first segment may well be a key.
    scratch.parse_target(head.target(), true)?;
    scratch.split_query(strip(kind, scratch.parsed_query()))?;
    let scratch = &*scratch;
    if kind != Kind::Preflight {
        hoisted::check(scratch, head.headers().filter(|header| !permit.drops(header.name)))?;
    }
    let payload = match body {
        OriginBody::AsSent => payload(head, scratch)?,
        OriginBody::Unwrapped(_) => Payload::Unsigned,
        OriginBody::Other(other) => other.payload,
    };
    let framing = Framing::new(body, head);

    let target = Target { method: head.method(), path: scratch.path(), query: scratch.query() };
    let mut origin_head = OriginHead::new(out, &target, head.minor_version(), authority);
    origin_head.client_headers(head, permit, framing.as_ref())?;
    if kind == Kind::Preflight {
        origin_head.end();
        return Ok(Signed { chunk_chain: None });
    }
    let is_header = are_headers(scratch, head, permit);
    for (number, (name, value)) in scratch.all_hoisted().enumerate() {
        // One that is there as a header as well says the same.
        let becomes_header = fate(name) == Fate::Sign && !header::is_left_aside(name);
        let is_of_other = framing.as_ref().is_some_and(|framing| framing.is_of_other(name));
        if becomes_header && !is_of_other && is_header.get(number) != Some(&true) {
            origin_head.signed(name, trim(value));
        }
    }
    origin_head.signed_word(header::X_AMZ_CONTENT_SHA256.as_bytes(), payload.line());
    origin_head.signed_word(header::X_AMZ_DATE.as_bytes(), now.as_bytes());
    if let Some(token) = origin.token() {
        origin_head.signed(token_name(origin.service()).as_bytes(), token.expose());
    }
    let day = origin.day(&now);
    let signature = origin_head.sign(&target, &payload, &day, now);
    origin_head.end();
    let chunk_chain = payload.is_signed_streaming().then(|| {
        let key = day.key().clone();
        Box::new(ChunkChain::new(key, now, day.scope(), origin.access_key(), signature))
    });
    Ok(Signed { chunk_chain })
}

/// Which of the headers that stood in the query are there as headers as well.
fn are_headers(scratch: &Scratch, head: &Head<'_>, permit: &Permit) -> SmallVec<[bool; 16]> {
    let mut found: SmallVec<[bool; 16]> = scratch.all_hoisted().map(|_| false).collect();
    if !found.is_empty() {
        for header in head.headers().filter(|header| !permit.drops(header.name)) {
            let place = scratch.hoisted_place(header.name).and_then(|place| found.get_mut(place));
            place.into_iter().for_each(|place| *place = true);
        }
    }
    found
}

/// What leaves the query. Where nothing was verified, it is what looks like authentication: the origin would refuse two
/// mechanisms.
fn strip(kind: Kind, query: &Query) -> Strip {
    match kind {
        Kind::Header => Strip::Nothing,
        Kind::Presigned => Strip::V4,
        Kind::V2Presigned => Strip::V2,
        // Any sign will do (C6): an origin may take a key id alone for a claim.
        Kind::Off | Kind::Preflight => {
            let is_v4 = |field| query.has(Role::V4(field));
            if [Field::Algorithm, Field::Credential, Field::Signature].into_iter().any(is_v4) {
                Strip::V4
            } else if query.signs().v2 {
                Strip::V2
            } else {
                Strip::Nothing
            }
        }
    }
}

/// The payload that is announced to the origin: what the client's header says, else its query, else nothing.
fn payload(head: &Head<'_>, scratch: &Scratch) -> Result<Payload, Error> {
    let name = header::X_AMZ_CONTENT_SHA256;
    let mut values = head.headers().filter(|header| header::is(header.name, name));
    let value = values.next().map(|header| header.value);
    if let Some(second) = values.next() {
        return Err(Error::HeaderRepeated { name: name.into(), value: second.value.to_vec() });
    }
    let value = value.or_else(|| scratch.query_auth().get(Field::ContentSha256));
    match value.map_or(Ok(Payload::Unsigned), Payload::parse) {
        // Only unverified requests can come here with a value that says nothing.
        Err(Error::PayloadHashInvalid { .. }) => Ok(Payload::Unsigned),
        result => result,
    }
}

/// Where the session token goes: directory buckets have a header of their own.
pub(crate) fn token_name(service: &[u8]) -> &'static str {
    if service == b"s3express" {
        header::X_AMZ_S3SESSION_TOKEN
    } else {
        header::X_AMZ_SECURITY_TOKEN
    }
}
