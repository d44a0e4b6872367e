//! What happens to the response.

use std::cell::{Cell, OnceCell, RefCell};

use s3::{OriginError, S3Error};

use crate::ctx::rewriting::{OwnBuckets, Rewriting};
use crate::request_id::RequestId;

/// The output filters' part of the context.
#[derive(Default)]
pub(crate) struct ResponsePart {
    /// The error that this module answers with.
    pub(crate) error: RefCell<Option<S3Error>>,
    /// What happens to the response on its way out.
    pub(crate) state: RefCell<Response>,
    /// The code of the error that was answered with, for the log.
    pub(crate) error_code: Cell<Option<&'static str>>,
    /// What was wrong, in the words of the error log, where this module has refused the request; for the access log.
    pub(crate) refusal: RefCell<Option<String>>,
    /// When the header went out, in milliseconds since the request began.
    pub(crate) answered_at: Cell<Option<u64>>,
    /// The id of our own answers, and of the log line.
    pub(crate) request_id: OnceCell<RequestId>,
    /// The buckets that alone the answer may show; none where all may be.
    pub(crate) own_buckets: RefCell<Option<Box<OwnBuckets>>>,
    /// The document that lists the buckets of the client, where it is made here.
    pub(crate) bucket_list: RefCell<Option<Vec<u8>>>,
    /// The status of the error that sent the request to an `error_page`, the first if there were several; 0 if none did.
    pub(crate) failed_with: Cell<u16>,
}

/// What happens to a response.
#[derive(Default)]
pub(crate) enum Response {
    /// It passes.
    #[default]
    Pass,
    /// It is an origin's error: header and body are withheld until it is judged, which is at most 64 KiB and the buffer that
    /// they end in. With `strict`, what cannot be judged does not pass.
    Held { error: OriginError, strict: bool },
    /// This document goes out in the place of the body that will come.
    Replace(Vec<u8>),
    /// It is put into the client's names.
    Rewritten(Box<Rewriting>),
    /// The document has gone out; the rest of the other body is dropped.
    Replaced,
}

impl Response {
    pub(crate) fn passes(&self) -> bool {
        matches!(self, Response::Pass)
    }
}
