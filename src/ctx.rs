//! What the module keeps about a request, in the request's pool: one part for each of the places where nginx calls it.
//!
//! Members have interior mutability because handlers of one request call one another through nginx.

pub(crate) mod access;
pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod response;
pub(crate) mod rewriting;
pub(crate) mod status;
pub(crate) mod upload;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use nginx::Request;
use s3::{BucketName, Operation};

use self::access::AccessPart;
use self::answer::{KeyCheck, Reading};
use self::body::BodyPart;
use self::response::ResponsePart;
use self::status::StatusPart;
use self::upload::StickyUpload;
use crate::S3Signature;
use crate::conf::origin::Origin;
use crate::conf::origin_key::OriginKey;

/// The context. nginx clears it on internal redirects, and with it the admission: such a request is verified again.
#[derive(Default)]
pub(crate) struct Ctx {
    pub(crate) access: AccessPart,
    pub(crate) body: BodyPart,
    pub(crate) upstream: UpstreamPart,
    pub(crate) response: ResponsePart,
    pub(crate) health: HealthPart,
    pub(crate) status: StatusPart,
}

/// What the peer hooks leave.
#[derive(Default)]
pub(crate) struct UpstreamPart {
    /// The origin that the request was last signed for.
    pub(crate) origin: RefCell<Option<Rc<Origin>>>,
    /// The key that it was signed with: what the answer is to be read by, whichever is there then.
    pub(crate) key: RefCell<Option<Rc<OriginKey>>>,
    /// The origin's name of the bucket, where that stands in the Host header.
    pub(crate) bucket_in_host: RefCell<Option<BucketName>>,
    /// The multipart upload that it is about, where that stays with its origin.
    pub(crate) upload: RefCell<Option<Rc<StickyUpload>>>,
    /// What is being read of an origin's error, to know whether another is asked.
    pub(crate) reading: RefCell<Option<Box<Reading>>>,
    /// Whether an answer without a word waits for what the origin says about our key.
    pub(crate) key_check: Cell<KeyCheck>,
    /// What was asked for, where the answer may have to be changed.
    pub(crate) operation: Cell<Option<Operation>>,
    /// Whether the request that was signed last is a HEAD, whatever the client's is.
    pub(crate) sends_head: Cell<bool>,
}

impl UpstreamPart {
    /// Whether the request is about a multipart upload that only one origin has.
    pub(crate) fn names_upload(&self) -> bool {
        self.upload.borrow().as_ref().is_some_and(|upload| upload.named.is_some())
    }
}

/// What a health check waits for.
#[derive(Default)]
pub(crate) struct HealthPart {
    /// The status of each probe, as they come in.
    pub(crate) probed: RefCell<Vec<Option<u16>>>,
    /// How often it has waited for the first answers of all.
    pub(crate) looks: Cell<u8>,
}

impl Ctx {
    /// After an internal redirect: the id and the status of the first error stay, what was put in front of the target, what is to
    /// be counted or logged, and nothing else.
    pub(crate) fn take_over(&self, earlier: &Ctx) {
        self.access.bucket_in_front.set(earlier.access.bucket_in_front.get());
        self.status.take_over(&earlier.status);
        self.response.failed_with.set(earlier.response.failed_with.get());
        self.access.refused_key.replace(earlier.access.refused_key.borrow().clone());
        self.response.refusal.replace(earlier.response.refusal.borrow().clone());
        self.body.ended_at.set(earlier.body.ended_at.get());
        if let Some(id) = earlier.response.request_id.get() {
            self.response.request_id.get_or_init(|| *id);
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
