//! CORS preflights, which browsers send without credentials.

use nginx::{Level, Request};
use s3::{ErrorCode, S3Error};
use sigv4::{Permit, header};

use crate::conf::clients::Clients;
use crate::conf::location::LocationConf;
use crate::ctx::Ctx;
use crate::ctx::access::{Admission, Entrant};
use crate::virtual_host;
use crate::worker::{self, Worker};

/// Lets a preflight in that nobody has signed; none where it is no such one, or is not to pass.
///
/// Browsers ask without credentials before they send a request of another origin (C7), and ask at the very URL that they
/// are going to use, which may be presigned for another method. Nothing of it is signed for the origin.
#[cold]
#[inline(never)]
pub(super) fn preflight(
    r: Request<'_>,
    ctx: &Ctx,
    conf: &LocationConf,
    clients: &Clients,
) -> Result<Option<Entrant>, S3Error> {
    if !conf.passes_preflight() || r.header(header::AUTHORIZATION.as_bytes()).is_some() {
        return Ok(None);
    }
    let may_be_preflight = worker::with(|Worker { buffers, .. }| {
        sigv4::may_be_preflight(virtual_host::client_target(r, ctx), buffers)
    });
    if !may_be_preflight.map_err(|error| S3Error::from_sigv4(&error))? {
        return Ok(None);
    }
    virtual_host::check_host(r, &clients.policy)?;
    preflight_has_no_body(r)?;
    let admission = Admission::unauthenticated(Permit::preflight());
    Ok(Some(Entrant::without_body(admission)))
}

/// A preflight that was signed is a preflight: it asks for nothing that needs a right, no grant speaks of it, and it leaves
/// unsigned, or not at all. It has no body, which nobody would check.
#[cold]
#[inline(never)]
pub(super) fn signed_preflight(r: Request<'_>, conf: &LocationConf) -> Result<Permit, S3Error> {
    preflight_has_no_body(r)?;
    if !conf.passes_preflight() {
        r.log(
            Level::Error,
            format_args!("s3: refused: a signed preflight, and \"s3_cors_preflight\" is off"),
        );
        return Err(S3Error::access_denied());
    }
    Ok(Permit::preflight())
}

/// A body would be passed on, or stored, for anybody who asks.
#[cold]
fn preflight_has_no_body(r: Request<'_>) -> Result<(), S3Error> {
    if r.is_chunked() || r.content_length().unwrap_or(0) > 0 {
        return Err(
            S3Error::new(ErrorCode::InvalidRequest).with_message("A CORS preflight has no body.")
        );
    }
    Ok(())
}
