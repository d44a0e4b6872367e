//! Errors in S3's words, in the place of another response.

use nginx::{Level, Request, Status, filter};
use s3::{FaultSource, S3Error};

use crate::S3Signature;
use crate::ctx::Ctx;
use crate::ctx::response::Response;
use crate::request_id::RequestId;

const CONTENT_TYPE: &[u8] = b"application/xml";

/// Says in the log why the origin's header is not sent, and sends ours.
pub(crate) fn send_instead(r: Request<'_>, ctx: &Ctx, code: &[u8]) -> Status {
    log_withheld(r, ctx, code);
    send(r, ctx, &S3Error::origin_refused_credentials())
}

/// Says in the log that an origin has refused the key that we sign with.
pub(crate) fn log_withheld(r: Request<'_>, ctx: &Ctx, code: &[u8]) {
    let origin = ctx.upstream.origin.borrow();
    let name = origin.as_ref().map_or("", |origin| origin.name.as_str());
    let code = code.escape_ascii();
    r.log(
        Level::Error,
        format_args!("s3: origin \"{name}\" refused the key that we sign with: {code}"),
    );
}

/// Whether it is the request that is at fault.
fn is_refusal(error: &S3Error) -> bool {
    matches!(error.fault(), FaultSource::Authentication | FaultSource::Client)
}

/// Sends the header of the error's document, and remembers the document for the body filter.
pub(crate) fn send(r: Request<'_>, ctx: &Ctx, error: &S3Error) -> Status {
    let id = ctx.response.request_id.get_or_init(RequestId::new);
    ctx.response.error_code.set(Some(error.code()));
    ctx.status.is_refused.set(is_refusal(error));
    let mut document = Vec::new();
    error.write_xml(r.target_path(), id.as_str(), id.as_str(), &mut document);

    // nginx closes the connection after some statuses for fear of a body that it did not read.
    let keep_alive = ctx.access.keep_alive.replace(false);
    r.replace_header(error.status(), CONTENT_TYPE, document.len());
    if keep_alive {
        r.set_keep_alive(true);
    }
    if !id.add_to(r) {
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
    // Also for a HEAD: a filter that withholds the header until it has seen a body (image_filter, xslt) would send neither.
    ctx.response.state.replace(Response::Replace(document));
    filter::next_header::<S3Signature>(r)
}
