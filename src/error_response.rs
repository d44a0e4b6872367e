//! Errors in S3's words.
//!
//! Three kinds of response are changed on their way out: our own refusals, the error pages that nginx makes by itself
//! (413, 502, 504 …), and an origin's answer that speaks of the origin's key, which is nothing for a client to see.

use nginx::filter::{self, NextFilters, OutputFilter};
use nginx::request::ErrorPage;
use nginx::upstream::finalize::{self, UpstreamEnd};
use nginx::{Chain, Level, Request, Status};
use s3::{Finding, OriginError, S3Error, origin_error};

use crate::S3Signature;
use crate::conf::location::LocationConf;
use crate::ctx::{self, Ctx};
use crate::request_id::RequestId;
use crate::response_headers;

const CONTENT_TYPE: &[u8] = b"application/xml";
const CONTENT_ENCODING: &[u8] = b"content-encoding";

/// What happens to a response.
#[derive(Default)]
pub(crate) enum Response {
    /// It passes.
    #[default]
    Pass,
    /// It is an origin's error: header and body are withheld until it is judged, which is at most 64 KiB and the buffer that
    /// they end in. With `strict`, what cannot be judged does not pass.
    Held { error: OriginError, strict: bool },
    /// This document goes out in the place of the body that will come.
    Replace(Vec<u8>),
    /// The document has gone out; the rest of the other body is dropped.
    Replaced,
}

impl Response {
    fn passes(&self) -> bool {
        matches!(self, Response::Pass)
    }
}

/// The filters, and what else this file hears of.
pub(crate) struct ErrorResponse;

static NEXT_FILTERS: NextFilters = NextFilters::new();

impl OutputFilter for ErrorResponse {
    fn next() -> &'static NextFilters {
        &NEXT_FILTERS
    }

    fn header(r: Request<'_>) -> Status {
        header_filter(r)
    }

    fn body<'r>(r: Request<'r>, chain: Chain<'r>) -> Status {
        body_filter(r, chain)
    }
}

impl ErrorPage for ErrorResponse {
    fn sets_out(r: Request<'_>) {
        failed(r);
    }
}

impl UpstreamEnd for S3Signature {
    fn cut_off(r: Request<'_>) {
        if let Some(ctx) = ctx::existing(r) {
            cut_off(r, ctx);
        }
    }
}

fn next_header(r: Request<'_>) -> Status {
    filter::next_header::<ErrorResponse>(r)
}

fn next_body<'r>(r: Request<'r>, chain: Chain<'r>) -> Status {
    filter::next_body::<ErrorResponse>(r, chain)
}

/// Called with the response's header, before any filter of nginx.
fn header_filter(r: Request<'_>) -> Status {
    let is_own_error = r.is_own_error();
    let conf = r.location_conf::<S3Signature>();
    let is_active = conf.is_some_and(LocationConf::is_active);
    if is_own_error && (is_active || is_of_server(r)) {
        crate::fault::inject(r, "header_filter");
        let Some(ctx) = ctx::of(r) else { return next_header(r) };
        let error = own_error(r, ctx);
        return answer(r, ctx, &error);
    }
    if !is_active {
        return next_header(r);
    }
    crate::fault::inject(r, "header_filter");
    conf.into_iter().for_each(|conf| response_headers::translate(r, conf));
    match ctx::existing(r) {
        Some(ctx) if ctx.origin.borrow().is_some() => origin_header(r, ctx),
        _ => next_header(r),
    }
}

/// Whether an error outside of our locations is S3's all the same: where the server has any, and no location has taken the
/// request (yet), or the request went to an `error_page` that failed.
fn is_of_server(r: Request<'_>) -> bool {
    let server = r.server_conf::<S3Signature>();
    r.is_main()
        && server.is_some_and(|server| server.is_active)
        && (r.has_no_location() || r.had_error_page() || ctx::earlier(r).next().is_some())
}

/// A request is on its way to an `error_page`, by the error that it has now.
fn failed(r: Request<'_>) {
    let server = r.server_conf::<S3Signature>();
    if !server.is_some_and(|server| server.is_active) {
        return;
    }
    if let Some(ctx) = ctx::of(r).filter(|ctx| ctx.failed_with.get() == 0) {
        ctx.failed_with.set(r.error_status());
    }
}

/// The error that nginx answers with by itself: what this module has refused, or what S3 says with that status. Where an
/// `error_page` failed, it is the error that the page was for: its own 404 is no word about an object.
fn own_error(r: Request<'_>, ctx: &Ctx) -> S3Error {
    let first = ctx.failed_with.get();
    if first != 0 {
        let mut refused = ctx::earlier(r).filter_map(|ctx| ctx.error.borrow_mut().take());
        let refused = refused.find(|error| error.status() == first);
        return refused.unwrap_or_else(|| S3Error::for_status(first));
    }
    let status = r.error_status();
    // `satisfy any` may have let in whom the access phase refused; then the error is another.
    let ours = ctx.error.borrow_mut().take();
    let ours = ours.filter(|error| error.status() == status || status >= 500);
    ours.unwrap_or_else(|| S3Error::for_status(status))
}

/// Whether what an origin says with this status is looked at, and if so, whether it must be what we know.
///
/// An origin that does not accept a key says so with 400, 401 or 403. With other statuses it says other things, in bodies
/// that need not be S3's (a website's own 404), so there only what is recognised is withheld.
fn strictness(status: u16) -> Option<bool> {
    match status {
        400 | 401 | 403 => Some(true),
        404 | 405 | 410 | 412 | 416 => None,
        400.. => Some(false),
        _ => None,
    }
}

/// The header of an origin's response to a request that was signed here.
fn origin_header(r: Request<'_>, ctx: &Ctx) -> Status {
    // Not the response's own status: an `error_page` may have put another in its place.
    let Some(strict) = r.upstream_status().and_then(strictness) else { return next_header(r) };
    // What one client was refused must not become an answer for others, and its body could hold the origin's key id.
    r.do_not_keep();
    if shows_key_in_header(r, ctx) {
        return withhold(r, ctx, b"in a header");
    }
    // It asks for credentials of the origin.
    r.remove_response_header(b"www-authenticate");
    if r.is_header_only() {
        // Other refusals may be about the object, and one without a body says nothing; S3 itself has no 401 for that.
        if r.upstream_status() == Some(401) {
            return withhold(r, ctx, b"401");
        }
        return next_header(r);
    }
    finalize::watch::<S3Signature>(r);
    let error = OriginError::new(encoding(r), access_key(ctx));
    ctx.response.replace(Response::Held { error, strict });
    Status::NGX_OK
}

/// The response's Content-Encoding; several headers are none that we know.
fn encoding(r: Request<'_>) -> Vec<u8> {
    let codings =
        r.response_headers().filter(|(name, _)| name.eq_ignore_ascii_case(CONTENT_ENCODING));
    codings.map(|(_, value)| value).collect::<Vec<_>>().join(&b", "[..])
}

fn access_key(ctx: &Ctx) -> Vec<u8> {
    let origin = ctx.origin.borrow();
    origin.as_ref().map(|origin| origin.credential.access_key().to_vec()).unwrap_or_default()
}

/// Whether a header tells of our key: MinIO answers HEAD with the code and the message in headers.
fn shows_key_in_header(r: Request<'_>, ctx: &Ctx) -> bool {
    let key = access_key(ctx);
    r.response_headers().any(|(name, value)| {
        let is_code = name.to_ascii_lowercase().ends_with(b"error-code");
        (is_code && origin_error::is_about_credential(value))
            || origin_error::names_key(value, &key)
    })
}

/// Called with each part of the response's body.
fn body_filter<'r>(r: Request<'r>, mut chain: Chain<'r>) -> Status {
    let Some(ctx) = ctx::existing(r).filter(|ctx| !ctx.response.borrow().passes()) else {
        return next_body(r, chain);
    };
    let response = ctx.response.take();
    match response {
        Response::Pass => next_body(r, chain),
        Response::Held { .. } if chain.is_empty() => {
            ctx.response.replace(response);
            Status::NGX_OK
        }
        Response::Held { error, strict } => judge(r, ctx, chain, error, strict),
        Response::Replace(document) => {
            ctx.response.replace(Response::Replaced);
            chain.discard();
            match r.allocate_copy(&document) {
                Some(document) => send(r, document),
                None => Status::NGX_ERROR,
            }
        }
        Response::Replaced => {
            ctx.response.replace(Response::Replaced);
            chain.discard();
            // Nothing new, but what waits in later filters is to go out.
            next_body(r, Chain::empty())
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
            ctx.response.replace(Response::Held { error, strict });
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
            log_withheld(r, ctx, code);
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
            relay(r, chain, error.bytes(), drained.last)
        }
    }
}

/// nginx is about to close the client's connection, since it cannot read the rest of the origin's response.
fn cut_off(r: Request<'_>, ctx: &Ctx) {
    if matches!(*ctx.response.borrow(), Response::Held { .. }) {
        r.set_keep_alive(false);
        answer_incomplete(r, ctx, Chain::empty());
    }
}

fn answer_incomplete<'r>(r: Request<'r>, ctx: &Ctx, chain: Chain<'r>) -> Status {
    r.log(Level::Error, format_args!("s3: the origin did not complete its error"));
    answer_at_once(r, ctx, chain, &S3Error::origin_error_incomplete())
}

/// Sends what was withheld, and what is still in the chain.
fn relay<'r>(r: Request<'r>, chain: Chain<'r>, body: &[u8], last: bool) -> Status {
    let code = next_header(r);
    if code > Status::NGX_OK || code == Status::NGX_ERROR {
        return code;
    }
    if body.is_empty() && !last {
        return next_body(r, chain);
    }
    let Some(body) = r.allocate_copy(body) else { return Status::NGX_ERROR };
    chain.prepend(r, body, last).map_or(Status::NGX_ERROR, |chain| next_body(r, chain))
}

/// Sends our document in the place of the header and body that were withheld.
fn answer_at_once<'r>(r: Request<'r>, ctx: &Ctx, mut chain: Chain<'r>, error: &S3Error) -> Status {
    chain.discard();
    let code = answer(r, ctx, error);
    if code > Status::NGX_OK || code == Status::NGX_ERROR { code } else { body_filter(r, chain) }
}

/// Says in the log why the origin's header is not sent, and sends ours.
fn withhold(r: Request<'_>, ctx: &Ctx, code: &[u8]) -> Status {
    log_withheld(r, ctx, code);
    answer(r, ctx, &S3Error::origin_refused_credentials())
}

fn log_withheld(r: Request<'_>, ctx: &Ctx, code: &[u8]) {
    let origin = ctx.origin.borrow();
    let name = origin.as_ref().map_or("", |origin| origin.name.as_str());
    let code = code.escape_ascii();
    r.log(
        Level::Error,
        format_args!("s3: origin \"{name}\" refused the key that we sign with: {code}"),
    );
}

/// Sends the header of the error's document, and remembers the document for the body filter.
fn answer(r: Request<'_>, ctx: &Ctx, error: &S3Error) -> Status {
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
    let Some(id) = r.allocate_copy(id.as_bytes()) else { return Status::NGX_ERROR };
    if !r.add_header(b"x-amz-request-id", id) || !r.add_header(b"x-amz-id-2", id) {
        return Status::NGX_ERROR;
    }
    // SDKs that find no document, since the request was a HEAD, look for the right region here.
    let region = error
        .members()
        .find(|(name, _)| *name == "Region")
        .and_then(|(_, value)| r.allocate_copy(value));
    if region.is_some_and(|region| !r.add_header(b"x-amz-bucket-region", region)) {
        return Status::NGX_ERROR;
    }
    if r.is_header_only() {
        ctx.response.replace(Response::Replaced);
    } else {
        ctx.response.replace(Response::Replace(document));
    }
    next_header(r)
}

fn send<'r>(r: Request<'r>, document: &'r [u8]) -> Status {
    let chain = Chain::empty().prepend(r, document, true);
    chain.map_or(Status::NGX_ERROR, |chain| next_body(r, chain))
}
