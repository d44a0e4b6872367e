//! A request head, borrowed from whoever parsed it.

use crate::bytes;
pub use crate::request_head::Header;

/// What of a request is signed, besides its body.
#[derive(Clone, Copy, Debug)]
pub struct RequestParts<'a> {
    /// Method as received.
    pub method: &'a [u8],
    /// Target in origin-form, raw: neither decoded nor normalised. A caller turns the absolute-form into this.
    pub target: &'a [u8],
    /// Headers in order of arrival. `:authority` of HTTP/2 stands here as `host`.
    pub headers: &'a [Header<'a>],
}

impl<'a> RequestParts<'a> {
    /// The raw path and the raw query, without the question mark between them.
    pub(crate) fn split_target(&self) -> (&'a [u8], &'a [u8]) {
        split_target(self.target)
    }

    /// The first header of this name, which is lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.headers
            .iter()
            .find(|header| crate::header::is(header.name, name))
            .map(|header| crate::header::trim(header.value))
    }
}

/// The raw path and the raw query of a target, without the question mark between them.
pub(crate) fn split_target(target: &[u8]) -> (&[u8], &[u8]) {
    bytes::cut(target, b'?').unwrap_or((target, b""))
}

/// How a request is authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Signature V4 in the Authorization header.
    Header,
    /// Signature V4 in the query.
    Presigned,
    /// Signature V2 in the Authorization header.
    V2Header,
    /// Signature V2 in the query.
    V2Presigned,
}
