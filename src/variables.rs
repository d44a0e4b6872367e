//! The variables. None holds a signature, a token or a secret, so all may be logged.

use nginx::variable::{Variable, add};
use nginx::{Conf, ConfError, Request};
use s3::{Access, Address, Operation};
use sigv4::{Mechanism, Target};

use crate::cache;
use crate::caller;
use crate::ctx;
use crate::request_id::RequestId;
use crate::virtual_host::target_in_path_style;
use crate::worker::{self, Worker};

/// Registers all variables, in the order of the reference in README.md.
pub(crate) fn add_all(cf: &mut Conf<'_>) -> Result<(), ConfError> {
    add::<S3AccessKey>(cf)?;
    add::<S3Client>(cf)?;
    add::<S3Bucket>(cf)?;
    add::<S3Key>(cf)?;
    add::<S3Operation>(cf)?;
    add::<S3Auth>(cf)?;
    add::<S3ErrorCode>(cf)?;
    add::<S3RequestId>(cf)?;
    add::<OriginVariable>(cf)?;
    add::<S3OriginHost>(cf)?;
    add::<S3CacheKey>(cf)
}

/// `$s3_access_key`: the access key id that a verified request was signed with.
struct S3AccessKey;

impl Variable for S3AccessKey {
    const NAME: &'static str = "s3_access_key";
    // Nobody is known before the request has come to its location, and `map` may have asked then.
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        caller::access_key(r)
    }
}

/// `$s3_client`: that, or the address of a client that has none. As a key of limits it is never empty, so that none is without one.
struct S3Client;

impl Variable for S3Client {
    const NAME: &'static str = "s3_client";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        Some(caller::access_key(r).unwrap_or_else(|| r.client_address()))
    }
}

/// `$s3_bucket`: the bucket of the request target, percent-encoded.
struct S3Bucket;

impl Variable for S3Bucket {
    const NAME: &'static str = "s3_bucket";
    const CHANGES: bool = false;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        of_target(r, |target| r.allocate_copy(Address::of(target.path()).bucket))
    }
}

/// `$s3_key`: the object key of the request target, percent-encoded.
struct S3Key;

impl Variable for S3Key {
    const NAME: &'static str = "s3_key";
    const CHANGES: bool = false;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        of_target(r, |target| r.allocate_copy(Address::of(target.path()).key))
    }
}

/// `$s3_operation`: the name of the S3 operation that the client asks for. In a subrequest too, whose own method is GET whatever the
/// client's is: `auth_request` decides about the client's.
struct S3Operation;

impl Variable for S3Operation {
    const NAME: &'static str = "s3_operation";
    const CHANGES: bool = false;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        operation(r.main()).map(|operation| operation.name().as_bytes())
    }
}

/// What the client's request asks for, whoever has sent it; none for a target that has no canonical form.
pub(crate) fn operation(r: Request<'_>) -> Option<Operation> {
    of_target(r, |target| {
        let headers = r.headers().chain(target.hoisted());
        Some(Access::new(r.method(), target.path(), target.query(), headers).operation())
    })
}

/// `$s3_auth`: how a verified request was authenticated.
struct S3Auth;

impl Variable for S3Auth {
    const NAME: &'static str = "s3_auth";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        Some(match caller::mechanism(r)? {
            Some(Mechanism::Header) => b"header",
            Some(Mechanism::Presigned) => b"presigned",
            Some(Mechanism::V2Header) => b"v2-header",
            Some(Mechanism::V2Presigned) => b"v2-presigned",
            None => b"none",
        })
    }
}

/// `$s3_error_code`: the code of the error that the proxy itself answered with.
struct S3ErrorCode;

impl Variable for S3ErrorCode {
    const NAME: &'static str = "s3_error_code";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        ctx::existing(r)?.response.error_code.get().map(str::as_bytes)
    }
}

/// `$s3_request_id`: the id in `x-amz-request-id` and `RequestId` of the proxy's own answers.
struct S3RequestId;

impl Variable for S3RequestId {
    const NAME: &'static str = "s3_request_id";
    const CHANGES: bool = false;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let id = ctx::of(r)?.response.request_id.get_or_init(RequestId::new);
        r.allocate_copy(id.as_bytes())
    }
}

/// `$s3_origin`: the name of the `s3_origin` that the request was last signed for.
struct OriginVariable;

impl Variable for OriginVariable {
    const NAME: &'static str = "s3_origin";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let origin = ctx::existing(r)?.upstream.origin.borrow();
        r.allocate_copy(origin.as_ref()?.name.as_bytes())
    }
}

/// `$s3_origin_host`: the name that this origin goes by, its bucket's in front where that stands there, for `proxy_ssl_name`.
struct S3OriginHost;

impl Variable for S3OriginHost {
    const NAME: &'static str = "s3_origin_host";
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let upstream = &ctx::existing(r)?.upstream;
        let origin = upstream.origin.borrow();
        let host = origin.as_ref()?.endpoint.host().as_bytes();
        match upstream.bucket_in_host.borrow().as_deref() {
            None => r.allocate_copy(host),
            Some(bucket) => r.allocate_copy(&[bucket, b".", host].concat()),
        }
    }
}

/// `$s3_cache_key`: the canonical target without authentication, so that every client's request for an object is one; behind its
/// root where the client has one.
struct S3CacheKey;

impl Variable for S3CacheKey {
    const NAME: &'static str = "s3_cache_key";
    // Nobody's root is known before the request has come to its location.
    const CHANGES: bool = true;

    fn value(r: Request<'_>) -> Option<&[u8]> {
        let root = cache::mark(caller::root(r).as_ref());
        of_target(r, |target| {
            let mut key = [&*root, target.path(), b"?", target.query()].concat();
            // Parameters that stand for headers change what the origin answers.
            for (name, value) in target.hoisted() {
                key.extend([b"\n", name, b":", value].concat());
            }
            r.allocate_copy(&key)
        })
    }
}

/// Asks about the canonical target, in path style, without parameters of query authentication; none for a target that has no canonical
/// form.
pub(crate) fn of_target<T>(r: Request<'_>, ask: impl FnOnce(Target<'_>) -> Option<T>) -> Option<T> {
    let in_path_style = target_in_path_style(r);
    let target = in_path_style.as_deref().unwrap_or(r.target());
    worker::with(|Worker { buffers, .. }| ask(sigv4::canonical_target(target, buffers).ok()?))
}
