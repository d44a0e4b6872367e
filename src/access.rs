//! The access phase: lets in who is verified, and answers everybody else with S3's error.

mod authorize;
mod preflight;

use std::rc::Rc;

use ::status::Timing;
use nginx::phase::{Phase, PhaseHandler, Verdict};
use nginx::{Level, Request, stored_body as stored};
use s3::{ErrorCode, KeyRoot, S3Error};
use sigv4::{Permit, RequestParts, header};

use self::authorize::{AuthorizedParts, authorize};
use self::preflight::{preflight, signed_preflight};
use crate::S3Signature;
use crate::bucket_list;
use crate::conf::clients::Clients;
use crate::conf::location::{LocationConf, Verify};
use crate::ctx::access::{AccessKeyId, Admission, Entrant};
use crate::ctx::body::{Body, Upload};
use crate::ctx::{self, Ctx};
use crate::log;
use crate::mismatch;
use crate::request_body;
use crate::status;
use crate::stored_body;
use crate::virtual_host;
use crate::worker::{self, HeaderLines, Worker};

/// The access phase's handler: decides about the client's request. nginx does not run this phase for subrequests; the
/// admission of the request that they serve counts, where [`subrequest`](crate::subrequest) lets them.
pub(crate) struct AccessPhase;

impl PhaseHandler for AccessPhase {
    const PHASE: Phase = Phase::Access;

    fn handle(r: Request<'_>) -> Verdict<'_> {
        handler(r)
    }
}

fn handler(r: Request<'_>) -> Verdict<'_> {
    let Some(conf) = r.location_conf::<S3Signature>() else {
        return Verdict::Refused(500);
    };
    if let Some(health) = conf.health() {
        return crate::health::handler(r, health);
    }
    // Who may see it, nginx's own directives say.
    if conf.status().is_some() {
        return Verdict::Declined;
    }
    if !conf.is_active() {
        return Verdict::Declined;
    }
    let Some(ctx) = ctx::of(r) else { return Verdict::Refused(500) };
    if stored::is_begun::<S3Signature>(r) {
        return check_stored(r, ctx);
    }
    crate::fault::inject(r, "access");
    if is_stray_error_page(r, conf) {
        return Verdict::Refused(r.error_status());
    }
    ctx.access.is_decided.set(true);
    ctx.status.is_counted.set(true);
    let outcome = match conf.verify() {
        Some(Verify::Clients(clients)) => match ctx.access.take_early(r, conf) {
            Some(outcome) => outcome,
            None => verify(r, ctx, conf, clients),
        },
        Some(Verify::Off) => request_body::of_unverified(r, conf).map(|body| {
            let root = earlier_root(r);
            let admission = Admission { root, ..Admission::unauthenticated(Permit::verify_off()) };
            entrant(r, conf, admission, body)
        }),
        // Configuration time has seen to it where it could; here the request is refused when it is to be signed.
        Some(Verify::Named(..)) | None => return Verdict::Declined,
    };
    match outcome {
        Ok(entrant) => enter(r, ctx, conf, entrant),
        Err(error) => refuse(r, ctx, error),
    }
}

/// The root of the client that a location before this one let in. What it admitted does not count any more (`error_page`,
/// `X-Accel-Redirect`), but whoever comes from there with a root gets nothing here that is not below it.
fn earlier_root(r: Request<'_>) -> Option<KeyRoot> {
    ctx::earlier(r).find_map(|ctx| ctx.access.admission.get()?.root.clone())
}

/// An error page at a URI that is proxied, by an oversight (`error_page 502 /50x.html;` without a location for it): the client
/// has not asked for that object, and what it signed is another target.
pub(crate) fn is_stray_error_page(r: Request<'_>, conf: &LocationConf) -> bool {
    matches!(conf.verify(), Some(Verify::Clients(_)))
        && conf.resign().is_some()
        && r.is_for_error_uri()
}

/// A request that may come in, with what has to be known of its body besides the check.
fn entrant(
    r: Request<'_>,
    conf: &LocationConf,
    admission: Admission,
    body: Option<Box<Body>>,
) -> Entrant {
    let chunked = body.as_deref().is_some_and(|body| body.chunked);
    let undeclared = request_body::undeclared(r, conf, chunked);
    let needs_length = request_body::needs_length(r, body.as_deref());
    Entrant { body, needs_length, undeclared, ..Entrant::without_body(admission) }
}

/// Leaves for the request body filter what it has to do, and lets the request in, once a body that was read before is proven.
fn enter<'r>(r: Request<'r>, ctx: &Ctx, conf: &LocationConf, entrant: Entrant) -> Verdict<'r> {
    let clients = match conf.verify() {
        Some(Verify::Clients(clients)) => Some(&**clients),
        _ => None,
    };
    if let Err(error) = virtual_host::settle(r, ctx, clients) {
        return refuse(r, ctx, error);
    }
    let Entrant { admission, body, needs_length, undeclared, own_buckets, bucket_list } = entrant;
    ctx.response.own_buckets.replace(own_buckets);
    if let Some(document) = bucket_list {
        bucket_list::answer(r, ctx, document);
    }
    let is_checked = body.is_some();
    ctx.body.undeclared.set(undeclared);
    ctx.body.needs_length.set(needs_length);
    ctx.body.check.replace(body);
    if is_checked && status::is_on(r) {
        ctx.body.upload.set(Some(Upload::begin()));
    }
    if !(is_checked && request_body::is_stored(r)) {
        return admit(ctx, admission);
    }
    if !stored::begin::<S3Signature>(r) {
        return Verdict::Refused(500);
    }
    ctx.access.waiting.replace(Some(admission));
    check_stored(r, ctx)
}

fn admit<'r>(ctx: &Ctx, admission: Admission) -> Verdict<'r> {
    let verified = admission.mechanism.is_some();
    // An internal redirect clears the context, so nothing can have been admitted before.
    let _ = ctx.access.admission.set(admission);
    if verified { Verdict::Granted } else { Verdict::Declined }
}

/// Lets a request in when its body, which was read before, is proven: whatever `satisfy` says, not before.
#[inline(never)]
fn check_stored<'r>(r: Request<'r>, ctx: &Ctx) -> Verdict<'r> {
    let result = match ctx.body.check.borrow_mut().as_deref_mut() {
        Some(body) => stored_body::go_on(r, body),
        None => Err(S3Error::internal_error()),
    };
    match (result, ctx.access.waiting.take()) {
        (Ok(true), Some(admission)) => admit(ctx, admission),
        (Ok(false), Some(admission)) => {
            ctx.access.waiting.replace(Some(admission));
            Verdict::Yield
        }
        (Ok(_), None) => Verdict::Refused(500),
        (Err(error), _) => refuse(r, ctx, error),
    }
}

/// Verifies the signature and the client's grants.
pub(crate) fn verify(
    r: Request<'_>,
    ctx: &Ctx,
    conf: &LocationConf,
    clients: &Rc<Clients>,
) -> Result<Entrant, S3Error> {
    status::timed(r, Timing::Verify, || verify_now(r, ctx, conf, clients))
}

fn verify_now(
    r: Request<'_>,
    ctx: &Ctx,
    conf: &LocationConf,
    clients: &Rc<Clients>,
) -> Result<Entrant, S3Error> {
    if r.method() == b"OPTIONS" {
        if let Some(entrant) = preflight(r, ctx, conf, clients)? {
            return Ok(entrant);
        }
    }
    let now = worker::now(r).ok_or_else(S3Error::internal_error)?;
    check_authority(r)?;
    let mut headers = HeaderLines::new();
    worker::header_lines(r, &mut headers);
    let target = virtual_host::client_target(r, ctx);
    let request = RequestParts { method: r.client_method(), target, headers: &headers };
    // As it is now, whatever is read meanwhile.
    let keyring = clients.keyring.current();
    worker::with(|Worker { buffers, .. }| {
        match sigv4::verify(&request, &keyring, &clients.policy, now, buffers) {
            Ok(verified) => {
                let authorized = authorize(r, ctx, clients, &request, &verified)?;
                let AuthorizedParts { delete_check, own_buckets, bucket_list } = authorized;
                let root = verified.credential().grants().root();
                if root.is_some() {
                    must_be_signed(r, conf)?;
                }
                let admission = |permit| Admission {
                    permit,
                    mechanism: Some(verified.mechanism()),
                    access_key: Some(AccessKeyId::from_slice(verified.credential().access_key())),
                    clients: Some(Rc::clone(clients)),
                    root: root.cloned(),
                };
                if r.method() == b"OPTIONS" {
                    let admission = admission(signed_preflight(r, conf)?);
                    return Ok(Entrant::without_body(admission));
                }
                let body = request_body::of_verified(r, conf, &verified, delete_check)?;
                let entrant = entrant(r, conf, admission(verified.permit()), body);
                Ok(Entrant { own_buckets, bucket_list, ..entrant })
            }
            Err(error) => {
                let cause =
                    mismatch::cause(&error, &request, &keyring, clients, conf, now, buffers);
                Err(not_verified(r, ctx, &error, cause))
            }
        }
    })
}

/// What a client gets whose signature or request is not as it must be; the error log has the reason.
#[cold]
#[inline(never)]
fn not_verified(r: Request<'_>, ctx: &Ctx, error: &sigv4::Error, cause: Option<String>) -> S3Error {
    let answer = S3Error::from_sigv4(error);
    ctx.status.cause.set(status::cause(error));
    let (colon, cause) = cause.as_ref().map_or(("", ""), |cause| (": ", cause));
    let refusal = format!("{error}{colon}{cause}");
    r.log(log::level(&answer), format_args!("s3: refused: {refusal}"));
    ctx.response.refusal.replace(Some(refusal));
    answer
}

/// A target in absolute form must name the host that the Host header names: one of them is signed, the other may route.
fn check_authority(r: Request<'_>) -> Result<(), S3Error> {
    match r.target_authority() {
        Some(authority)
            if !r
                .header(header::HOST.as_bytes())
                .is_some_and(|host| host.eq_ignore_ascii_case(authority)) =>
        {
            Err(S3Error::new(ErrorCode::InvalidRequest)
                .with_message("The host of the request target differs from the Host header."))
        }
        _ => Ok(()),
    }
}

/// The root of a client is put in front of its keys where they are signed. Where they are not, whatever answers would take them
/// for everybody's.
fn must_be_signed(r: Request<'_>, conf: &LocationConf) -> Result<(), S3Error> {
    match conf.resign() {
        Some(_) => Ok(()),
        None => Err(not_signed(r)),
    }
}

#[cold]
#[inline(never)]
fn not_signed(r: Request<'_>) -> S3Error {
    r.log(
        Level::Error,
        format_args!("s3: refused: a client with a \"root\", where no \"s3_resign\" is in force"),
    );
    S3Error::access_denied()
}

/// Ends the request. The answer itself is made by `error_response`, so that `satisfy` and `error_page` keep working.
#[cold]
#[inline(never)]
fn refuse<'r>(r: Request<'r>, ctx: &Ctx, error: S3Error) -> Verdict<'r> {
    // Whoever has another way in (a password for `auth_basic`, say) has no S3 authentication, which S3 answers with 400.
    let status = match r.satisfies_any() && error.is_about_authentication() {
        true => 403,
        false => error.status(),
    };
    ctx.access.keep_alive.set(may_keep_alive(r));
    // A client that waits for "100 Continue" does not send its body after a refusal, and may send its next request instead.
    // nginx, which discards as many bytes as were declared, would take that for the body.
    if r.expects_continue() {
        r.set_keep_alive(false);
    }
    ctx.response.error.replace(Some(error));
    Verdict::Refused(status)
}

/// Whether the connection can serve another request after an answer that did not wait for the body. nginx closes it after
/// each 400; that need not be where there is no body that could be taken for the next request.
fn may_keep_alive(r: Request<'_>) -> bool {
    r.keeps_alive() && r.content_length().unwrap_or(0) == 0 && !r.is_chunked()
}
