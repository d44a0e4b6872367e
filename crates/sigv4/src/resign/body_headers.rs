//! The headers of a body that does not go as it came: those that describe what the client sent, and those in their place.

use crate::request_head::RequestHead;

use crate::header;
use crate::resign::connection::tokens;
use crate::resign::origin_body::OriginBody;

/// Front of the headers that have a checksum.
const CHECKSUM: &str = "x-amz-checksum-";

/// Headers that say of which kind a checksum elsewhere in the request is.
const NAMES_ALGORITHM: [&str; 3] =
    [header::X_AMZ_SDK_CHECKSUM_ALGORITHM, "x-amz-checksum-algorithm", "x-amz-checksum-type"];

/// The headers of what is sent instead of those of what came.
pub(crate) struct BodyHeaders<'a> {
    body: &'a OriginBody,
    /// Length of what is sent; none where there is no body to be declared.
    length: Option<String>,
    /// Content-Encoding without `aws-chunked`, where that is a part of it; empty if nothing else is.
    content_encoding: Option<Vec<u8>>,
    /// Whether a checksum of the object goes along, so that what names its algorithm stays.
    has_checksum: bool,
}

impl<'a> BodyHeaders<'a> {
    /// None for a body that goes as it came.
    pub(crate) fn new(body: &'a OriginBody, head: &RequestHead<'_>) -> Option<Self> {
        let (length, has_checksum) = match body {
            OriginBody::AsSent => return None,
            OriginBody::Unwrapped(unwrapped) => {
                let is_there = head.headers().any(|line| is_checksum(line.name));
                (Some(unwrapped.decoded_length), unwrapped.checksum.is_some() || is_there)
            }
            // S3 wants the length of an empty object, too.
            OriginBody::Other(other) => {
                let has_body = other.length > 0 || matches!(head.method(), b"PUT" | b"POST");
                (has_body.then_some(other.length), false)
            }
        };
        let encodings: Vec<_> = head
            .headers()
            .filter(|line| header::is(line.name, header::CONTENT_ENCODING))
            .flat_map(|line| tokens(line.value))
            .collect();
        let is_framing = |token: &[u8]| token.eq_ignore_ascii_case(b"aws-chunked");
        let kept = || encodings.iter().copied().filter(|token| !is_framing(token));
        let is_named = encodings.iter().any(|token| is_framing(token));
        Some(Self {
            body,
            length: length.map(|length| length.to_string()),
            content_encoding: is_named.then(|| kept().collect::<Vec<_>>().join(b", ".as_slice())),
            has_checksum,
        })
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
            || self.is_of_other(name)
    }

    /// Whether a header, or a parameter that would become one, describes the client's body, and another goes.
    pub(crate) fn is_of_other(&self, name: &[u8]) -> bool {
        let is = |own: &str| header::is(name, own);
        matches!(self.body, OriginBody::Other(_))
            && (is(header::CONTENT_MD5)
                || is(header::X_AMZ_DECODED_CONTENT_LENGTH)
                || is(header::X_AMZ_TRAILER)
                || is_checksum(name)
                || NAMES_ALGORITHM.iter().any(|own| is(own)))
    }

    /// Names and values of the headers in their place.
    pub(crate) fn own_headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let length = self.length.as_deref();
        let length = length.map(|value| (b"Content-Length".as_slice(), value.as_bytes()));
        let encoding = self.content_encoding.as_deref().filter(|value| !value.is_empty());
        let encoding = encoding.map(|value| (b"Content-Encoding".as_slice(), value));
        let md5 = match self.body {
            OriginBody::Other(other) => other.md5.as_ref(),
            OriginBody::AsSent | OriginBody::Unwrapped(_) => None,
        };
        let md5 = md5.map(|value| (b"Content-MD5".as_slice(), value.as_slice()));
        [length, encoding, md5, self.checksum()].into_iter().flatten()
    }

    fn checksum(&self) -> Option<(&[u8], &[u8])> {
        let OriginBody::Unwrapped(unwrapped) = self.body else { return None };
        let (name, value) = unwrapped.checksum.as_ref()?;
        Some((name, value))
    }
}

/// Whether a header has a checksum.
fn is_checksum(name: &[u8]) -> bool {
    let front = name.get(..CHECKSUM.len()).filter(|front| header::is(front, CHECKSUM));
    front.is_some() && !NAMES_ALGORITHM.iter().any(|own| header::is(name, own))
}
