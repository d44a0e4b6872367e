//! What is kept of an answer while it is put into the client's names.

use s3::answer::{AnswerRewriter, ClientNames};
use s3::{ClientAddress, Grants};

/// An answer that is being changed.
pub(crate) struct Rewriting {
    pub(crate) rewriter: AnswerRewriter,
    pub(crate) names: Names,
}

/// The client's names.
pub(crate) struct Names {
    pub(crate) url: Vec<u8>,
    pub(crate) host: Vec<u8>,
    pub(crate) region: Option<Vec<u8>>,
    /// The buckets that are shown; none where all are.
    pub(crate) own: Option<OwnBuckets>,
}

/// Buckets that a client may know of.
pub(crate) struct OwnBuckets {
    /// What the client may do.
    pub(crate) grants: Grants,
    /// Where it calls from.
    pub(crate) client: Option<ClientAddress>,
}

impl ClientNames for Names {
    fn shows(&self, bucket: &[u8]) -> bool {
        self.own.as_ref().is_none_or(|own| own.grants.shows(bucket, own.client))
    }

    fn shows_all(&self) -> bool {
        self.own.is_none()
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
