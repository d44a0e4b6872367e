//! The header filter: what of a response may go out as it is.
//!
//! Four kinds of response are changed on their way out: our own refusals, the error pages that nginx makes by itself
//! (413, 502, 504 …), an origin's answer that speaks of the origin's key, which is nothing for a client to see, and one that names
//! things as the origin does (`answer`).

use nginx::upstream::finalize;
use nginx::{Level, Request, Status, filter};
use s3::{ErrorCode, KeyRoot, OriginError, S3Error, origin_error};

use crate::S3Signature;
use crate::answer;
use crate::cache;
use crate::conf::location::LocationConf;
use crate::ctx::response::Response;
use crate::ctx::{self, Ctx};
use crate::error_response;
use crate::status;

/// Called with the response's header, before any filter of nginx.
pub(crate) fn header_filter(r: Request<'_>) -> Status {
    let status = filter_header(r);
    if let Some(ctx) = ctx::existing(r) {
        ctx.response.answered_at.set(Some(r.age()));
    }
    status
}

fn filter_header(r: Request<'_>) -> Status {
    let is_own_error = r.is_own_error();
    let conf = r.location_conf::<S3Signature>();
    let is_active = conf.is_some_and(LocationConf::is_active);
    if is_own_error && (is_active || is_of_server(r)) {
        return own_error_header(r);
    }
    if !is_active {
        return filter::next_header::<S3Signature>(r);
    }
    crate::fault::inject(r, "header_filter");
    if answer::root(r.main()).is_some_and(|root| !is_of_root(r, root)) {
        return refuse_of_others(r);
    }
    translate_region(r);
    match ctx::existing(r) {
        Some(ctx) if ctx.upstream.origin.borrow().is_some() => origin_header(r, ctx),
        Some(ctx) => answer::pass_header(r, ctx),
        None => filter::next_header::<S3Signature>(r),
    }
}

/// The header of an error page that is made here.
#[cold]
#[inline(never)]
fn own_error_header(r: Request<'_>) -> Status {
    crate::fault::inject(r, "header_filter");
    let Some(ctx) = ctx::of(r) else { return filter::next_header::<S3Signature>(r) };
    let error = own_error(r, ctx);
    error_response::send(r, ctx, &error)
}

#[cold]
#[inline(never)]
fn refuse_of_others(r: Request<'_>) -> Status {
    r.log(
        Level::Error,
        format_args!(
            "s3: the answer is not for a client with a \"root\": no origin was asked on its behalf, or it was kept by a key without \
             \"$s3_cache_key\""
        ),
    );
    let Some(ctx) = ctx::of(r) else { return Status::NGX_ERROR };
    error_response::send(r, ctx, &S3Error::internal_error())
}

/// Whether an error outside of our locations is S3's all the same: where the server has any, and no location has taken the
/// request (yet), or the request went to an `error_page` that failed.
fn is_of_server(r: Request<'_>) -> bool {
    let server = r.server_conf::<S3Signature>();
    r.is_main()
        && server.is_some_and(|server| server.is_active)
        && (r.has_no_location() || r.had_error_page() || ctx::earlier(r).next().is_some())
}

/// Whether an answer is what lies below the root of the client. What comes from a file (`proxy_store`, `try_files`) or from another
/// service knows nothing of it. Errors that the configuration has pages for say nothing of objects, nor does a list of buckets
/// that is made here.
fn is_of_root(r: Request<'_>, root: &KeyRoot) -> bool {
    if r.cache_key().is_some() {
        return !cache::is_shared(r, root);
    }
    let is_for_client = |ctx: &Ctx| {
        ctx.upstream.origin.borrow().is_some() || ctx.response.bucket_list.borrow().is_some()
    };
    !r.is_main() || r.status() >= 400 || ctx::existing(r).is_some_and(is_for_client)
}

/// Puts the region that clients sign for in the place of the origin's: SDKs take `x-amz-bucket-region` for the one to sign for
/// from then on, and `s3_clients` would refuse that. Where it names no regions, any will do.
fn translate_region(r: Request<'_>) {
    if let Some(region) = answer::region(r) {
        r.set_response_header(b"x-amz-bucket-region", region);
    }
}

/// The error that nginx answers with by itself: what this module has refused, or what S3 says with that status. Where an
/// `error_page` failed, it is the error that the page was for: its own 404 is no word about an object.
fn own_error(r: Request<'_>, ctx: &Ctx) -> S3Error {
    let first = ctx.response.failed_with.get();
    if first != 0 {
        let mut refused = ctx::earlier(r).filter_map(|ctx| ctx.response.error.borrow_mut().take());
        // nginx has 502 or 504 where we have 503, as below.
        let is_first =
            |error: &S3Error| error.status() == first || (first >= 500 && error.status() >= 500);
        return refused.find(is_first).unwrap_or_else(|| of_status(r, first));
    }
    let status = r.error_status();
    // `satisfy any` may have let in whom the access phase refused; then the error is another.
    let ours = ctx.response.error.borrow_mut().take();
    let ours = ours.filter(|error| error.status() == status || status >= 500);
    ours.unwrap_or_else(|| of_status(r, status))
}

/// What S3 says with the status. A client that is over a limit is told so, which SDKs adapt to; any other 503 is an outage.
/// S3 has no 502: where nobody has answered, it is that outage, too.
fn of_status(r: Request<'_>, status: u16) -> S3Error {
    match status {
        502 if r.upstream_gave_no_answer() => S3Error::no_origin_answered(),
        503 if r.is_over_limit() => S3Error::new(ErrorCode::SlowDown),
        status => S3Error::for_status(status),
    }
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
    status::look_for_code(r, ctx);
    // Not the response's own status: an `error_page` may have put another in its place.
    match r.upstream_status().and_then(strictness) {
        Some(strict) => origin_error_header(r, ctx, strict),
        None => answer::pass_header(r, ctx),
    }
}

/// The same of an error, with the [`strictness`] that its status asks for.
#[inline(never)]
fn origin_error_header(r: Request<'_>, ctx: &Ctx, strict: bool) -> Status {
    // What one client was refused must not become an answer for others, and its body could hold the origin's key id.
    r.do_not_keep();
    if shows_key_in_header(r, ctx) {
        return error_response::send_instead(r, ctx, b"in a header");
    }
    // It asks for credentials of the origin.
    r.remove_response_header(b"www-authenticate");
    if r.is_header_only() {
        // Other refusals may be about the object, and one without a body says nothing; S3 itself has no 401 for that.
        if r.upstream_status() == Some(401) {
            return error_response::send_instead(r, ctx, b"401");
        }
        return answer::pass_header(r, ctx);
    }
    finalize::watch::<S3Signature>(r);
    let error =
        OriginError::new(origin_error::content_encoding(r.response_headers()), access_key(ctx));
    ctx.response.state.replace(Response::Held { error, strict });
    Status::NGX_OK
}

fn access_key(ctx: &Ctx) -> Vec<u8> {
    let key = ctx.upstream.key.borrow();
    key.as_ref().map(|key| key.credential.access_key().to_vec()).unwrap_or_default()
}

/// Whether a header tells of our key.
fn shows_key_in_header(r: Request<'_>, ctx: &Ctx) -> bool {
    let key = access_key(ctx);
    r.response_headers().any(|(name, value)| {
        (origin_error::is_code_header(name) && origin_error::is_about_credential(value))
            || origin_error::names_key(value, &key)
    })
}
