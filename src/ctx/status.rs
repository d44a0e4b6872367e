//! What is to be counted of a request, until it has ended.

use std::cell::{Cell, RefCell};

use s3::{BucketName, Operation};
use status::OriginSeries;

use crate::ctx::access::AccessKeyId;

/// The part of the context that [`status`](crate::status) leaves. But for the first, nothing is here where nothing is counted.
#[derive(Default)]
pub(crate) struct StatusPart {
    /// Whether the access phase has decided about it.
    pub(crate) is_counted: Cell<bool>,
    /// Whose signature was verified, whether or not it may do what it asks for; empty where nobody's was.
    pub(crate) client: RefCell<AccessKeyId>,
    /// What it asks for, where that is known.
    pub(crate) operation: Cell<Option<Operation>>,
    /// The bucket that it was granted something in; empty where that is not counted.
    pub(crate) bucket: RefCell<BucketName>,
    /// A finer cause of a refusal than its code.
    pub(crate) cause: Cell<Option<&'static str>>,
    /// Whether the proxy has answered with an error that is the request's own fault.
    pub(crate) is_refused: Cell<bool>,
    /// Whether the code of an origin's error is looked for in its body.
    pub(crate) awaits_code: Cell<bool>,
    /// The code of the origin's error.
    pub(crate) origin_code: Cell<Option<&'static str>>,
    /// How often it was sent to an origin.
    pub(crate) attempts: Cell<u32>,
    /// Where it was sent last.
    pub(crate) origin: Cell<Option<OriginSeries>>,
}

impl StatusPart {
    /// After an internal redirect it is still the same request.
    pub(crate) fn take_over(&self, earlier: &Self) {
        self.is_counted.set(earlier.is_counted.get());
        self.client.borrow_mut().clone_from(&earlier.client.borrow());
        self.operation.set(earlier.operation.get());
        self.bucket.borrow_mut().clone_from(&earlier.bucket.borrow());
        self.cause.set(earlier.cause.get());
    }
}
