//! What the access phase has decided.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use nginx::Request;
use s3::{KeyRoot, S3Error};
use sigv4::{Mechanism, Permit};
use smallvec::SmallVec;

use crate::conf::clients::Clients;
use crate::conf::location::LocationConf;
use crate::ctx::body::Body;
use crate::ctx::rewriting::OwnBuckets;

/// The access phase's part of the context.
#[derive(Default)]
pub(crate) struct AccessPart {
    /// Why the request may be signed; none until the access phase has said so.
    pub(crate) admission: OnceCell<Admission>,
    /// What verification has said, where somebody asked before the access phase.
    pub(crate) early: RefCell<Option<Box<EarlyOutcome>>>,
    /// Whose signature was right, though the request was refused for other reasons.
    pub(crate) refused_key: RefCell<Option<AccessKeyId>>,
    /// Whether the access phase has decided, so that nobody verifies any more.
    pub(crate) is_decided: Cell<bool>,
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
    /// What all of the client's keys begin with at the origins; all that is signed on its behalf has it.
    pub(crate) root: Option<KeyRoot>,
}

impl Admission {
    /// Of a request that nobody has authenticated.
    pub(crate) fn unauthenticated(permit: Permit) -> Self {
        Admission { permit, mechanism: None, access_key: None, clients: None, root: None }
    }
}

/// A request that may come in: as whose, and what its body needs.
pub(crate) struct Entrant {
    pub(crate) admission: Admission,
    /// What checks the body; none where nothing is to be checked.
    pub(crate) body: Option<Box<Body>>,
    /// Whether nginx must know the body's length before the origin gets any of it.
    pub(crate) needs_length: bool,
    /// How many bytes may come of a body whose length its head does not state; none where nothing limits it here.
    pub(crate) undeclared: Option<u64>,
    /// The buckets that alone the answer may show; none where all may be.
    pub(crate) own_buckets: Option<Box<OwnBuckets>>,
    /// The document that lists the client's buckets, where that is the answer.
    pub(crate) bucket_list: Option<Vec<u8>>,
}

impl Entrant {
    /// Of a request whose body nobody looks at.
    pub(crate) fn without_body(admission: Admission) -> Self {
        Entrant {
            admission,
            body: None,
            needs_length: false,
            undeclared: None,
            own_buckets: None,
            bucket_list: None,
        }
    }
}

/// What verification said before the access phase, and of what.
pub(crate) struct EarlyOutcome {
    /// The address of the location's configuration.
    location: usize,
    body_was_read: bool,
    pub(crate) outcome: Result<Entrant, S3Error>,
}

impl EarlyOutcome {
    pub(crate) fn new(
        r: Request<'_>,
        conf: &LocationConf,
        outcome: Result<Entrant, S3Error>,
    ) -> Self {
        let location = std::ptr::from_ref(conf).addr();
        EarlyOutcome { location, body_was_read: r.body_was_read(), outcome }
    }
}

impl AccessPart {
    /// What was said before, for the access phase; none where nobody asked, or where it was of another location, or of a body
    /// that was still to come and is here by now.
    pub(crate) fn take_early(
        &self,
        r: Request<'_>,
        conf: &LocationConf,
    ) -> Option<Result<Entrant, S3Error>> {
        let early = self.early.take()?;
        let holds = early.location == std::ptr::from_ref(conf).addr()
            && early.body_was_read == r.body_was_read();
        holds.then_some(early.outcome)
    }
}
