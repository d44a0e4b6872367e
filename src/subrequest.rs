//! The rewrite phase of locations: of subrequests, and of those on their way to an `error_page`.

use std::rc::Rc;

use nginx::phase::{Phase, PhaseHandler, Verdict};
use nginx::request::note_error_page;
use nginx::{Level, Request};
use s3::S3Error;

use crate::conf::location::{LocationConf, Verify};
use crate::{S3Signature, ctx};

/// Decides about a subrequest (auth_request, mirror, SSI, slice) when its location is known, for its own access phase never
/// comes. The rewrite phase is the first of those that it passes in its location: before a `return` there.
pub(crate) struct RewritePhase;

impl PhaseHandler for RewritePhase {
    const PHASE: Phase = Phase::Rewrite;

    fn handle(r: Request<'_>) -> Verdict<'_> {
        note_error_page::<S3Signature>(r);
        subrequest(r)
    }
}

/// The main request's admission counts where that was verified against the same clients. Elsewhere its location's
/// `s3_verify` would mean nothing, so it is refused.
fn subrequest(r: Request<'_>) -> Verdict<'_> {
    if r.is_main() {
        return Verdict::Declined;
    }
    let conf = r.location_conf::<S3Signature>();
    let Some(Verify::Clients(clients)) = conf.and_then(LocationConf::verify) else {
        return Verdict::Declined;
    };
    let main = r.main();
    let admission = ctx::existing(main).and_then(|ctx| ctx.access.admission.get());
    let verified_by = admission.and_then(|admission| admission.clients.as_ref());
    if verified_by.is_some_and(|by| Rc::ptr_eq(by, clients)) {
        return Verdict::Declined;
    }
    let name = &clients.name;
    r.log(
        Level::Error,
        format_args!(
            "s3: a subrequest is refused: \"s3_verify {name}\" is in force in its location, and not where the request came in"
        ),
    );
    if let Some(ctx) = ctx::of(r) {
        ctx.response.error.replace(Some(S3Error::access_denied()));
    }
    Verdict::Refused(403)
}
