//! Requests in virtual-host style, whose bucket is the first part of the Host header.
//!
//! Once such a request is let in, its bucket moves into the path, so that it goes on like any in path style: what nginx caches
//! and stores by, subrequests and logs all see the bucket, and what an origin gets is written in the style that is the
//! origin's. What the client has signed is the target as it came, which a second verification, after an internal redirect,
//! asks for again.

use nginx::Request;
use s3::{BucketName, ErrorCode, S3Error, bucket_in_host};
use sigv4::{Policy, header};

use crate::S3Signature;
use crate::conf::clients::Clients;
use crate::conf::location::{LocationConf, Verify};
use crate::ctx::{self, Ctx};

/// The bucket that the Host header names, where these clients may name one there.
///
/// # Errors
///
/// What stands there cannot be a bucket.
pub(crate) fn bucket(r: Request<'_>, clients: &Clients) -> Result<Option<BucketName>, S3Error> {
    let policy = &clients.policy;
    if policy.domains.is_empty() {
        return Ok(None);
    }
    let Some(front) = policy.virtual_bucket(host(r)) else { return Ok(None) };
    let invalid = || S3Error::new(ErrorCode::InvalidBucketName).with_member("BucketName", front);
    bucket_in_host(front).map(Some).ok_or_else(invalid)
}

/// The path of a request in path style, where its bucket stands in the Host header; none of another request.
///
/// # Errors
///
/// As [`bucket`].
pub(crate) fn path_with_bucket(
    r: Request<'_>,
    clients: &Clients,
    path: &[u8],
) -> Result<Option<Vec<u8>>, S3Error> {
    if clients.policy.domains.is_empty() {
        return Ok(None);
    }
    Ok(bucket(r, clients)?.map(|bucket| [b"/", bucket.as_slice(), path].concat()))
}

/// Checks the Host of a request that nobody has signed.
///
/// # Errors
///
/// It is in no domain of those that these clients have.
pub(crate) fn check_host(r: Request<'_>, policy: &Policy) -> Result<(), S3Error> {
    if policy.domains.is_empty() {
        return Ok(());
    }
    policy.check_host(host(r)).map_err(|error| S3Error::from_sigv4(&sigv4::Error::Header(error)))
}

/// The target as the client sent it.
pub(crate) fn client_target<'r>(r: Request<'r>, ctx: &Ctx) -> &'r [u8] {
    r.target().get(ctx.access.bucket_in_front.get()..).unwrap_or_default()
}

/// What stands in front of it, since its host has the bucket: `/BUCKET`, or nothing.
pub(crate) fn bucket_in_front<'r>(r: Request<'r>, ctx: &Ctx) -> &'r [u8] {
    r.target().get(..ctx.access.bucket_in_front.get()).unwrap_or_default()
}

/// Moves the bucket, if the Host header names one, to the front of the path of a request that was verified and authorized.
/// `clients` are those that it was verified for; none where nobody's signature was looked for.
///
/// # Errors
///
/// Memory is out; or the request was let in before, by other clients to whom its bucket is another.
pub(crate) fn settle(r: Request<'_>, ctx: &Ctx, clients: Option<&Clients>) -> Result<(), S3Error> {
    let may_name = clients.filter(|clients| !clients.policy.domains.is_empty());
    let front = bucket_in_front(r, ctx).strip_prefix(b"/");
    if may_name.is_none() && front.is_none() {
        return Ok(());
    }
    let bucket = match may_name {
        Some(clients) => bucket(r, clients)?,
        None => None,
    };
    if front.is_some() {
        return if front == bucket.as_deref() { Ok(()) } else { Err(S3Error::access_denied()) };
    }
    let Some(bucket) = bucket else { return Ok(()) };
    if !r.prepend_segment::<S3Signature>(&bucket) {
        return Err(S3Error::internal_error());
    }
    ctx.access.bucket_in_front.set(bucket.len() + 1);
    Ok(())
}

/// The target of the client's request in path style, whether it was let in already or not. None where it is that as it came.
///
/// Before nginx has found a location, whose clients may be of any `s3_clients`, any domain counts.
pub(crate) fn target_in_path_style(r: Request<'_>) -> Option<Vec<u8>> {
    let r = r.main();
    let clients = &r.main_conf::<S3Signature>()?.clients;
    if clients.iter().all(|clients| clients.policy.domains.is_empty()) {
        return None;
    }
    let ctx = ctx::existing(r).or_else(|| ctx::earlier(r).next());
    if ctx.is_some_and(|ctx| ctx.access.bucket_in_front.get() > 0) {
        return None;
    }
    let found = match r.location_conf::<S3Signature>().and_then(LocationConf::verify) {
        Some(Verify::Clients(clients)) => bucket(r, clients).ok()?,
        Some(Verify::Off) => None,
        Some(Verify::Named(..)) | None => {
            clients.iter().find_map(|clients| bucket(r, clients).ok()?)
        }
    };
    Some([b"/", found?.as_slice(), r.target()].concat())
}

/// The host that the client named: the Host header, or `:authority`; empty if it named none.
pub(crate) fn host(r: Request<'_>) -> &[u8] {
    let host = r.header(header::HOST.as_bytes()).or_else(|| r.authority_without_host());
    host.unwrap_or_default()
}
