//! What the module keeps about a request, in the request's pool.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use s3::S3Error;
use sigv4::{Mechanism, Permit};

use crate::conf::origin::Origin;
use crate::error_response::Response;
use crate::ffi::request::Request;
use crate::ffi::upstream_output::Output;
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
    /// Whether nginx wanted to keep the connection when the access phase refused the request.
    pub(crate) keep_alive: Cell<bool>,
}

/// A request that was let in.
pub(crate) struct Admission {
    /// The proof that signing needs.
    pub(crate) permit: Permit,
    /// How the client authenticated itself; none where `s3_verify` is off, or for a preflight.
    pub(crate) mechanism: Option<Mechanism>,
    /// The access key id of the client; in configuration memory.
    pub(crate) access_key: Option<&'static [u8]>,
}

/// The request's context, made when it is first asked for; none when memory is out.
pub(crate) fn of(r: &Request) -> Option<&Ctx> {
    r.context::<Ctx>(crate::module())
}

/// The request's context if it has one.
pub(crate) fn existing(r: &Request) -> Option<&Ctx> {
    r.existing_context::<Ctx>(crate::module())
}
