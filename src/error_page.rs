//! The rewrite phases: requests that set out for an `error_page`.

use nginx::Request;
use nginx::request::ErrorPage;

use crate::{S3Signature, ctx};

impl ErrorPage for S3Signature {
    /// Notes the first error of the request, which is what the answer is about if the page fails in turn.
    fn sets_out(r: Request<'_>) {
        let server = r.server_conf::<S3Signature>();
        if !server.is_some_and(|server| server.is_active) {
            return;
        }
        if let Some(ctx) = ctx::of(r).filter(|ctx| ctx.response.failed_with.get() == 0) {
            ctx.response.failed_with.set(r.error_status());
        }
    }
}
