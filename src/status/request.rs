//! The log phase: a client's request is counted, once, when it has ended.

use nginx::Request;
use nginx::phase::{Phase, PhaseHandler, Verdict};
use status::{Counted, ErrorSource, Timing};

use crate::S3Signature;
use crate::ctx::{self, Ctx};
use crate::status::counters::counted;
use crate::variables;

/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

/// What stands for an error of an origin's that has no code: an answer to HEAD, or one that is no document of S3's.
const NO_CODE: &str = "none";

/// See the [module](self).
pub(crate) struct StatusLog;

impl PhaseHandler for StatusLog {
    const PHASE: Phase = Phase::Log;

    fn handle(r: Request<'_>) -> Verdict<'_> {
        let ctx = ctx::existing(r).or_else(|| ctx::earlier(r).next());
        if let Some(ctx) = ctx.filter(|ctx| is_counted(r, ctx)) {
            counted(r).into_iter().for_each(|counted| count(r, ctx, &counted));
        }
        Verdict::Declined
    }
}

/// Whether it is a client's request for S3: one that the access phase has decided about, or that was answered in S3's words before
/// it came there.
fn is_counted(r: Request<'_>, ctx: &Ctx) -> bool {
    let conf = r.location_conf::<S3Signature>();
    r.is_main()
        && (ctx.status.is_counted.get() || ctx.response.error_code.get().is_some())
        && conf.is_none_or(|conf| conf.health().is_none() && conf.status().is_none())
}

/// Whether an origin has answered with an error; a client that has left (499) got none.
fn is_origins_error(r: Request<'_>, ctx: &Ctx) -> bool {
    ctx.upstream.origin.borrow().is_some() && r.upstream_status().is_some_and(|it| it >= 400)
}

fn count(r: Request<'_>, ctx: &Ctx, counted: &Counted<'_>) {
    let (status, received, sent) = (r.final_status(), r.received_bytes(), r.sent_bytes());
    let error_code = ctx.response.error_code.get();
    let client = ctx.status.client.borrow();
    let operation = ctx.status.operation.get().or_else(|| {
        // Nobody has looked at what it asks for; what was refused may ask for anything.
        let is_admitted = ctx.access.admission.get().is_some() && error_code.is_none();
        if is_admitted { variables::operation(r) } else { None }
    });
    counted.request(&client, operation, status, received, sent);
    let bucket = ctx.status.bucket.borrow();
    if !bucket.is_empty() {
        counted.bucket(&bucket, received, sent);
    }
    match error_code {
        Some(code) => {
            counted.error(code, ErrorSource::Proxy);
            if ctx.status.is_refused.get() {
                counted.refusal(ctx.status.cause.get().unwrap_or(code));
            }
        }
        None if status >= 400 && is_origins_error(r, ctx) => {
            let code = ctx.status.origin_code.get().unwrap_or(NO_CODE);
            counted.error(code, ErrorSource::Origin);
        }
        None => {}
    }
    counted.time(Timing::Request, r.age().saturating_mul(MILLISECOND));
    if let Some(time) = r.upstream_header_time() {
        counted.time(Timing::FirstByte, time.saturating_mul(MILLISECOND));
    }
}
