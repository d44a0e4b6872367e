//! An origin's answers in the client's names: which are changed on their way out, and into what.
//!
//! Decided when the header comes, by the operation that was signed. Such an answer is neither buffered nor kept: it comes as
//! fast as the client takes it, blanks that an origin sends while it works included, and a cached one would be in the words of
//! whichever origin gave it.

mod client_url;

use std::borrow::Cow;
use std::rc::Rc;

use nginx::response_body::{self, Unsent};
use nginx::{Chain, Level, Request, Status, filter};
use s3::answer::{AnswerError, AnswerRewriter, Changes, rewritten};
use s3::{Access, Address, KeyRoot, Operation, S3Error, origin_error};

use self::client_url::{translate_arn, translate_location, url};
use crate::S3Signature;
use crate::conf::location::Verify;
use crate::conf::origin::Origin;
use crate::ctx::response::Response;
use crate::ctx::rewriting::{Names, Rewriting};
use crate::ctx::{self, Ctx};
use crate::error_response;
use crate::virtual_host;

/// The operation of a request that is signed, as far as its answer may have to be changed; none for nearly all.
///
/// `access` is what leaves for `origin`, whose bucket may stand in the host. `is_renamed` says that the client has other names for
/// buckets, keys or the upload that it is about than the origin.
pub(crate) fn operation(
    access: &Access<'_>,
    origin: &Origin,
    bucket_in_host: Option<&[u8]>,
    is_renamed: bool,
) -> Option<Operation> {
    let path = path_style(access.path, origin, bucket_in_host);
    // Objects are read and written without another look, unless an error may name a bucket.
    let is_of_interest = is_renamed
        || Address::of(&path).key.is_empty()
        || (access.method == b"POST" && !access.query.is_empty());
    let is_copy = access.copy_source.is_some();
    is_of_interest.then(|| Operation::of(access.method, &path, access.query, is_copy))
}

/// What a request that leaves for `origin` asks for, and whether its head names nothing but what is below the root.
pub(crate) fn is_below(
    root: &KeyRoot,
    access: &Access<'_>,
    origin: &Origin,
    bucket_in_host: Option<&[u8]>,
) -> (Operation, bool) {
    let path = path_style(access.path, origin, bucket_in_host);
    let access = access.with_path(&path);
    (access.operation(), root.holds(&access))
}

/// The path of a request that leaves for the origin, with the bucket in front and nothing else.
fn path_style<'a>(path: &'a [u8], origin: &Origin, bucket_in_host: Option<&[u8]>) -> Cow<'a, [u8]> {
    let path = path.strip_prefix(origin.addressing.base_path.as_bytes()).unwrap_or(path);
    match bucket_in_host {
        None => Cow::Borrowed(path),
        Some(bucket) => Cow::Owned([b"/", bucket, path].concat()),
    }
}

/// Whether the answer must come as it is, without a Content-Encoding, since its body may have to be changed.
pub(crate) fn wants_identity(
    main: Request<'_>,
    operation: Operation,
    origin: &Origin,
    has_upload: bool,
) -> bool {
    rewritten(operation, 200, changes(main, operation, 200, Some(origin), has_upload))
}

/// Whether the origin has other names for buckets.
pub(crate) fn renames(origin: &Origin) -> bool {
    !origin.addressing.names.is_empty()
}

/// In what the client's words differ from the origin's.
fn changes(
    main: Request<'_>,
    operation: Operation,
    status: u16,
    origin: Option<&Origin>,
    has_upload: bool,
) -> Changes {
    Changes {
        names: origin.is_some_and(renames) || root(main).is_some(),
        region: region(main).is_some(),
        uploads: has_upload,
        hides_buckets: operation == Operation::ListBuckets
            && status < 300
            && ctx::existing(main).is_some_and(|ctx| ctx.response.own_buckets.borrow().is_some()),
    }
}

/// What the client's keys begin with at the origins, if it has a root.
pub(crate) fn root(main: Request<'_>) -> Option<&KeyRoot> {
    ctx::existing(main)?.access.admission.get()?.root.as_ref()
}

/// The region that clients sign for, if one is named to them.
pub(crate) fn region(main: Request<'_>) -> Option<&[u8]> {
    let conf = main.location_conf::<S3Signature>()?;
    let Some(Verify::Clients(clients)) = conf.verify() else { return None };
    clients.policy.regions.first().map(Vec::as_slice)
}

/// Hands the header of an answer on, and sees to it that its body is changed if it has to be.
pub(crate) fn pass_header<'r>(r: Request<'r>, ctx: &Ctx) -> Status {
    // Not the response's own: an `error_page` may have put another in its place.
    let status = r.upstream_status().unwrap_or_else(|| r.status());
    let Some(operation) = answered(r, ctx, status) else {
        return filter::next_header::<S3Signature>(r);
    };
    pass_header_to(r, ctx, status, operation)
}

/// The same for an answer that may have to be changed.
#[inline(never)]
fn pass_header_to(r: Request<'_>, ctx: &Ctx, status: u16, operation: Operation) -> Status {
    if operation == Operation::ListBuckets {
        // What one client may see is nothing for others.
        r.do_not_keep();
    }
    let origin = ctx.upstream.origin.borrow().as_ref().map(Rc::clone);
    // nginx caches the header as the origin sent it, and nobody would know on a hit whose words it is in.
    let root = root(r.main());
    if origin
        .as_ref()
        .is_some_and(|origin| translate_location(r, origin, root) | translate_arn(r, origin))
    {
        r.do_not_keep();
    }
    let upload = ctx.upstream.upload.borrow().as_ref().map(Rc::clone);
    let changes = changes(r.main(), operation, status, origin.as_deref(), upload.is_some());
    if r.is_empty() || !rewritten(operation, status, changes) {
        return filter::next_header::<S3Signature>(r);
    }
    if r.is_header_only() {
        // Where the HEAD went out as GET, for the cache, the body comes all the same, and would be kept.
        r.do_not_keep();
        r.body_will_change();
        return filter::next_header::<S3Signature>(r);
    }
    let encoding = origin_error::content_encoding(r.response_headers());
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity") {
        r.log(
            Level::Error,
            format_args!(
                "s3: the origin's answer is not relayed: it must be changed, and is encoded"
            ),
        );
        let status = if status < 400 { 502 } else { status };
        return error_response::send(r, ctx, &S3Error::for_status(status));
    }
    r.body_will_change();
    r.do_not_buffer();
    let own = changes.hides_buckets.then(|| ctx.response.own_buckets.take()).flatten();
    let host = virtual_host::host(r.main());
    let names = Names {
        origin,
        url: url(r, host),
        host: host.to_vec(),
        region: region(r.main()).map(<[u8]>::to_vec),
        upload,
        root: root.cloned(),
        own,
    };
    let rewriting = Rewriting { rewriter: AnswerRewriter::new(), names };
    ctx.response.state.replace(Response::Rewritten(Box::new(rewriting)));
    filter::next_header::<S3Signature>(r)
}

/// What the answer is to, where it may have to be changed.
fn answered(r: Request<'_>, ctx: &Ctx, status: u16) -> Option<Operation> {
    let has_own_buckets = || r.is_main() && ctx.response.own_buckets.borrow().is_some();
    match ctx.upstream.operation.get() {
        Some(operation) => Some(operation),
        // Not signed anew, or from a cache.
        None if has_own_buckets() => Some(Operation::ListBuckets),
        None if matches!(status, 300..400) && ctx.upstream.origin.borrow().is_some() => {
            Some(Operation::Unknown)
        }
        None => None,
    }
}

/// Why a part of an answer is not sent.
enum CutOff {
    Answer(AnswerError),
    Unsent(Unsent),
}

impl From<Unsent> for CutOff {
    fn from(unsent: Unsent) -> Self {
        CutOff::Unsent(unsent)
    }
}

/// Hands a part of the body on, in the client's names.
pub(crate) fn pass_body<'r>(r: Request<'r>, rewriting: &mut Rewriting, chain: Chain<'r>) -> Status {
    crate::fault::inject(r, "answer");
    let Rewriting { rewriter, names } = rewriting;
    let result = response_body::rewrite::<S3Signature, CutOff>(r, chain, |input, last, out| {
        let result = if last { rewriter.finish(names) } else { rewriter.feed(input, names, out) };
        result.map_err(CutOff::Answer)
    });
    let fault = match result {
        Ok(status) => return status,
        Err(fault) => fault,
    };
    let reason: Cow<'_, str> = match fault {
        CutOff::Answer(error) => error.to_string().into(),
        CutOff::Unsent(Unsent::InFile) => "it lies in a file".into(),
        CutOff::Unsent(Unsent::Memory) => "out of memory".into(),
    };
    r.log(Level::Error, format_args!("s3: the origin's answer is cut off: {reason}"));
    Status::NGX_ERROR
}
