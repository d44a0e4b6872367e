//! The request body: checked against what its head claims, while it streams.
//!
//! What each payload mode needs is decided in the access phase, with the verified head at hand. What passes is proven; the
//! end of a body passes only when all of it is, so that an origin never has a whole object of a body with a fault. The
//! frames of signed chunks leave with hashes in their signature fields, where `upstream` puts the origin's signatures.

use s3::{ErrorCode, S3Error};
use sigv4::aws_chunked::{
    BodyDeclaration, BodyError, BodyFilter, ChecksumAlgorithm, Forward, Framing, Rules, Scheme,
};
use sigv4::{Payload, Unwrapped, Verified, header};

use crate::access;
use crate::conf::location::LocationConf;
use crate::ctx::{self, Ctx};
use crate::ffi::log::Level;
use crate::ffi::request::Request;
use crate::ffi::request_body::{self, Buffers, Check, Filtered, Input, Output};
use crate::spare_memory;

/// A body that is checked.
pub(crate) struct Body {
    filter: BodyFilter,
    buffers: Buffers,
    forward: Forward,
    /// Whether it comes in aws-chunked framing.
    chunked: bool,
    /// Set where chunks have signatures: the origin's are to be put in.
    framing: Option<Framing>,
    decoded_length: u64,
    /// Whether a checksum follows the chunks.
    has_trailer: bool,
    access_key: Vec<u8>,
}

impl Body {
    /// What checks the body of a verified request; none where its head claims nothing that is checked here.
    ///
    /// # Errors
    ///
    /// The head announces something that cannot be checked, or another module has read the body already.
    pub(crate) fn of_verified<G>(
        r: &Request,
        conf: &LocationConf,
        verified: &Verified<'_, '_, G>,
    ) -> Result<Option<Box<Body>>, S3Error> {
        must_be_whole(r, conf)?;
        let payload = verified.payload();
        let checked = match payload {
            Payload::Unsigned => false,
            Payload::Sha256(_) => conf.verifies_payload(),
            _ => true,
        };
        if !checked {
            return Ok(None);
        }
        let forward = conf.forward();
        let rules = rules(conf, framing(payload));
        let filter = BodyFilter::of_request(verified, content_length(r), rules, forward);
        let refused = |error: BodyError| refusal(r, &error, verified.credential().access_key());
        let Some(mut filter) = filter.map_err(refused)? else { return Ok(None) };
        if !announces_body(r) {
            // nginx calls no body filter for it, so its claim is judged here: no byte is to come.
            filter.push(b"", true, &mut Vec::new()).map_err(refused)?;
        }
        let access_key = verified.credential().access_key().to_vec();
        let decoded_length = verified.decoded_length().unwrap_or(0);
        Self::new(r, filter, forward, payload, decoded_length, access_key).map(Some)
    }

    /// The same where `s3_verify` is off: an `aws-chunked` body is still taken apart, since what its chunks are signed with is
    /// nothing that the origin knows.
    pub(crate) fn of_unverified(
        r: &Request,
        conf: &LocationConf,
    ) -> Result<Option<Box<Body>>, S3Error> {
        must_be_whole(r, conf)?;
        let Some(value) = r.header(header::X_AMZ_CONTENT_SHA256.as_bytes()) else {
            return Ok(None);
        };
        let payload = Payload::parse(value).map_err(|error| S3Error::from_sigv4(&error))?;
        if !payload.is_streaming() {
            return Ok(None);
        }
        let decoded = r.header(header::X_AMZ_DECODED_CONTENT_LENGTH.as_bytes());
        let number = decoded.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
        let decoded_length: u64 = number.ok_or_else(|| S3Error::for_status(411))?;
        let trailer =
            r.header(header::X_AMZ_TRAILER.as_bytes()).and_then(ChecksumAlgorithm::of_trailer);
        let announced =
            BodyDeclaration { content_length: content_length(r), decoded_length, trailer };
        let framing = framing(&payload);
        let scheme = framing.map_or(Scheme::UnsignedTrailer, Scheme::Unverified);
        let forward = conf.forward();
        let filter = BodyFilter::chunked(scheme, announced, rules(conf, framing), forward);
        let filter = filter.map_err(|error| refusal(r, &error, b""))?;
        Self::new(r, filter, forward, &payload, decoded_length, Vec::new()).map(Some)
    }

    fn new(
        r: &Request,
        filter: BodyFilter,
        forward: Forward,
        payload: &Payload,
        decoded_length: u64,
        access_key: Vec<u8>,
    ) -> Result<Box<Self>, S3Error> {
        if request_body::was_read(r) {
            r.log(Level::Error, format_args!("s3: the body was read before it could be checked"));
            return Err(was_read(r));
        }
        let buffers = Buffers::default();
        let (chunked, framing) = (payload.is_streaming(), framing(payload));
        // Signed chunks are withheld whole; of others, the end of the body alone.
        let filter = match framing {
            Some(_) => filter.with_buffer(spare_memory::take()),
            None => filter,
        };
        // What is not framed has nothing to take off.
        let forward = if chunked { forward } else { Forward::AsSent };
        let has_trailer = r.header(header::X_AMZ_TRAILER.as_bytes()).is_some();
        Ok(Box::new(Body {
            filter,
            buffers,
            forward,
            chunked,
            framing,
            decoded_length,
            has_trailer,
            access_key,
        }))
    }

    /// The framing of signed chunks that go on to the origin.
    pub(crate) fn signed_frames(&self) -> Option<Framing> {
        self.framing.filter(|_| self.forward == Forward::Frames)
    }

    /// Whether what goes on is in aws-chunked framing.
    pub(crate) fn is_framed(&self) -> bool {
        self.chunked && self.forward != Forward::Unwrap
    }

    /// What the head must say where the framing is taken off. The checksum is known where the body was read before.
    pub(crate) fn unwrapped(&self) -> Option<Unwrapped> {
        if self.forward != Forward::Unwrap {
            return None;
        }
        let checksum = self.filter.trailer().map(|(name, value)| (name.into(), value.into_bytes()));
        Some(Unwrapped { decoded_length: self.decoded_length, checksum })
    }
}

/// A request that stores something leaves with the body that its client sent, or not at all: what nginx has thrown away by now
/// would leave an empty object where the payload is unsigned.
fn must_be_whole(r: &Request, conf: &LocationConf) -> Result<(), S3Error> {
    // A page that `error_page` names is asked for by GET, whatever came of the body (ngx_http_internal_redirect).
    let may_store = !matches!(r.method(), b"GET" | b"HEAD");
    if conf.resign().is_none() || !may_store || request_body::is_whole(r) {
        return Ok(());
    }
    r.log(
        Level::Error,
        format_args!(
            "s3: refused: the body was discarded, or sent elsewhere, before this location"
        ),
    );
    Err(S3Error::service_unavailable()
        .with_message("The body of the request is no longer there. Please send it again."))
}

/// The answer where a body that must be checked was read already.
fn was_read(r: &Request) -> S3Error {
    // It was checked on its way to an origin that failed, and has changed by that. Another time there may be no error.
    if ctx::earlier(r).any(|ctx| ctx.body.borrow().is_some()) {
        return S3Error::service_unavailable()
            .with_message("The body of the request cannot be used again. Please send it again.");
    }
    // The configuration's doing, so that another time would be no better.
    S3Error::new(ErrorCode::NotImplemented).with_message(
        "The proxy reads the body before it can be checked. Neither aws-chunked bodies, nor others whose hash is verified, are \
         possible here.",
    )
}

/// Called when something was sent. A body that was read before it was sent keeps its memory, for another attempt; one that
/// is passed on while it arrives is sent once (ngx_http_upstream_next: `request_sent && request_body_no_buffering`).
pub(crate) fn sent(r: &Request, ctx: &Ctx) {
    if !request_body::streams(r) {
        return;
    }
    if let Ok(mut body) = ctx.body.try_borrow_mut() {
        body.as_deref_mut().into_iter().for_each(|body| body.buffers.give_back());
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        spare_memory::keep(self.filter.take_buffer());
    }
}

/// Whether the body must be read to its end before the origin gets any of it.
///
/// S3 takes a body of unknown length in aws-chunked framing only, and answers others with 411 or 501. nginx's temporary file
/// finds the length out. And where framing is taken off, an empty object has no last byte that could be withheld until all
/// is proven: its head alone would store it.
pub(crate) fn needs_length(r: &Request, body: Option<&Body>) -> bool {
    match body {
        Some(Body { forward: Forward::Unwrap, decoded_length: 0, .. }) => true,
        // CreateMultipartUpload named the checksum that each part must have: it comes at the end, and is to be in the head.
        Some(Body { forward: Forward::Unwrap, has_trailer: true, .. }) if is_part(r) => true,
        // HTTP/2 and HTTP/3 may send more than they announced, which nginx finds out when it comes: after the head, which
        // is all of an empty object.
        _ if r.content_length() == Some(0) => true,
        Some(Body { chunked: true, .. }) => false,
        Some(_) | None => r.is_chunked(),
    }
}

/// Whether the body is a part of a multipart upload.
fn is_part(r: &Request) -> bool {
    let query = r.target().splitn(2, |&byte| byte == b'?').nth(1).unwrap_or_default();
    query.split(|&byte| byte == b'&').any(|pair| pair.starts_with(b"uploadId="))
}

/// Called with each piece of the request's body, and with none to get on with what waits.
///
/// # Errors
///
/// The HTTP status that the request ends with; the answer is in the context. nginx then cuts the upstream's connection.
pub(crate) fn filter(r: &Request, input: Input) -> Result<Filtered, u16> {
    let Some(ctx) = ctx::existing(r) else { return Ok(input.pass()) };
    crate::fault::inject(r, "body");
    // The first call comes while nginx can still be told to.
    if ctx.needs_length.replace(false) {
        request_body::buffer_whole(r);
    }
    let mut body = ctx.body.borrow_mut();
    let Some(body) = body.as_deref_mut() else { return Ok(input.pass()) };
    let Body { filter, buffers, access_key, .. } = body;
    let mut check = Checked { filter, fault: None };
    let result = input.run(r, buffers, &mut check);
    if let Some(error) = check.fault {
        let error = refusal(r, &error, access_key);
        ctx.error.replace(Some(error));
        // What is left of the body would be taken for the next request: nginx discards no body that it has begun to read.
        r.set_keep_alive(false);
    }
    result
}

struct Checked<'b> {
    filter: &'b mut BodyFilter,
    fault: Option<BodyError>,
}

impl Check for Checked<'_> {
    fn push(&mut self, input: &[u8], last: bool, out: &mut Output<'_>) -> Result<(), u16> {
        self.filter.push(input, last, out).map(|_| ()).map_err(|error| {
            let status = S3Error::from_body(&error).status();
            self.fault = Some(error);
            status
        })
    }
}

fn refusal(r: &Request, error: &BodyError, access_key: &[u8]) -> S3Error {
    let answer = S3Error::from_body(error);
    let client = access_key.escape_ascii();
    r.log(access::level(&answer), format_args!("s3: refused the body of \"{client}\": {error}"));
    answer
}

/// A signed trailer vouches for its checksum, so that is always checked; elsewhere the origin does it, or the operator asks.
fn rules(conf: &LocationConf, framing: Option<Framing>) -> Rules {
    Rules {
        max_chunk: conf.max_chunk_size(),
        verify_checksum: conf.verifies_payload() || framing == Some(Framing::SignedTrailer),
        ..Rules::default()
    }
}

fn framing(payload: &Payload) -> Option<Framing> {
    match payload {
        Payload::StreamingSigned => Some(Framing::Signed),
        Payload::StreamingSignedTrailer => Some(Framing::SignedTrailer),
        _ => None,
    }
}

/// Whether the request has a body by its head, if only one of no bytes.
fn announces_body(r: &Request) -> bool {
    r.is_chunked() || r.content_length().is_some()
}

/// The length that bounds the body's bytes; none where only the end of the message does.
fn content_length(r: &Request) -> Option<u64> {
    if r.is_chunked() { None } else { r.content_length() }
}
