//! One face for all bodies that are checked while they pass.

use super::forward::Forwarding;
use super::{
    BodyDeclaration, BodyError, ChecksumAlgorithm, Forward, FrameError, PayloadDigest, Rules,
    Scheme, Sink,
};
use crate::{Payload, Verified};

/// How far a body has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Everything was checked and given on.
    Complete,
    /// More bytes, or the word that there are no more, are needed.
    More,
}

/// Checks a body while it passes; what is given on ends short of the body's end until everything is
/// proven.
///
/// So an origin that gets only what was given on before an error has an incomplete body, and stores
/// nothing, provided that the connection to it is then cut. Two things are up to the caller. Where
/// nothing is to be given on, as when an object of no bytes is unwrapped, there is no last byte to
/// withhold: the head must then wait for [`Progress::Complete`]. And where frames go out under a
/// `Content-Length`, [`BodyDeclaration::content_length`] must state it, since a body without its last
/// chunk may fill such a message.
///
/// ```
/// use sigv4::aws_chunked::{
///     BodyDeclaration, BodyFilter, ChecksumAlgorithm, Forward, Progress, Rules, Scheme,
/// };
///
/// let declared = BodyDeclaration {
///     content_length: None,
///     decoded_length: 4,
///     trailer: Some(ChecksumAlgorithm::Crc32),
/// };
/// let (scheme, rules) = (Scheme::UnsignedTrailer, Rules::default());
/// let mut filter = BodyFilter::chunked(scheme, declared, rules, Forward::Unwrap)?;
///
/// let mut out = Vec::new();
/// assert_eq!(filter.push(b"4\r\nabcd\r\n", false, &mut out)?, Progress::More);
/// assert_eq!(out, b"abc");
/// let end = b"0\r\nx-amz-checksum-crc32:7YLNEQ==\r\n\r\n";
/// assert_eq!(filter.push(end, true, &mut out)?, Progress::Complete);
/// assert_eq!(out, b"abcd");
/// # Ok::<(), sigv4::aws_chunked::BodyError>(())
/// ```
pub struct BodyFilter {
    kind: FilterKind,
    complete: bool,
    failed: Option<BodyError>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "there is one per request, and few are of the small kind"
)]
enum FilterKind {
    Chunked(Forwarding),
    Digest(PayloadDigest),
}

impl BodyFilter {
    /// The filter for the body of `request`; `None` where its head claims nothing about the body.
    ///
    /// `content_length` is the body's length in bytes as sent, if known; `forward` matters to
    /// `aws-chunked` bodies only.
    ///
    /// # Errors
    ///
    /// As [`chunked`](Self::chunked).
    pub fn of_request<G>(
        request: &Verified<'_, '_, G>,
        content_length: Option<u64>,
        rules: Rules,
        forward: Forward,
    ) -> Result<Option<Self>, BodyError> {
        let scheme = match (request.payload(), request.chunk_chain()) {
            (Payload::Unsigned, _) => return Ok(None),
            (Payload::Sha256(hash), _) => {
                return Ok(Some(Self::digest(PayloadDigest::new(*hash, content_length))));
            }
            (Payload::StreamingUnsignedTrailer, _) => Scheme::UnsignedTrailer,
            (Payload::StreamingSigned, Some(chain)) => Scheme::Signed(chain),
            (Payload::StreamingSignedTrailer, Some(chain)) => Scheme::SignedTrailer(chain),
            // A verified request of these kinds has a chain; without one no chunk could be
            // believed.
            (Payload::StreamingSigned | Payload::StreamingSignedTrailer, None) => {
                return Err(BodyError::MalformedFrame {
                    offset: 0,
                    fault: FrameError::ChunkSignature,
                });
            }
        };
        let declared = BodyDeclaration {
            content_length,
            decoded_length: request.decoded_length().unwrap_or(0),
            trailer: request.trailer().map(str::as_bytes).and_then(ChecksumAlgorithm::of_trailer),
        };
        Self::chunked(scheme, declared, rules, forward).map(Some)
    }

    /// A filter for an `aws-chunked` body.
    ///
    /// # Errors
    ///
    /// [`BodyError::MalformedTrailer`] when a trailer was declared for a body that has none, and
    /// [`BodyError::TrailerNotSupported`] when its checksum must be calculated here and cannot be.
    pub fn chunked(
        scheme: Scheme,
        declared: BodyDeclaration,
        rules: Rules,
        forward: Forward,
    ) -> Result<Self, BodyError> {
        let forwarding = Forwarding::new(scheme, declared, rules, forward)?;
        Ok(Self::new(FilterKind::Chunked(forwarding)))
    }

    /// The same filter, before its first bytes, with the buffer of an earlier one, which keeps its
    /// room.
    #[must_use]
    pub fn with_buffer(mut self, buffer: Vec<u8>) -> Self {
        if let FilterKind::Chunked(forwarding) = &mut self.kind {
            forwarding.set_buffer(buffer);
        }
        self
    }

    /// A filter for a body with one SHA-256.
    pub fn digest(digest: PayloadDigest) -> Self {
        Self::new(FilterKind::Digest(digest))
    }

    fn new(kind: FilterKind) -> Self {
        Self { kind, complete: false, failed: None }
    }

    /// Takes the next bytes of the body, and gives on to `out` what is proven; `last` says that no
    /// more come.
    ///
    /// # Errors
    ///
    /// Any [`BodyError`]; the same one again at each further call. What was given on is then no
    /// complete body.
    pub fn push(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut impl Sink,
    ) -> Result<Progress, BodyError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let result = self.advance(input, last, out);
        if let Err(error) = &result {
            self.failed = Some(error.clone());
        }
        result
    }

    fn advance(
        &mut self,
        input: &[u8],
        last: bool,
        out: &mut impl Sink,
    ) -> Result<Progress, BodyError> {
        if self.complete {
            return if input.is_empty() {
                Ok(Progress::Complete)
            } else {
                Err(BodyError::MalformedFrame { offset: 0, fault: FrameError::AfterEnd })
            };
        }
        match &mut self.kind {
            FilterKind::Chunked(forwarding) => {
                forwarding.feed(input, out)?;
                if last {
                    forwarding.finish(out)?;
                }
            }
            FilterKind::Digest(digest) => digest.push(input, last, out)?,
        }
        self.complete = last;
        Ok(if last { Progress::Complete } else { Progress::More })
    }

    /// The declared trailer, name and value, once it has come: what an unwrapped body loses, and
    /// its head may carry if it was not sent yet. Proven only after [`Progress::Complete`].
    pub fn trailer(&self) -> Option<(&'static str, String)> {
        match &self.kind {
            FilterKind::Chunked(forwarding) => forwarding.trailer(),
            FilterKind::Digest(_) => None,
        }
    }

    /// The buffer, emptied, for another filter, when nothing more is to come; it has room for the
    /// largest chunk that was withheld.
    pub fn take_buffer(&mut self) -> Vec<u8> {
        match &mut self.kind {
            FilterKind::Chunked(forwarding) => forwarding.take_buffer(),
            FilterKind::Digest(_) => Vec::new(),
        }
    }
}
