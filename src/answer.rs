//! An origin's answers in the client's names: which are changed on their way out, and into what.
//!
//! Decided when the header comes, by the operation that was signed. Such an answer is neither buffered nor kept: it comes as
//! fast as the client takes it, blanks that an origin sends while it works included, and a cached one would be in the words of
//! whichever origin gave it.

use std::borrow::Cow;

use nginx::response_body::{self, Unsent};
use nginx::{Chain, Level, Request, Status, filter};
use s3::answer::{AnswerError, AnswerRewriter, Changes, rewritten};
use s3::{Address, Operation, S3Error, origin_error};
use sigv4::header;

use crate::S3Signature;
use crate::conf::location::Verify;
use crate::conf::origin::Origin;
use crate::ctx::response::Response;
use crate::ctx::rewriting::{Names, Rewriting};
use crate::ctx::{self, Ctx};
use crate::error_response;

/// The operation of a request that is signed, as far as its answer may have to be changed; none for nearly all.
pub(crate) fn operation(
    method: &[u8],
    path: &[u8],
    query: &[u8],
    operation: impl FnOnce() -> Operation,
) -> Option<Operation> {
    // Objects are read and written without another look.
    let is_of_interest =
        Address::of(path).key.is_empty() || (method == b"POST" && !query.is_empty());
    is_of_interest.then(operation)
}

/// Whether the answer must come as it is, without a Content-Encoding, since its body may have to be changed.
pub(crate) fn wants_identity(main: Request<'_>, operation: Operation) -> bool {
    rewritten(operation, 200, changes(main, operation, 200))
}

/// In what the client's words differ from the origin's.
fn changes(main: Request<'_>, operation: Operation, status: u16) -> Changes {
    Changes {
        names: false,
        region: region(main).is_some(),
        hides_buckets: operation == Operation::ListBuckets
            && status < 300
            && ctx::existing(main).is_some_and(|ctx| ctx.response.own_buckets.borrow().is_some()),
    }
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
    if operation == Operation::ListBuckets {
        // What one client may see is nothing for others.
        r.do_not_keep();
    }
    if let Some(origin) = &*ctx.upstream.origin.borrow() {
        translate_location(r, origin);
    }
    let changes = changes(r.main(), operation, status);
    if r.is_header_only() || r.is_empty() || !rewritten(operation, status, changes) {
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
    let host = host(r);
    let names = Names {
        url: url(r, host),
        host: host.to_vec(),
        region: region(r.main()).map(<[u8]>::to_vec),
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

/// The host that the client named; empty if it named none.
fn host(r: Request<'_>) -> &[u8] {
    let main = r.main();
    main.header(header::HOST.as_bytes()).or(main.authority_without_host()).unwrap_or_default()
}

/// The URL that the client used, as far as nginx knows it, or its path where no host was named.
fn url(r: Request<'_>, host: &[u8]) -> Vec<u8> {
    let target = r.main().target();
    // As the client sent it, whose host may have the bucket.
    let target = target.get(bucket_in_front(r).len()..).unwrap_or_default();
    let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
    [&*url_of_host(r, host), path].concat()
}

/// What stands in front of the client's path, since its host has the bucket: `/BUCKET`, or nothing.
fn bucket_in_front(r: Request<'_>) -> &[u8] {
    let main = r.main();
    let length = ctx::existing(main).map_or(0, |ctx| ctx.access.bucket_in_front.get());
    main.target().get(..length).unwrap_or_default()
}

/// Its scheme and host.
fn url_of_host<'a>(r: Request<'_>, host: &[u8]) -> Cow<'a, [u8]> {
    if host.is_empty() {
        return Cow::Borrowed(b"");
    }
    let scheme: &[u8] = if r.main().is_tls() { b"https://" } else { b"http://" };
    Cow::Owned([scheme, host].concat())
}

/// Puts the client's host in the place of the origin's in `Location`.
fn translate_location(r: Request<'_>, origin: &Origin) {
    let Some((_, value)) =
        r.response_headers().find(|(name, _)| name.eq_ignore_ascii_case(b"location"))
    else {
        return;
    };
    let Some(path) = path_at(value, origin) else { return };
    let without_bucket = path.strip_prefix(bucket_in_front(r));
    let path = without_bucket.filter(|rest| rest.starts_with(b"/")).unwrap_or(path);
    let place = [&*url_of_host(r, host(r)), path].concat();
    if let Some(place) = r.allocate_copy(&place) {
        r.set_response_header(b"location", place);
    }
}

/// The path of a URL at the origin, by whichever of its names.
fn path_at<'a>(url: &'a [u8], origin: &Origin) -> Option<&'a [u8]> {
    let rest = url.strip_prefix(b"http://").or_else(|| url.strip_prefix(b"https://"))?;
    let slash = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(slash)?;
    let is_origin = authority.eq_ignore_ascii_case(origin.endpoint.authority().as_bytes())
        || authority.eq_ignore_ascii_case(origin.endpoint.to_string().as_bytes());
    is_origin.then_some(path)
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
