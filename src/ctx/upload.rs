//! A multipart upload that stays with its origin.

use std::rc::Rc;

use s3::{BucketName, OriginTag, UploadIdKeys};

use crate::conf::origin::Origin;

/// What is known of it while a request is at its origin.
pub(crate) struct StickyUpload {
    /// What upload ids are made with.
    pub(crate) keys: Rc<UploadIdKeys>,
    /// The client's name of its bucket.
    pub(crate) bucket: BucketName,
    /// The upload that the request names, or that those follow which it lists; none where any origin may answer.
    pub(crate) named: Option<NamedUpload>,
}

impl StickyUpload {
    /// Whether the request may be sent to this origin.
    pub(crate) fn may_go_to(&self, origin: &Origin) -> bool {
        self.named.as_ref().is_none_or(|named| named.origin == origin.tag)
    }
}

/// An upload that one origin has.
pub(crate) struct NamedUpload {
    pub(crate) origin: OriginTag,
    /// That origin's id of it.
    pub(crate) id: Vec<u8>,
}
