//! Which check a request's body needs, as its head says: decided in the access phase, with the verified head at hand.

mod unknown_length;

use nginx::kept_body::Kept;
use nginx::{Level, Request, spare_memory};
use s3::delete_check::MAX_DELETE_BODY;
use s3::{DeleteCheck, DeleteFault, S3Error};
use sigv4::aws_chunked::{
    BodyDeclaration, BodyFilter, ChecksumAlgorithm, Forward, Framing, PayloadDigest, Rules, Scheme,
};
use sigv4::{Payload, Verified, header};

use self::unknown_length::may_come;
pub(crate) use self::unknown_length::{undeclared, undeclared_refusal};
use crate::conf::location::LocationConf;
use crate::ctx::body::{Body, BodyFault};
use crate::ctx::{self, Ctx};
use crate::log;

/// What checks the body of a verified request; none where its head claims nothing that is checked here. With `delete_check` the
/// keys in it are judged, whatever its head claims.
///
/// # Errors
///
/// The head declares something that cannot be checked, or another module has read the body already.
pub(crate) fn of_verified<G>(
    r: Request<'_>,
    conf: &LocationConf,
    verified: &Verified<'_, '_, G>,
    delete_check: Option<Box<DeleteCheck>>,
) -> Result<Option<Box<Body>>, S3Error> {
    let is_replaced = delete_check.as_ref().is_some_and(|check| check.replaces_body());
    let body = of_claims(r, conf, verified, is_replaced)?;
    let Some(check) = delete_check else { return Ok(body) };
    let refused = |fault| {
        let fault = BodyFault::Keys(fault);
        Err(refusal(r, &fault, verified.credential().access_key()))
    };
    let length = verified.decoded_length().or(content_length(r));
    if length.is_some_and(|length| length > MAX_DELETE_BODY as u64) {
        return refused(DeleteFault::TooLarge);
    }
    // No filter is called for it.
    if !declares_body(r) || content_length(r) == Some(0) {
        return refused(DeleteFault::Malformed("it is empty"));
    }
    // What takes its place is longer, and has no room where it lies.
    if check.replaces_body() && is_stored(r) {
        r.log(
            Level::Error,
            format_args!(
                "s3: refused: the DeleteObjects of a client with a \"root\" was read before this location"
            ),
        );
        return Err(S3Error::service_unavailable()
            .with_message("The body of the request cannot be used again. Please send it again."));
    }
    let access_key = || verified.credential().access_key().to_vec();
    let mut body = match body.filter(|body| !body.only_unbuffered) {
        Some(body) => body,
        None if is_stored(r) => {
            fit_to_check(r)?;
            passing(content_length(r), access_key())
        }
        None => passing(content_length(r), access_key()),
    };
    // Frames are for objects and parts: `sigv4::verify` has refused them here.
    if body.chunked {
        return refused(DeleteFault::Malformed("it is framed"));
    }
    body.keys = Some(check);
    Ok(Some(body))
}

/// `is_replaced` is a body in whose place another one goes on: no origin can compare it with the hash that the client signed.
fn of_claims<G>(
    r: Request<'_>,
    conf: &LocationConf,
    verified: &Verified<'_, '_, G>,
    is_replaced: bool,
) -> Result<Option<Box<Body>>, S3Error> {
    must_be_whole(r, conf)?;
    let payload = verified.payload();
    may_come(r, conf, payload.is_streaming())?;
    let checked = match payload {
        Payload::Unsigned => false,
        Payload::Sha256(_) => is_replaced || conf.verifies_payload(),
        _ => true,
    };
    if !checked {
        return Ok(of_length(r));
    }
    let forward = conf.forward();
    let rules = rules(conf, framing(payload));
    let filter = BodyFilter::of_request(verified, content_length(r), rules, forward);
    let refused = |error| refusal(r, &BodyFault::Claim(error), verified.credential().access_key());
    let Some(mut filter) = filter.map_err(refused)? else { return Ok(None) };
    if !declares_body(r) {
        // nginx calls no body filter for it, so its claim is judged here: no byte is to come.
        filter.push(b"", true, &mut Vec::new()).map_err(refused)?;
    }
    let access_key = verified.credential().access_key().to_vec();
    let decoded_length = verified.decoded_length().unwrap_or(0);
    with_filter(r, filter, forward, payload, decoded_length, access_key).map(Some)
}

/// The same where `s3_verify` is off: an `aws-chunked` body is still taken apart, since what its chunks are signed with is
/// nothing that the origin knows.
pub(crate) fn of_unverified(
    r: Request<'_>,
    conf: &LocationConf,
) -> Result<Option<Box<Body>>, S3Error> {
    must_be_whole(r, conf)?;
    let Some(value) = r.header(header::X_AMZ_CONTENT_SHA256.as_bytes()) else {
        may_come(r, conf, false)?;
        return Ok(of_length(r));
    };
    let payload = Payload::parse(value).map_err(|error| S3Error::from_sigv4(&error))?;
    may_come(r, conf, payload.is_streaming())?;
    if !payload.is_streaming() {
        return Ok(of_length(r));
    }
    let decoded = r.header(header::X_AMZ_DECODED_CONTENT_LENGTH.as_bytes());
    let number = decoded.and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    let decoded_length: u64 = number.ok_or_else(|| S3Error::for_status(411))?;
    let trailer =
        r.header(header::X_AMZ_TRAILER.as_bytes()).and_then(ChecksumAlgorithm::of_trailer);
    let announced = BodyDeclaration { content_length: content_length(r), decoded_length, trailer };
    let framing = framing(&payload);
    let scheme = framing.map_or(Scheme::UnsignedTrailer, Scheme::Unverified);
    let forward = conf.forward();
    let filter = BodyFilter::chunked(scheme, announced, rules(conf, framing), forward);
    let filter = filter.map_err(|error| refusal(r, &BodyFault::Claim(error), b""))?;
    with_filter(r, filter, forward, &payload, decoded_length, Vec::new()).map(Some)
}

/// What withholds the end of a body of which nothing but the length is known, where the client may send more than that:
/// nginx finds it out when the origin has all that was declared, a whole object. HTTP/1 has no such bytes.
fn of_length(r: Request<'_>) -> Option<Box<Body>> {
    let length = content_length(r).filter(|&length| length > 0)?;
    if !r.ends_apart_from_length() || r.body_was_read() {
        return None;
    }
    let mut body = passing(Some(length), Vec::new());
    body.only_unbuffered = true;
    Some(body)
}

/// What lets a body pass as it is, if it has that length.
fn passing(length: Option<u64>, access_key: Vec<u8>) -> Box<Body> {
    Box::new(Body {
        filter: BodyFilter::digest(PayloadDigest::of_length(length)),
        forward: Forward::AsSent,
        chunked: false,
        framing: None,
        only_unbuffered: false,
        kept: None,
        decoded_length: length.unwrap_or(0),
        has_trailer: false,
        keys: None,
        rooted: None,
        access_key,
    })
}

fn with_filter(
    r: Request<'_>,
    filter: BodyFilter,
    forward: Forward,
    payload: &Payload,
    decoded_length: u64,
    access_key: Vec<u8>,
) -> Result<Box<Body>, S3Error> {
    if is_stored(r) {
        fit_to_check(r)?;
    }
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
        forward,
        chunked,
        framing,
        only_unbuffered: false,
        // Nothing is to come: it is checked already.
        kept: (!declares_body(r)).then_some(Kept::NONE),
        decoded_length,
        has_trailer,
        keys: None,
        rooted: None,
        access_key,
    }))
}

/// A request that stores something leaves with the body that its client sent, or not at all: what nginx has thrown away by now
/// would leave an empty object where the payload is unsigned.
fn must_be_whole(r: Request<'_>, conf: &LocationConf) -> Result<(), S3Error> {
    // A page that `error_page` names is asked for by GET, whatever came of the body (ngx_http_internal_redirect).
    let may_store = !matches!(r.method(), b"GET" | b"HEAD");
    if conf.resign().is_none() || !may_store || r.body_is_whole() {
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

/// Whether the body lies here already, and no filter is called for it: it is to be checked in its place.
pub(crate) fn is_stored(r: Request<'_>) -> bool {
    r.body_was_read() && declares_body(r)
}

/// Whether a body that was read before can be checked where it lies: it is whole, and as the client sent it.
fn fit_to_check(r: Request<'_>) -> Result<(), S3Error> {
    let changed = |ctx: &Ctx| ctx.body.check.borrow().as_deref().is_some_and(Body::changes_bytes);
    if ctx::earlier(r).any(changed) {
        r.log(
            Level::Error,
            format_args!("s3: refused: the body was changed on its way to another origin"),
        );
        return Err(S3Error::service_unavailable()
            .with_message("The body of the request cannot be used again. Please send it again."));
    }
    if r.body_is_whole() {
        return Ok(());
    }
    r.log(Level::Error, format_args!("s3: refused: the body was read in part, or discarded"));
    Err(S3Error::service_unavailable()
        .with_message("The body of the request is no longer there. Please send it again."))
}

/// Whether the body must be read to its end before the origin gets any of it.
///
/// S3 takes a body of unknown length in aws-chunked framing only, and answers others with 411 or 501. nginx's temporary file
/// finds the length out. And where framing is taken off, an empty object has no last byte that could be withheld until all
/// is proven: its head alone would store it.
pub(crate) fn needs_length(r: Request<'_>, body: Option<&Body>) -> bool {
    match body {
        Some(Body { forward: Forward::Unwrap, decoded_length: 0, .. }) => true,
        // Which of its keys may be deleted is known at its end.
        Some(Body { keys: Some(_), .. }) => true,
        // CreateMultipartUpload named the checksum that each part must have: it comes at the end, and is to be in the head.
        Some(Body { forward: Forward::Unwrap, has_trailer: true, .. }) if is_part(r) => true,
        // HTTP/2 and HTTP/3 may send more than they declared, which nginx finds out when it comes: after the head, which
        // is all of an empty object.
        _ if r.content_length() == Some(0) => true,
        Some(Body { chunked: true, .. }) => false,
        Some(_) | None => r.is_chunked(),
    }
}

/// Whether the body is a part of a multipart upload.
fn is_part(r: Request<'_>) -> bool {
    parameters(r).any(|pair| pair.starts_with(b"uploadId="))
}

/// The parameters of the query, as the client wrote them.
fn parameters<'r>(r: Request<'r>) -> impl Iterator<Item = &'r [u8]> {
    let query = r.target().splitn(2, |&byte| byte == b'?').nth(1).unwrap_or_default();
    query.split(|&byte| byte == b'&')
}

/// The answer to a body that failed its check, which the error log gets to know.
pub(crate) fn refusal(r: Request<'_>, fault: &BodyFault, access_key: &[u8]) -> S3Error {
    let answer = S3Error::from(fault);
    let client = access_key.escape_ascii();
    r.log(log::level(&answer), format_args!("s3: refused the body of \"{client}\": {fault}"));
    if let Some(ctx) = ctx::existing(r) {
        ctx.response.refusal.replace(Some(fault.to_string()));
    }
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

/// The framing of chunks that have signatures.
pub(crate) fn framing(payload: &Payload) -> Option<Framing> {
    match payload {
        Payload::StreamingSigned => Some(Framing::Signed),
        Payload::StreamingSignedTrailer => Some(Framing::SignedTrailer),
        _ => None,
    }
}

/// Whether the request has a body by its head, if only one of no bytes.
fn declares_body(r: Request<'_>) -> bool {
    r.is_chunked() || r.content_length().is_some()
}

/// The length that bounds the body's bytes; none where only the end of the message does.
fn content_length(r: Request<'_>) -> Option<u64> {
    if r.is_chunked() { None } else { r.content_length() }
}
