//! Signing a head for an origin (5).
//!
//! What is signed is what is sent: the head that the server is about to send comes in, the signed head goes out, in one
//! piece. The client's authentication is taken out of it, the origin's put in; the target goes out in canonical form.

pub(crate) mod body_headers;
pub(crate) mod connection;
pub(crate) mod disposition;
pub(crate) mod error;
pub(crate) mod lost_escapes;
pub(crate) mod origin_body;
pub(crate) mod origin_head;
pub(crate) mod permit;
pub(crate) mod spelling;
pub(crate) mod unsigned;

use smallvec::SmallVec;

use crate::bytes::{self, Visible};
use crate::error::shown;
use crate::header::known::KnownHeader;
use crate::header::{self, trim};
use crate::request_head::RequestHead;
use crate::resign::body_headers::BodyHeaders;
use crate::resign::disposition::{Disposition, disposition};
use crate::resign::origin_head::{OriginHead, RequestLine};
use crate::resign::permit::PermitKind;
use crate::target::buffers::Strip;
use crate::target::hoisted;
use crate::target::param::{Field, Role};
use crate::target::query::Query;
use crate::{
    ChunkChain, Error, HeaderError, OriginBody, OriginCredential, Payload, PayloadError, Permit,
    ResignError, Target, TargetBuffers, Timestamp,
};

/// A request that is about to be sent to an origin.
#[derive(Clone, Copy, Debug)]
pub struct OriginRequest<'a> {
    /// What the server is about to send, framing headers included, its target in the client's spelling
    /// ([`in_client_spelling`](crate::in_client_spelling)).
    pub head: &'a RequestHead<'a>,
    /// Leave to sign it.
    pub permit: &'a Permit,
    /// The origin's Host.
    pub authority: &'a [u8],
    /// The key of the origin.
    pub credential: &'a OriginCredential,
    /// What is sent behind the head.
    pub body: &'a OriginBody,
    /// The date of the signature.
    pub now: Timestamp,
}

/// A head that was signed.
#[derive(Debug)]
pub struct Resigned<'b> {
    target: Target<'b>,
    payload: Payload,
    chunk_chain: Option<Box<ChunkChain>>,
}

impl<'b> Resigned<'b> {
    /// The target in canonical form, as it goes out.
    pub fn target(&self) -> Target<'b> {
        self.target
    }

    /// What the head declares of the body.
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// For the signed streaming payloads: the chain to sign chunks with, seeded with the new signature.
    pub fn chunk_chain(&self) -> Option<ChunkChain> {
        self.chunk_chain.as_deref().cloned()
    }
}

/// Writes the signed HTTP/1.1 head of a request for an origin to `out`, from the request line to the blank line.
///
/// The client's authentication, hop-by-hop headers and method overrides go; every `x-amz-*`, Content-Type, -Encoding, -MD5 and -Length
/// that stays is signed; the rest is forwarded unsigned. Headers that a presigned URL carried as parameters become headers.
/// A preflight is not signed.
///
/// `out` is overwritten.
///
/// # Errors
///
/// [`ResignError`]; `out` then holds nothing useful.
pub fn resign<'b>(
    request: &OriginRequest<'_>,
    buffers: &'b mut TargetBuffers,
    out: &mut Vec<u8>,
) -> Result<Resigned<'b>, ResignError> {
    let OriginRequest { head, permit, authority, credential, body, now } = *request;
    let kind = permit.kind();
    // Whatever made another method of a preflight would have it executed unverified.
    if kind == PermitKind::Preflight && head.method() != b"OPTIONS" {
        return Err(ResignError::NotPreflight);
    }
    // Graphic characters of ASCII.
    let is_graphic = authority.is_ascii() && bytes::all::<Visible>(authority);
    if authority.is_empty() || !is_graphic {
        return Err(ResignError::AuthorityInvalid);
    }
    // A bucket in the origin's host name is not ours to see: its first segment may well be a key.
    let target = buffers.parse(head.target(), true)?;
    let strip = strip(kind, target.query());
    let target = target.split(strip)?;
    // Nothing that stands in a preflight's query becomes a header: no signature would cover it.
    if kind != PermitKind::Preflight && target.has_hoisted() {
        hoisted::check(target, head.headers().filter(|header| !permit.drops(header.name)))?;
    }
    let payload = match body {
        OriginBody::AsSent => payload(head, target)?,
        // Its chunks' signatures are gone with the frames, and its hash is not known before it has passed.
        OriginBody::Unwrapped(_) => Payload::Unsigned,
        OriginBody::Other(other) => other.payload,
    };
    let framing = BodyHeaders::new(body, head);

    let line = RequestLine { method: head.method(), path: target.path(), query: target.query() };
    let mut origin_head = OriginHead::new(out);
    origin_head.begin(&line, head.minor_version(), authority);
    // What nobody signs declares nothing, and a body that is another is declared anew.
    let is_own = framing.is_none() && kind != PermitKind::Preflight;
    let own = is_own.then(|| payload.line());
    let has_payload = origin_head.client_headers(head, permit, framing.as_ref(), own)?;
    // No date, no token, no Authorization: nobody has verified it, so it leaves without our key.
    if kind == PermitKind::Preflight {
        origin_head.end();
        return Ok(Resigned { target, payload, chunk_chain: None });
    }
    if target.has_hoisted() {
        let is_header = are_headers(target, head, permit);
        for (number, (name, value)) in target.all_hoisted().enumerate() {
            // One that is there as a header as well says the same.
            let becomes_header =
                disposition(name) == Disposition::Sign && !header::is_left_aside(name);
            let is_of_other = framing.as_ref().is_some_and(|framing| framing.is_of_other(name));
            let is_there = is_header.get(number) == Some(&true) || head.replaces(name);
            if becomes_header && !is_of_other && !is_there {
                origin_head.signed(name, trim(value));
            }
        }
    }
    if !has_payload {
        origin_head.signed_word(header::X_AMZ_CONTENT_SHA256.as_bytes(), payload.line());
    }
    // The client's own of these were left out above, so each stands here once.
    if let Some(token) = credential.token() {
        origin_head.signed(token_name(credential.service()).as_bytes(), token.expose());
    }
    // Last, since it lists all that was written before; nothing may be added behind it.
    let signature = origin_head.sign(&line, payload.line(), credential, &now);
    origin_head.end();
    let chunk_chain = payload.is_signed_streaming().then(|| {
        let day = credential.day(&now);
        let key = day.key().clone();
        Box::new(ChunkChain::new(
            key,
            now,
            day.scope().concat(),
            credential.access_key(),
            signature,
        ))
    });
    Ok(Resigned { target, payload, chunk_chain })
}

/// Which of the headers that stood in the query are there as headers as well.
fn are_headers(
    target: Target<'_>,
    head: &RequestHead<'_>,
    permit: &Permit,
) -> SmallVec<[bool; 16]> {
    let mut found: SmallVec<[bool; 16]> = target.all_hoisted().map(|_| false).collect();
    for header in head.headers().filter(|header| !permit.drops(header.name)) {
        let place = target.hoisted_place(header.name).and_then(|place| found.get_mut(place));
        place.into_iter().for_each(|place| *place = true);
    }
    found
}

/// What leaves the query. Where nothing was verified, it is what looks like authentication: the origin would refuse two
/// mechanisms.
fn strip(kind: PermitKind, query: &Query) -> Strip {
    match kind {
        PermitKind::Header => Strip::Nothing,
        PermitKind::Presigned => Strip::V4,
        PermitKind::V2Presigned => Strip::V2,
        // Any sign will do (C6): an origin may take a key id alone for a claim.
        PermitKind::Off | PermitKind::Preflight => {
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

/// The payload that is declared to the origin: what the client's header says, else its query, else nothing.
#[inline]
fn payload(head: &RequestHead<'_>, target: Target<'_>) -> Result<Payload, Error> {
    let value = if head.has(KnownHeader::ContentSha256) { declared_payload(head)? } else { None };
    let value = value.or_else(|| target.query_auth().get(Field::ContentSha256));
    match value.map_or(Ok(Payload::Unsigned), Payload::parse) {
        // Only unverified requests can come here with a value that says nothing.
        Err(Error::Payload(PayloadError::HashInvalid { .. })) => Ok(Payload::Unsigned),
        result => result,
    }
}

/// The value of the header that declares the payload.
fn declared_payload<'a>(head: &RequestHead<'a>) -> Result<Option<&'a [u8]>, Error> {
    let is_own = |(_, known): &(_, _)| *known == Some(KnownHeader::ContentSha256);
    let mut lines = head.known_headers().filter(is_own).map(|(header, _)| header.value);
    let value = lines.next();
    match lines.next() {
        Some(other) => {
            let (name, value) = (header::X_AMZ_CONTENT_SHA256.into(), shown(other));
            Err(Error::Header(HeaderError::Repeated { name, value }))
        }
        None => Ok(value),
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
