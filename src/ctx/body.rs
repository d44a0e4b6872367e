//! What checks the request's body.

use std::cell::{Cell, RefCell};
use std::fmt;

use nginx::kept_body::Kept;
use nginx::{Request, spare_memory};
use s3::{DeleteCheck, DeleteFault, RootedDelete, S3Error};
use sigv4::aws_chunked::{BodyError, BodyFilter, Forward, Framing, Sink};
use sigv4::{OriginBody, OtherBody, Unwrapped};

/// The request body filter's part of the context.
#[derive(Default)]
pub(crate) struct BodyPart {
    /// What checks the request's body; none where nothing is to be checked.
    pub(crate) check: RefCell<Option<Box<Body>>>,
    /// Whether nginx must know the body's length before the origin gets any of it.
    pub(crate) needs_length: Cell<bool>,
    /// How many bytes may still come of a body whose length its head does not state; none where nothing limits it here.
    pub(crate) undeclared: Cell<Option<u64>>,
    /// When its end came, in milliseconds since the request began; none of a request that has no body, or not all of it yet.
    pub(crate) ended_at: Cell<Option<u64>>,
    /// That the upload is counted as one that is under way, where that is counted.
    pub(crate) upload: Cell<Option<Upload>>,
}

thread_local! {
    static UPLOADS: Cell<u64> = const { Cell::new(0) };
}

/// An upload that is under way in this worker, as long as this is there.
pub(crate) struct Upload(());

impl Upload {
    pub(crate) fn begin() -> Self {
        UPLOADS.set(UPLOADS.get().saturating_add(1));
        Upload(())
    }

    /// How many there are.
    pub(crate) fn count() -> u64 {
        UPLOADS.get()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Requests that are open when a worker ends are destroyed late.
        let _ = UPLOADS.try_with(|count| count.set(count.get().saturating_sub(1)));
    }
}

/// A body that is checked.
pub(crate) struct Body {
    pub(crate) filter: BodyFilter,
    pub(crate) forward: Forward,
    /// Whether it comes in aws-chunked framing.
    pub(crate) chunked: bool,
    /// Set where chunks have signatures: the origin's are to be put in.
    pub(crate) framing: Option<Framing>,
    /// Set until its first bytes, where nothing is found out that nginx does not find out itself of a body that it stores
    /// before it sends any of it.
    pub(crate) only_unbuffered: bool,
    /// What was let through, where nginx keeps it until it is sent.
    pub(crate) kept: Option<Kept>,
    pub(crate) decoded_length: u64,
    /// Whether a checksum follows the chunks.
    pub(crate) has_trailer: bool,
    /// What judges the keys that a DeleteObjects names, where not all of the bucket's may be deleted.
    pub(crate) keys: Option<Box<DeleteCheck>>,
    /// What is to be said of the body that goes on in the place of a DeleteObjects, once that was judged.
    pub(crate) rooted: Option<OtherBody>,
    /// Of the client that signed; empty where nobody did.
    pub(crate) access_key: Vec<u8>,
}

/// What is wrong with a body.
pub(crate) enum BodyFault {
    /// It is not what its head claims.
    Claim(BodyError),
    /// It asks for what its client may not do.
    Keys(DeleteFault),
}

impl fmt::Display for BodyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyFault::Claim(error) => error.fmt(f),
            BodyFault::Keys(fault) => fault.fmt(f),
        }
    }
}

impl From<&BodyFault> for S3Error {
    fn from(fault: &BodyFault) -> Self {
        match fault {
            BodyFault::Claim(error) => S3Error::from_body(error),
            BodyFault::Keys(fault) => S3Error::from(fault),
        }
    }
}

impl Body {
    /// Takes the next bytes, and gives on to `out` what may go on; `last` says that no more come.
    pub(crate) fn push(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut impl Sink,
    ) -> Result<(), BodyFault> {
        let Some(keys) = &mut self.keys else {
            return self.filter.push(input, last, out).map(drop).map_err(BodyFault::Claim);
        };
        // What somebody else has changed on the way is no word of the client's: its hash comes first.
        let passed = match keys.replaces_body() {
            true => self.filter.push(input, last, &mut Nowhere),
            false => self.filter.push(input, last, out),
        };
        passed.map_err(BodyFault::Claim)?;
        keys.push(input).map_err(BodyFault::Keys)?;
        if !last {
            return Ok(());
        }
        if let Some(RootedDelete { body, md5 }) = keys.finish().map_err(BodyFault::Keys)? {
            self.rooted = Some(OtherBody::known(&body).with_md5(md5));
            out.copied(&body);
        }
        Ok(())
    }

    /// Whether another body goes on, which is longer.
    pub(crate) fn replaces_keys(&self) -> bool {
        self.keys.as_deref().is_some_and(DeleteCheck::replaces_body)
    }

    /// The framing of signed chunks that go on to the origin.
    pub(crate) fn signed_frames(&self) -> Option<Framing> {
        self.framing.filter(|_| self.forward == Forward::Frames)
    }

    /// Whether what goes on is in aws-chunked framing.
    pub(crate) fn is_framed(&self) -> bool {
        self.chunked && self.forward != Forward::Unwrap
    }

    /// Whether what lies there to be sent was put there after what was let through, or in its place. Of a body that streams
    /// nothing lies there.
    pub(crate) fn is_replaced(&self, r: Request<'_>) -> bool {
        !r.streams_body() && self.kept != Some(Kept::of(r))
    }

    /// Whether what goes on is no longer what could be checked: signatures are replaced, or frames are taken off. (A trailer
    /// line of an unsigned body may end in other characters, which is as good.)
    pub(crate) fn changes_bytes(&self) -> bool {
        if self.replaces_keys() {
            return true;
        }
        match self.forward {
            Forward::AsSent => false,
            Forward::Frames => self.framing.is_some(),
            Forward::Unwrap => self.chunked,
        }
    }

    /// What is to be said of what was let through.
    pub(crate) fn origin_body(&self) -> OriginBody {
        match &self.rooted {
            Some(rooted) => OriginBody::Other(rooted.clone()),
            None => self.unwrapped().map_or(OriginBody::AsSent, OriginBody::Unwrapped),
        }
    }

    /// What the head must say where the framing is taken off. The checksum is known where the body was read before.
    pub(crate) fn unwrapped(&self) -> Option<Unwrapped> {
        if self.forward != Forward::Unwrap {
            return None;
        }
        let checksum = self.filter.trailer().map(|(name, value)| (name.into(), value.into_bytes()));
        Some(Unwrapped { decoded_length: self.decoded_length, checksum })
    }
}

/// Where nothing of what comes goes on.
struct Nowhere;

impl Sink for Nowhere {
    fn borrowed(&mut self, _: &[u8]) {}

    fn copied(&mut self, _: &[u8]) {}
}

impl Drop for Body {
    fn drop(&mut self) {
        spare_memory::keep(self.filter.take_buffer());
    }
}
