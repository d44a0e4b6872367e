//! Who calls, for those who ask before the access phase has decided: `limit_req` and `limit_conn` are in the phase before it, and a
//! limit by a client's key needs the key there.
//!
//! Where one of them asks, the request is verified then, and the access phase takes over what came of it. Where nobody does, the
//! access phase is the first to verify, so that a limit by address costs a stranger's request no verification.

use nginx::Request;
use s3::KeyRoot;
use sigv4::Mechanism;

use crate::S3Signature;
use crate::access;
use crate::conf::location::Verify;
use crate::ctx;
use crate::ctx::access::{Admission, EarlyOutcome};

/// The access key id that the request was verified for; none where it was not, or nobody's signature was looked for.
pub(crate) fn access_key(r: Request<'_>) -> Option<&[u8]> {
    match admitted(r) {
        Some(admission) => admission.access_key.as_deref(),
        None => verified_early(r, |admission| r.allocate_copy(admission.access_key.as_deref()?)),
    }
}

/// How the request was authenticated; `Some(None)` for one that was let in without.
pub(crate) fn mechanism(r: Request<'_>) -> Option<Option<Mechanism>> {
    match admitted(r) {
        Some(admission) => Some(admission.mechanism),
        None => verified_early(r, |admission| Some(admission.mechanism)),
    }
}

/// What the keys of the client begin with at the origins; none where nobody was verified, or it has no root.
pub(crate) fn root(r: Request<'_>) -> Option<KeyRoot> {
    match admitted(r) {
        Some(admission) => admission.root.clone(),
        None => verified_early(r, |admission| admission.root.clone()),
    }
}

/// The admission of the client's request, once the access phase has given it one.
fn admitted(r: Request<'_>) -> Option<&Admission> {
    ctx::existing(r.main())?.access.admission.get()
}

/// Asks about the admission that the client's request is going to have.
fn verified_early<T>(r: Request<'_>, ask: impl FnOnce(&Admission) -> Option<T>) -> Option<T> {
    let r = r.main();
    verify_early(r);
    let early = ctx::existing(r)?.access.early.borrow();
    ask(&early.as_ref()?.outcome.as_ref().ok()?.admission)
}

/// Verifies the request where the access phase is still to come, and nobody has done so.
fn verify_early(r: Request<'_>) {
    if !r.awaits_access() {
        return;
    }
    let Some(conf) = r.location_conf::<S3Signature>() else { return };
    let Some(Verify::Clients(clients)) = conf.verify() else { return };
    if conf.health().is_some() || access::is_stray_error_page(r, conf) {
        return;
    }
    let Some(ctx) = ctx::of(r) else { return };
    if ctx.access.is_decided.get() || ctx.access.early.borrow().is_some() {
        return;
    }
    let outcome = access::verify(r, ctx, conf, clients);
    ctx.access.early.replace(Some(Box::new(EarlyOutcome::new(r, conf, outcome))));
}
