//! What the access phase has decided.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use sigv4::{Mechanism, Permit};
use smallvec::SmallVec;

use crate::conf::clients::Clients;

/// The access phase's part of the context.
#[derive(Default)]
pub(crate) struct AccessPart {
    /// Why the request may be signed; none until the access phase has said so.
    pub(crate) admission: OnceCell<Admission>,
    /// The admission that waits for a body that was read before, while that is checked where it lies.
    pub(crate) waiting: RefCell<Option<Admission>>,
    /// How many bytes of the target are no part of what the client sent, but the bucket that it named in its Host header, and
    /// the slash before it. Internal redirects keep that target.
    pub(crate) bucket_in_front: Cell<usize>,
    /// Whether nginx wanted to keep the connection when the access phase refused the request.
    pub(crate) keep_alive: Cell<bool>,
}

/// An access key id; those that are in use have 16 to 20 bytes and need no memory of their own.
pub(crate) type AccessKeyId = SmallVec<[u8; 32]>;

/// A request that was let in.
pub(crate) struct Admission {
    /// The proof that signing needs.
    pub(crate) permit: Permit,
    /// How the client authenticated itself; none where `s3_verify` is off, or for a preflight.
    pub(crate) mechanism: Option<Mechanism>,
    /// The access key id of the client.
    pub(crate) access_key: Option<AccessKeyId>,
    /// Whose signature was verified; none where nobody's was.
    pub(crate) clients: Option<Rc<Clients>>,
}

impl Admission {
    /// Of a request that nobody has authenticated.
    pub(crate) fn unauthenticated(permit: Permit) -> Self {
        Admission { permit, mechanism: None, access_key: None, clients: None }
    }
}
