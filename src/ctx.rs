//! What the module keeps about a request, in the request's pool.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use nginx::Request;
use s3::S3Error;
use sigv4::{Mechanism, Permit};
use smallvec::SmallVec;

use crate::S3Signature;
use crate::conf::clients::Clients;
use crate::conf::origin::Origin;
use crate::error_response::Response;
use crate::request_body_filter::Body;
use crate::request_id::RequestId;

/// The context. nginx clears it on internal redirects, and with it the admission: such a request is verified again.
///
/// Members have interior mutability because handlers of one request call one another through nginx.
#[derive(Default)]
pub(crate) struct Ctx {
    /// Why the request may be signed; none until the access phase has said so.
    pub(crate) admission: OnceCell<Admission>,
    /// The error that this module answers with.
    pub(crate) error: RefCell<Option<S3Error>>,
    /// What checks the request's body; none where nothing is to be checked.
    pub(crate) body: RefCell<Option<Box<Body>>>,
    /// Whether nginx must know the body's length before the origin gets any of it.
    pub(crate) needs_length: Cell<bool>,
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
}

/// An access key id; those that are in use have 16 to 20 bytes and need no memory of their own.
pub(crate) type AccessKey = SmallVec<[u8; 32]>;

/// A request that was let in.
pub(crate) struct Admission {
    /// The proof that signing needs.
    pub(crate) permit: Permit,
    /// How the client authenticated itself; none where `s3_verify` is off, or for a preflight.
    pub(crate) mechanism: Option<Mechanism>,
    /// The access key id of the client.
    pub(crate) access_key: Option<AccessKey>,
    /// Whose signature was verified; none where nobody's was.
    pub(crate) clients: Option<Rc<Clients>>,
}

impl Ctx {
    /// After an internal redirect: the id and the status of the first error stay, and nothing else.
    pub(crate) fn take_over(&self, earlier: &Ctx) {
        self.failed_with.set(earlier.failed_with.get());
        if let Some(id) = earlier.request_id.get() {
            self.request_id.get_or_init(|| *id);
        }
    }
}

/// The request's context, made when it is first asked for; none when memory is out.
pub(crate) fn of(r: Request<'_>) -> Option<&Ctx> {
    r.context::<S3Signature>()
}

/// The contexts that the request had before internal redirects, the latest first. What they admitted does not count.
pub(crate) fn earlier(r: Request<'_>) -> impl Iterator<Item = &Ctx> {
    r.earlier_contexts::<S3Signature>()
}

/// The request's context if it has one.
pub(crate) fn existing(r: Request<'_>) -> Option<&Ctx> {
    r.existing_context::<S3Signature>()
}
