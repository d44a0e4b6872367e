//! The headers of a body whose aws-chunked framing is taken off: those that describe the framing, and those in their place.

use request_head::Head;

use crate::connection::tokens;
use crate::header;
use crate::resign::Unwrapped;

/// Front of the headers that have a checksum.
const CHECKSUM: &str = "x-amz-checksum-";

/// Headers that say of which kind a checksum elsewhere in the request is.
const NAMES_ALGORITHM: [&str; 3] =
    [header::X_AMZ_SDK_CHECKSUM_ALGORITHM, "x-amz-checksum-algorithm", "x-amz-checksum-type"];

/// The headers of the object instead of those of its framing.
pub(crate) struct Framing<'a> {
    unwrap: &'a Unwrapped,
    decoded_length: String,
    /// Content-Encoding without `aws-chunked`, where that is a part of it; empty if nothing else is.
    content_encoding: Option<Vec<u8>>,
    /// Whether a checksum of the object goes along, so that what names its algorithm stays.
    has_checksum: bool,
}

impl<'a> Framing<'a> {
    pub(crate) fn new(unwrap: &'a Unwrapped, head: &Head<'_>) -> Self {
        let encodings: Vec<_> = head
            .headers()
            .filter(|line| header::is(line.name, header::CONTENT_ENCODING))
            .flat_map(|line| tokens(line.value))
            .collect();
        let is_framing = |token: &[u8]| token.eq_ignore_ascii_case(b"aws-chunked");
        let kept = || encodings.iter().copied().filter(|token| !is_framing(token));
        let is_named = encodings.iter().any(|token| is_framing(token));
        let is_checksum = |name: &[u8]| {
            let named = name.get(..CHECKSUM.len()).filter(|front| header::is(front, CHECKSUM));
            named.is_some() && !NAMES_ALGORITHM.iter().any(|own| header::is(name, own))
        };
        Self {
            has_checksum: unwrap.checksum.is_some()
                || head.headers().any(|line| is_checksum(line.name)),
            unwrap,
            decoded_length: unwrap.decoded_length.to_string(),
            content_encoding: is_named.then(|| kept().collect::<Vec<_>>().join(b", ".as_slice())),
        }
    }

    /// Whether a header is not for the body as it is sent.
    pub(crate) fn describes(&self, name: &[u8]) -> bool {
        let is = |own: &str| header::is(name, own);
        is(header::CONTENT_LENGTH)
            || is(header::TRANSFER_ENCODING)
            || is(header::X_AMZ_DECODED_CONTENT_LENGTH)
            || is(header::X_AMZ_TRAILER)
            // S3 refuses an algorithm without its checksum.
            || (!self.has_checksum && NAMES_ALGORITHM.iter().any(|own| is(own)))
            || (self.content_encoding.is_some() && is(header::CONTENT_ENCODING))
            || self.checksum().is_some_and(|(own, _)| header::is_same(name, own))
    }

    /// Names and values of the headers in their place.
    pub(crate) fn own_headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let length = (b"Content-Length".as_slice(), self.decoded_length.as_bytes());
        let encoding = self.content_encoding.as_deref().filter(|value| !value.is_empty());
        let encoding = encoding.map(|value| (b"Content-Encoding".as_slice(), value));
        [Some(length), encoding, self.checksum()].into_iter().flatten()
    }

    fn checksum(&self) -> Option<(&[u8], &[u8])> {
        let (name, value) = self.unwrap.checksum.as_ref()?;
        Some((name, value))
    }
}
