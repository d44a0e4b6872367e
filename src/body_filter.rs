//! The body filter: puts our documents in the place of other bodies, and judges an origin's errors.

use nginx::upstream::finalize::UpstreamEnd;
use nginx::{Chain, Level, Request, Status, filter};
use s3::{Finding, OriginError, S3Error};

use crate::S3Signature;
use crate::answer;
use crate::ctx::response::Response;
use crate::ctx::{self, Ctx};
use crate::error_response;
use crate::status;

impl UpstreamEnd for S3Signature {
    fn cut_off(r: Request<'_>) {
        if let Some(ctx) = ctx::existing(r) {
            cut_off(r, ctx);
        }
    }
}

/// Called with each part of the response's body.
pub(crate) fn body_filter<'r>(r: Request<'r>, chain: Chain<'r>) -> Status {
    let Some(ctx) = ctx::existing(r) else { return filter::next_body::<S3Signature>(r, chain) };
    if ctx.status.awaits_code.get() {
        status::read_code(ctx, chain.first_bytes());
    }
    if ctx.response.state.borrow().passes() {
        return filter::next_body::<S3Signature>(r, chain);
    }
    changed_body(r, ctx, chain)
}

/// The same for a body that does not pass as it is.
#[inline(never)]
fn changed_body<'r>(r: Request<'r>, ctx: &Ctx, mut chain: Chain<'r>) -> Status {
    let response = ctx.response.state.take();
    match response {
        Response::Pass => filter::next_body::<S3Signature>(r, chain),
        Response::Held { .. } if chain.is_empty() => {
            ctx.response.state.replace(response);
            Status::NGX_OK
        }
        Response::Held { error, strict } => judge(r, ctx, chain, error, strict),
        Response::Rewritten(mut rewriting) => {
            // Should this panic, nothing more goes out.
            ctx.response.state.replace(Response::Replaced);
            let status = answer::pass_body(r, &mut rewriting, chain);
            ctx.response.state.replace(Response::Rewritten(rewriting));
            status
        }
        Response::Replace(document) if !r.is_bare() => {
            ctx.response.state.replace(Response::Replaced);
            chain.discard();
            let document = r.allocate_copy(&document);
            let chain = document.and_then(|document| Chain::empty().prepend(r, document, true));
            chain.map_or(Status::NGX_ERROR, |chain| filter::next_body::<S3Signature>(r, chain))
        }
        Response::Replace(_) | Response::Replaced => {
            ctx.response.state.replace(Response::Replaced);
            chain.discard();
            // Nothing new, but what waits in later filters is to go out.
            filter::next_body::<S3Signature>(r, Chain::empty())
        }
    }
}

/// Reads on in an origin's error until it is clear of whose key it speaks.
fn judge<'r>(
    r: Request<'r>,
    ctx: &Ctx,
    mut chain: Chain<'r>,
    mut error: OriginError,
    strict: bool,
) -> Status {
    let mut judged = false;
    let drained = chain.drain(|bytes| {
        judged = error.feed(bytes) != Finding::NeedMore;
        !judged
    });
    if !drained.last && !judged && !drained.in_file {
        if !r.upstream_is_over() {
            ctx.response.state.replace(Response::Held { error, strict });
            return Status::NGX_OK;
        }
        // nginx has given the origin up: it was silent too long, or left before its end. The client has nothing yet.
        return answer_incomplete(r, ctx, chain);
    }
    // A refusal without a body says nothing, but that of a key.
    let is_silent = drained.last && error.bytes().is_empty() && r.upstream_status() != Some(401);
    let finding = match error.finish() {
        Finding::Doubt(_) if is_silent => Finding::Origin(b""),
        _ if drained.in_file => Finding::Doubt("it lies in a file"),
        finding => finding,
    };
    match finding {
        Finding::ProxyCredential(code) => {
            error_response::log_withheld(r, ctx, code);
            answer_at_once(r, ctx, chain, &S3Error::origin_refused_credentials())
        }
        Finding::Denied => {
            r.log(
                Level::Info,
                format_args!("s3: AccessDenied in words about our key is not relayed"),
            );
            answer_at_once(r, ctx, chain, &S3Error::access_denied())
        }
        Finding::Doubt(doubt) if strict => {
            let status = r.upstream_status().unwrap_or(0);
            r.log(
                Level::Error,
                format_args!("s3: the origin's answer {status} is not relayed: {doubt}"),
            );
            answer_at_once(r, ctx, chain, &S3Error::origin_refused_unreadably())
        }
        Finding::NeedMore | Finding::Doubt(_) | Finding::Origin(_) => {
            relay(r, ctx, chain, error.bytes(), drained.last)
        }
    }
}

/// nginx is about to close the client's connection, since it cannot read the rest of the origin's response.
fn cut_off(r: Request<'_>, ctx: &Ctx) {
    if matches!(*ctx.response.state.borrow(), Response::Held { .. }) {
        r.set_keep_alive(false);
        answer_incomplete(r, ctx, Chain::empty());
    }
}

fn answer_incomplete<'r>(r: Request<'r>, ctx: &Ctx, chain: Chain<'r>) -> Status {
    r.log(Level::Error, format_args!("s3: the origin did not complete its error"));
    answer_at_once(r, ctx, chain, &S3Error::origin_error_incomplete())
}

/// Sends what was withheld, and what is still in the chain.
fn relay<'r>(r: Request<'r>, ctx: &Ctx, chain: Chain<'r>, body: &[u8], last: bool) -> Status {
    let code = answer::pass_header(r, ctx);
    if code > Status::NGX_OK || code == Status::NGX_ERROR {
        return code;
    }
    if body.is_empty() && !last {
        return body_filter(r, chain);
    }
    let Some(body) = r.allocate_copy(body) else { return Status::NGX_ERROR };
    chain.prepend(r, body, last).map_or(Status::NGX_ERROR, |chain| body_filter(r, chain))
}

/// Sends our document in the place of the header and body that were withheld.
fn answer_at_once<'r>(r: Request<'r>, ctx: &Ctx, mut chain: Chain<'r>, error: &S3Error) -> Status {
    chain.discard();
    let code = error_response::send(r, ctx, error);
    if code > Status::NGX_OK || code == Status::NGX_ERROR { code } else { body_filter(r, chain) }
}
