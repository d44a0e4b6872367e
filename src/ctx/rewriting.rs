//! What is kept of an answer while it is put into the client's names.

use std::borrow::Cow;
use std::rc::Rc;

use s3::answer::{AnswerRewriter, ClientNames};
use s3::{ClientAddress, Grants, KeyRoot};

use crate::conf::origin::Origin;
use crate::ctx::upload::StickyUpload;

/// An answer that is being changed.
pub(crate) struct Rewriting {
    pub(crate) rewriter: AnswerRewriter,
    pub(crate) names: Names,
}

/// The client's names.
pub(crate) struct Names {
    /// Whose names are to be replaced; none where the answer was not signed for.
    pub(crate) origin: Option<Rc<Origin>>,
    pub(crate) url: Vec<u8>,
    pub(crate) host: Vec<u8>,
    pub(crate) region: Option<Vec<u8>>,
    /// How uploads are called; none where clients call them as the origin does.
    pub(crate) upload: Option<Rc<StickyUpload>>,
    /// What the client's keys begin with at the origin.
    pub(crate) root: Option<KeyRoot>,
    /// The buckets that are shown; none where all are.
    pub(crate) own: Option<Box<OwnBuckets>>,
}

/// Buckets that a client may know of.
pub(crate) struct OwnBuckets {
    /// What the client may do.
    pub(crate) grants: Grants,
    /// Where it calls from.
    pub(crate) client: Option<ClientAddress>,
}

impl ClientNames for Names {
    fn bucket<'a>(&'a self, origin: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match self.origin.as_ref().map(|origin| &origin.addressing.names) {
            Some(names) if !names.is_empty() => {
                names.to_client(origin).map(|name| Cow::Owned(name.into_vec()))
            }
            _ => Some(Cow::Borrowed(origin)),
        }
    }

    fn shows(&self, bucket: &[u8]) -> bool {
        self.own.as_ref().is_none_or(|own| own.grants.shows(bucket, own.client))
    }

    fn shows_all(&self) -> bool {
        self.own.is_none()
    }

    fn upload_id<'a>(&'a self, origin: &'a [u8]) -> Cow<'a, [u8]> {
        match (&self.upload, &self.origin) {
            (Some(upload), Some(answering)) => {
                Cow::Owned(upload.keys.mark(answering.tag, &upload.bucket, origin))
            }
            _ => Cow::Borrowed(origin),
        }
    }

    fn root(&self) -> &[u8] {
        self.root.as_ref().map_or(b"", KeyRoot::as_bytes)
    }

    fn url(&self) -> &[u8] {
        &self.url
    }

    fn host(&self) -> &[u8] {
        &self.host
    }

    fn region(&self) -> Option<&[u8]> {
        self.region.as_deref()
    }
}
