//! Whether a client whose signature was verified may do what it asks for.

use nginx::{Level, Request};
use s3::{Access, Authorized, ClientAddress, DeleteCheck, Denied, Grants, S3Error};
use sigv4::{Credential, RequestParts, Verified};

use crate::conf::clients::Clients;
use crate::ctx::Ctx;
use crate::ctx::access::AccessKeyId;
use crate::ctx::rewriting::OwnBuckets;
use crate::status;
use crate::virtual_host;

/// What an operation that is authorized in part needs.
#[derive(Default)]
pub(super) struct AuthorizedParts {
    /// What has to see the body before all of it is known.
    pub(super) delete_check: Option<Box<DeleteCheck>>,
    /// The buckets that alone the answer may show.
    pub(super) own_buckets: Option<Box<OwnBuckets>>,
    /// The document that lists them, where no origin needs to be asked.
    pub(super) bucket_list: Option<Vec<u8>>,
}

/// Checks that the client may do what it asks for.
pub(super) fn authorize(
    r: Request<'_>,
    ctx: &Ctx,
    clients: &Clients,
    request: &RequestParts<'_>,
    verified: &Verified<'_, '_, Grants>,
) -> Result<AuthorizedParts, S3Error> {
    let (credential, target) = (verified.credential(), verified.target());
    let in_path_style = virtual_host::path_with_bucket(r, clients, target.path())?;
    let headers = request.headers.iter().map(|header| (header.name, header.value));
    let headers = headers.chain(target.hoisted());
    let path = in_path_style.as_deref().unwrap_or(target.path());
    let client = client_address(r);
    let access = Access::new(request.method, path, target.query(), headers).from_client(client);
    let grants = credential.grants();
    status::note_verified(r, ctx, credential.access_key(), &access);
    let authorized = s3::authorize(grants, clients.admin_api, &access)
        .map_err(|denied| not_granted(r, ctx, credential.access_key(), denied))?;
    if r.method() != request.method {
        authorize_redirected(r, ctx, clients, credential, access.with_method(r.method()))?;
    }
    status::note_granted(r, ctx, &access);
    match authorized {
        Authorized::Whole => Ok(AuthorizedParts::default()),
        Authorized::EachKey => {
            let headers = request.headers.iter().map(|header| (header.name, header.value));
            let check = DeleteCheck::new(grants, &access).with_headers(headers);
            let delete_check = Some(Box::new(check));
            Ok(AuthorizedParts { delete_check, ..AuthorizedParts::default() })
        }
        Authorized::OwnBuckets => own_buckets(clients, verified, client),
    }
}

/// Checks what nginx has made of the client's request, too: `error_page` and the like go on with GET, and whoever may not read gets
/// nothing to read by a failure either.
#[cold]
#[inline(never)]
fn authorize_redirected(
    r: Request<'_>,
    ctx: &Ctx,
    clients: &Clients,
    credential: &Credential<Grants>,
    access: Access<'_>,
) -> Result<(), S3Error> {
    match s3::authorize(credential.grants(), clients.admin_api, &access) {
        Ok(Authorized::Whole) => Ok(()),
        Ok(Authorized::EachKey | Authorized::OwnBuckets) => Err(S3Error::access_denied()),
        Err(denied) => Err(not_granted(r, ctx, credential.access_key(), denied)),
    }
}

/// A list of buckets for a client that may know of some.
#[cold]
#[inline(never)]
fn own_buckets(
    clients: &Clients,
    verified: &Verified<'_, '_, Grants>,
    client: Option<ClientAddress>,
) -> Result<AuthorizedParts, S3Error> {
    let (credential, target) = (verified.credential(), verified.target());
    let grants = credential.grants();
    let mut parts = AuthorizedParts::default();
    match grants.own_buckets(client) {
        Some(buckets) => {
            let region = clients.policy.regions.first().map(Vec::as_slice);
            let owner = credential.access_key();
            let document = s3::own_bucket_list(&buckets, target.query(), owner, region)?;
            parts.bucket_list = Some(document);
        }
        None => parts.own_buckets = Some(Box::new(OwnBuckets { grants: grants.clone(), client })),
    }
    Ok(parts)
}

/// What a client gets that may not do this; the error log has the reason.
#[cold]
#[inline(never)]
fn not_granted(r: Request<'_>, ctx: &Ctx, key: &[u8], denied: Denied) -> S3Error {
    let client = key.escape_ascii();
    r.log(Level::Error, format_args!("s3: \"{client}\" is not granted this: {denied}"));
    ctx.status.cause.set(Some(status::NOT_GRANTED));
    ctx.access.refused_key.replace(Some(AccessKeyId::from_slice(key)));
    ctx.response.refusal.replace(Some(denied.to_string()));
    S3Error::from(denied)
}

/// Where the client calls from, for grants that are for some networks.
fn client_address(r: Request<'_>) -> Option<ClientAddress> {
    let ip = r.client_ip().map(ClientAddress::Ip);
    ip.or_else(|| r.is_from_unix_socket().then_some(ClientAddress::Unix))
}
