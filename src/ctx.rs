//! What the module keeps about a request, in the request's pool.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use s3::S3Error;
use sigv4::{Mechanism, Permit};

use crate::conf::clients::Clients;
use crate::conf::origin::Origin;
use crate::error_response::Response;
use crate::ffi::request::Request;
use crate::ffi::stored_body::StoredBody;
use crate::ffi::upstream_end::FinalizeRequest;
use crate::ffi::upstream_output::Output;
use crate::request_body_filter::Body;
use crate::request_id::RequestId;

/// The context. nginx clears it on internal redirects, and with it the admission: such a request is verified again.
///
/// Members have interior mutability because handlers of one request call one another through nginx.
#[derive(Default)]
pub(crate) struct Ctx {
    /// The request's address: its subrequests' contexts are in the same pool.
    owner: Cell<usize>,
    /// Why the request may be signed; none until the access phase has said so.
    pub(crate) admission: OnceCell<Admission>,
    /// The error that this module answers with.
    pub(crate) error: RefCell<Option<S3Error>>,
    /// What checks the request's body; none where nothing is to be checked.
    pub(crate) body: RefCell<Option<Box<Body>>>,
    /// A body that was read before, while it is checked where it lies, and the admission that waits for it.
    pub(crate) stored: RefCell<Option<(StoredBody, Admission)>>,
    /// Whether nginx must know the body's length before the origin gets any of it.
    pub(crate) needs_length: Cell<bool>,
    /// What puts the origin's signatures into the body on its way out.
    pub(crate) output: RefCell<Option<Box<Output>>>,
    /// For a health check: the status of each probe, as they come in.
    pub(crate) probed: RefCell<Vec<Option<u16>>>,
    /// The code of the error that was answered with, for the log.
    pub(crate) error_code: Cell<Option<&'static str>>,
    /// The origin that the request was last signed for.
    pub(crate) origin: RefCell<Option<Rc<Origin>>>,
    /// What happens to the response on its way out.
    pub(crate) response: RefCell<Response>,
    /// The id of our own answers, and of the log line.
    pub(crate) request_id: OnceCell<RequestId>,
    /// The status of the error that sent the request to an `error_page`, the first if there were several; 0 if none did.
    pub(crate) failed_with: Cell<u16>,
    /// Whether nginx wanted to keep the connection when the access phase refused the request.
    pub(crate) keep_alive: Cell<bool>,
    /// The `finalize_request` that `ffi::upstream_end` stands in front of.
    pub(crate) finalize_request: Cell<Option<FinalizeRequest>>,
}

/// A request that was let in.
pub(crate) struct Admission {
    /// The proof that signing needs.
    pub(crate) permit: Permit,
    /// How the client authenticated itself; none where `s3_verify` is off, or for a preflight.
    pub(crate) mechanism: Option<Mechanism>,
    /// The access key id of the client; in configuration memory.
    pub(crate) access_key: Option<&'static [u8]>,
    /// Whose signature was verified; none where nobody's was.
    pub(crate) clients: Option<&'static Clients>,
}

/// The request's context, made when it is first asked for; none when memory is out. After an internal redirect it has the
/// id of the one before, the status of the first error, and nothing else.
pub(crate) fn of(r: &Request) -> Option<&Ctx> {
    if let Some(ctx) = existing(r) {
        return Some(ctx);
    }
    let earlier = earlier(r).next();
    let ctx = r.context::<Ctx>(crate::module())?;
    ctx.owner.set(r.as_ptr().addr());
    if let Some(earlier) = earlier {
        ctx.failed_with.set(earlier.failed_with.get());
        if let Some(id) = earlier.request_id.get() {
            ctx.request_id.get_or_init(|| *id);
        }
    }
    Some(ctx)
}

/// The contexts that the request had before internal redirects, the latest first. What they admitted does not count.
pub(crate) fn earlier(r: &Request) -> impl Iterator<Item = &Ctx> {
    let owner = r.as_ptr().addr();
    let current = existing(r);
    let is_earlier = move |ctx: &&Ctx| {
        ctx.owner.get() == owner && !current.is_some_and(|current| std::ptr::eq(current, *ctx))
    };
    // Only a redirected request can have had one.
    r.is_internal().then(|| r.contexts::<Ctx>()).into_iter().flatten().filter(is_earlier)
}

/// The request's context if it has one.
pub(crate) fn existing(r: &Request) -> Option<&Ctx> {
    r.existing_context::<Ctx>(crate::module())
}
