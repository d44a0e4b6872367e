//! Errors in S3's words.
//!
//! Three kinds of response are changed on their way out: our own refusals, the error pages that nginx makes by itself
//! (413, 502, 504 …), and an origin's answer that speaks of the origin's key, which is nothing for a client to see.

use s3::{Finding, OriginError, S3Error};

use crate::conf::location::LocationConf;
use crate::ctx::{self, Ctx};
use crate::ffi::chain::{self, Chain};
use crate::ffi::filter::{FAILED, KEPT, next_body, next_header};
use crate::ffi::log::Level;
use crate::ffi::request::Request;
use crate::request_id::RequestId;
use crate::response_headers;

use ngx::ffi::ngx_int_t;

const CONTENT_TYPE: &[u8] = b"application/xml";

/// What happens to a response.
#[derive(Default)]
pub(crate) enum Response {
    /// It passes.
    #[default]
    Pass,
    /// It is an origin's refusal: header and body are withheld until its code is known, which is at most 4 KiB and the
    /// buffer that they end in.
    Held { error: OriginError, body: Vec<u8> },
    /// This document goes out in the place of the body that will come.
    Replace(&'static [u8]),
    /// The document has gone out; the rest of the other body is dropped.
    Replaced,
}

impl Response {
    fn passes(&self) -> bool {
        matches!(self, Response::Pass)
    }
}

/// Called with the response's header, before any filter of nginx.
pub(crate) fn header_filter(r: &Request) -> ngx_int_t {
    let conf = r.location_conf::<LocationConf>(crate::module());
    if !conf.is_some_and(LocationConf::is_active) {
        return next_header(r);
    }
    crate::fault::inject(r, "header_filter");
    // A page of nginx's own, and not the one that `error_page` names.
    if r.error_status() >= 400 && !r.is_error_page() {
        let Some(ctx) = ctx::of(r) else { return next_header(r) };
        let error = ctx.error.borrow_mut().take();
        let error = error.unwrap_or_else(|| S3Error::for_status(r.error_status()));
        return answer(r, ctx, &error);
    }
    conf.into_iter().for_each(|conf| response_headers::translate(r, conf));
    let refused = matches!(r.status(), 400 | 401 | 403);
    let signed = ctx::existing(r).filter(|ctx| refused && ctx.origin.borrow().is_some());
    if let Some(ctx) = signed {
        // What one client was refused must not become an answer for others, and its body could hold the origin's key id.
        r.do_not_cache();
        if !r.is_header_only() {
            ctx.response
                .replace(Response::Held { error: OriginError::default(), body: Vec::new() });
            return KEPT;
        }
    }
    next_header(r)
}

/// Called with each part of the response's body.
pub(crate) fn body_filter(r: &Request, mut chain: Chain) -> ngx_int_t {
    let Some(ctx) = ctx::existing(r).filter(|ctx| !ctx.response.borrow().passes()) else {
        return next_body(r, chain.as_ptr());
    };
    let response = ctx.response.take();
    match response {
        Response::Pass => next_body(r, chain.as_ptr()),
        Response::Held { .. } if chain.is_empty() => {
            ctx.response.replace(response);
            KEPT
        }
        Response::Held { error, body } => judge(r, ctx, chain, error, body),
        Response::Replace(document) => {
            ctx.response.replace(Response::Replaced);
            chain.discard();
            send(r, document, std::ptr::null_mut())
        }
        Response::Replaced => {
            ctx.response.replace(Response::Replaced);
            chain.discard();
            // Nothing new, but what waits in later filters is to go out.
            next_body(r, std::ptr::null_mut())
        }
    }
}

/// Reads on in an origin's refusal until it is clear of whose key it speaks.
fn judge(
    r: &Request,
    ctx: &Ctx,
    mut chain: Chain,
    mut error: OriginError,
    mut body: Vec<u8>,
) -> ngx_int_t {
    let drained = chain.drain(|bytes| {
        body.extend_from_slice(bytes);
        error.feed(bytes) == Finding::NeedMore
    });
    let finding = match error.feed(&[]) {
        Finding::NeedMore if drained.last => error.finish(),
        finding => finding,
    };
    match finding {
        Finding::NeedMore if drained.in_file => FAILED,
        Finding::NeedMore => {
            ctx.response.replace(Response::Held { error, body });
            KEPT
        }
        Finding::ProxyCredential(code) => {
            let origin = ctx.origin.borrow();
            let name = origin.as_ref().map_or("", |origin| origin.name.as_str());
            let code = code.escape_ascii();
            r.log(
                Level::Error,
                format_args!("s3: origin \"{name}\" refused the key that we sign with: {code}"),
            );
            drop(origin);
            chain.discard();
            let code = answer(r, ctx, &S3Error::origin_refused_credentials());
            if code > KEPT || code == FAILED {
                return code;
            }
            body_filter(r, chain)
        }
        Finding::Absent | Finding::Origin(_) => {
            let code = next_header(r);
            if code > KEPT || code == FAILED {
                return code;
            }
            if body.is_empty() && !drained.last {
                return next_body(r, chain.as_ptr());
            }
            let Some(body) = r.allocate_copy(&body) else { return FAILED };
            let chain = chain::link(r, body, drained.last, chain.as_ptr());
            if chain.is_null() { FAILED } else { next_body(r, chain) }
        }
    }
}

/// Sends the header of the error's document, and remembers the document for the body filter.
fn answer(r: &Request, ctx: &Ctx, error: &S3Error) -> ngx_int_t {
    let id = ctx.request_id.get_or_init(RequestId::new);
    ctx.error_code.set(Some(error.code()));
    let mut document = Vec::new();
    error.write_xml(r.target_path(), id.as_str(), id.as_str(), &mut document);

    // nginx closes the connection after some statuses for fear of a body that it did not read.
    let keep_alive = ctx.keep_alive.replace(false);
    r.replace_header(error.status(), CONTENT_TYPE, document.len());
    if keep_alive {
        r.set_keep_alive(true);
    }
    let Some(id) = r.allocate_copy(id.as_bytes()) else { return FAILED };
    if !r.add_header(b"x-amz-request-id", id) || !r.add_header(b"x-amz-id-2", id) {
        return FAILED;
    }
    // SDKs that find no document, since the request was a HEAD, look for the right region here.
    let region = error
        .members()
        .find(|(name, _)| *name == "Region")
        .and_then(|(_, value)| r.allocate_copy(value));
    if region.is_some_and(|region| !r.add_header(b"x-amz-bucket-region", region)) {
        return FAILED;
    }
    if r.is_header_only() {
        ctx.response.replace(Response::Replaced);
    } else {
        let Some(document) = r.allocate_copy(&document) else { return FAILED };
        ctx.response.replace(Response::Replace(document));
    }
    next_header(r)
}

fn send(r: &Request, document: &'static [u8], rest: *mut ngx::ffi::ngx_chain_t) -> ngx_int_t {
    let chain = chain::link(r, document, true, rest);
    if chain.is_null() { FAILED } else { next_body(r, chain) }
}
