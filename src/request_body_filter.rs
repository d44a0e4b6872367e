//! The request body filter: the body is checked against what its head claims, while it streams.
//!
//! What passes is proven; the end of a body passes only when all of it is, so that an origin never has a whole object of a body
//! with a fault. The frames of signed chunks leave with hashes in their signature fields, where `upstream` puts the origin's
//! signatures.

use nginx::Request;
use nginx::kept_body::Kept;
use nginx::request_body_filter::{
    Check, Filtered, Input, NextRequestBodyFilter, Output, RequestBodyFilter,
};
use s3::S3Error;
use sigv4::aws_chunked::Sink;

use crate::S3Signature;
use crate::ctx::{self, Ctx, body::Body, body::BodyFault};
use crate::request_body;

static NEXT_FILTER: NextRequestBodyFilter = NextRequestBodyFilter::new();

impl RequestBodyFilter for S3Signature {
    fn next_request_body_filter() -> &'static NextRequestBodyFilter {
        &NEXT_FILTER
    }

    fn filter_request_body<'r>(r: Request<'r>, input: Input<'r>) -> Result<Filtered<'r>, u16> {
        filter(r, input)
    }

    fn request_body_ended(r: Request<'_>) {
        let Some(ctx) = ctx::existing(r) else { return };
        if let Some(body) = ctx.body.check.borrow_mut().as_deref_mut() {
            body.kept = Some(Kept::of(r));
        }
    }
}

/// Called with each piece of the request's body, and with none to get on with what waits.
///
/// # Errors
///
/// The HTTP status that the request ends with; the answer is in the context. nginx then cuts the upstream's connection.
fn filter<'r>(r: Request<'r>, input: Input<'r>) -> Result<Filtered<'r>, u16> {
    let Some(ctx) = ctx::existing(r) else { return Ok(input.pass()) };
    crate::fault::inject(r, "body");
    if input.has_end() {
        ctx.body.ended_at.set(Some(r.age()));
    }
    // The first call comes while nginx can still be told to.
    if ctx.body.needs_length.replace(false) {
        r.buffer_whole_body();
    }
    if let Some(allowed) = ctx.body.undeclared.get() {
        let rest = allowed.checked_sub(input.length());
        ctx.body.undeclared.set(rest);
        if rest.is_none() {
            return Err(refuse(r, ctx, request_body::undeclared_refusal(r)));
        }
    }
    let mut slot = ctx.body.check.borrow_mut();
    // Likewise known since the first call. Once nothing streams any more, all of it has come.
    if !r.streams_body() && slot.as_deref().is_some_and(|body| body.only_unbuffered) {
        *slot = None;
    }
    let Some(body) = slot.as_deref_mut() else { return Ok(input.pass()) };
    body.only_unbuffered &= input.is_empty();
    let mut check = BodyCheck { body, fault: None };
    let result = input.run::<S3Signature>(r, &mut check);
    if let Some(fault) = check.fault {
        refuse(r, ctx, request_body::refusal(r, &fault, &body.access_key));
    }
    result
}

/// Leaves the answer for the client; its status.
fn refuse(r: Request<'_>, ctx: &Ctx, error: S3Error) -> u16 {
    let status = error.status();
    ctx.response.error.replace(Some(error));
    // What is left of the body would be taken for the next request: nginx discards no body that it has begun to read.
    r.set_keep_alive(false);
    status
}

struct BodyCheck<'b> {
    body: &'b mut Body,
    fault: Option<BodyFault>,
}

impl Check for BodyCheck<'_> {
    fn push(&mut self, input: &[u8], last: bool, out: &mut Output<'_, '_>) -> Result<(), u16> {
        self.body.push(input, last, &mut FilterOutput(out)).map_err(|fault| {
            let status = S3Error::from(&fault).status();
            self.fault = Some(fault);
            status
        })
    }
}

/// What may go on, as sigv4 gives it.
struct FilterOutput<'o, 'r, 'b>(&'o mut Output<'r, 'b>);

impl Sink for FilterOutput<'_, '_, '_> {
    fn borrowed(&mut self, bytes: &[u8]) {
        self.0.borrowed(bytes);
    }

    fn copied(&mut self, bytes: &[u8]) {
        self.0.copied(bytes);
    }

    fn replaced(&mut self, original: &[u8], bytes: &[u8]) {
        self.0.replaced(original, bytes);
    }

    fn buffered(&mut self, bytes: &mut Vec<u8>) {
        self.0.buffered(bytes);
    }
}
