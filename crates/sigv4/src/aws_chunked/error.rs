//! What can be wrong with a body.

use std::fmt;

/// A fault of a body, as a fact; which S3 code it becomes is decided elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyError {
    /// The checksum in the trailer is not that of the data.
    ChecksumMismatch {
        /// Name of the trailer, such as `x-amz-checksum-crc32`.
        name: &'static str,
        /// What the client sent, base64.
        expected: String,
        /// What its data gives, base64.
        calculated: String,
    },
    /// A signed chunk is larger than may be withheld.
    ChunkTooLarge {
        /// Size that its header declares, in bytes.
        size: u64,
        /// Largest size allowed, in bytes.
        limit: u64,
    },
    /// The decoded data is not as long as declared, or not as long as the head said.
    IncompleteBody {
        /// Bytes that the head declared.
        expected: u64,
        /// Bytes that came; where a chunk header goes beyond the declared length, what it would
        /// have come to.
        provided: u64,
    },
    /// A signed chunk is smaller than allowed and another one follows.
    InvalidChunkSize {
        /// Number of the chunk that follows it, where the fault shows; the first is 1. S3 gives
        /// this number.
        chunk: u64,
        /// Size of the small chunk in bytes.
        size: u64,
    },
    /// The value of the declared trailer is not base64 of a digest of the right length.
    InvalidTrailerValue {
        /// Name of the trailer.
        name: &'static str,
    },
    /// The body is not in the grammar of `aws-chunked`.
    MalformedFrame {
        /// Where the line or the bytes begin that do not fit, in bytes from the start of the body.
        offset: u64,
        /// What does not fit.
        fault: FrameError,
    },
    /// The trailer section is not what the grammar or the head says.
    MalformedTrailer {
        /// What does not fit.
        fault: TrailerError,
    },
    /// The SHA-256 of the body is not the one in `x-amz-content-sha256`.
    PayloadMismatch {
        /// The header's value as sent.
        claimed: String,
        /// The hash of the body, lower-case hex.
        calculated: String,
    },
    /// A chunk, or the trailer, was not signed by the holder of the request's key for this place in
    /// this request.
    SignatureMismatch {
        /// The access key id that signed the request.
        access_key: Vec<u8>,
        /// The string that should have been signed, for the error document.
        string_to_sign: Vec<u8>,
        /// The signature that the client sent.
        provided: Vec<u8>,
    },
    /// The declared trailer has to be calculated here and cannot be.
    TrailerNotSupported {
        /// Its name.
        name: &'static str,
    },
}

/// Where a body leaves the grammar of `aws-chunked`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameError {
    /// Bytes follow the end of the body; the origin would take them for its next request, or store
    /// them.
    AfterEnd,
    /// A line ends in LF alone.
    BareLineFeed,
    /// A chunk header of a signed body has no signature of 64 lower-case hex digits, or something
    /// after it.
    ChunkSignature,
    /// A chunk header does not start with a size of 1 to 16 hex digits, or one without a signature
    /// goes on after it.
    ChunkSize,
    /// No CRLF follows a chunk's data.
    DataEnd,
    /// More was fed after an earlier fault.
    Failed,
    /// No line ends within [`MAX_LINE`](super::MAX_LINE) bytes.
    LineTooLong,
    /// The trailer of a signed body has no signature of 64 lower-case hex digits.
    TrailerSignature,
    /// The body ended within a frame or before its last chunk.
    Truncated,
}

/// What is wrong with a trailer section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrailerError {
    /// A line follows the trailer's signature.
    AfterSignature,
    /// A line ends in LF alone.
    BareLineFeed,
    /// The declared trailer was sent twice.
    Duplicate,
    /// A line is not a header field.
    Line,
    /// The declared trailer was not sent.
    Missing,
    /// A trailer was declared for a body that has none.
    NotStreaming,
    /// The section is longer than [`MAX_TRAILER_BYTES`](super::MAX_TRAILER_BYTES).
    TooLong,
    /// The section has more lines than [`MAX_TRAILER_LINES`](super::MAX_TRAILER_LINES).
    TooManyLines,
    /// A trailer was sent that the head did not declare.
    Undeclared,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChecksumMismatch { name, expected, calculated } => {
                write!(f, "trailer \"{name}\" says \"{expected}\", the data gives \"{calculated}\"")
            }
            Self::ChunkTooLarge { size, limit } => {
                write!(f, "signed chunk of {size} bytes is larger than {limit}")
            }
            Self::IncompleteBody { expected, provided } => {
                write!(f, "{expected} bytes of data were declared, {provided} came")
            }
            Self::InvalidChunkSize { chunk, size } => {
                write!(f, "chunk before chunk {chunk} has only {size} bytes")
            }
            Self::InvalidTrailerValue { name } => {
                write!(f, "value of trailer \"{name}\" is not a base64 digest")
            }
            Self::MalformedFrame { offset, fault } => {
                write!(f, "malformed aws-chunked body at byte {offset}: {fault}")
            }
            Self::MalformedTrailer { fault } => write!(f, "malformed trailer: {fault}"),
            Self::PayloadMismatch { claimed, calculated } => {
                write!(f, "body was said to hash to \"{claimed}\", it hashes to \"{calculated}\"")
            }
            Self::SignatureMismatch { string_to_sign, .. } => {
                let what = if string_to_sign.starts_with(b"AWS4-HMAC-SHA256-TRAILER\n") {
                    "trailer"
                } else {
                    "chunk"
                };
                write!(f, "{what} signature does not match")
            }
            Self::TrailerNotSupported { name } => write!(f, "trailer \"{name}\" cannot be checked"),
        }
    }
}

impl std::error::Error for BodyError {}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AfterEnd => "bytes after the end",
            Self::BareLineFeed => "line ends in a bare LF",
            Self::ChunkSignature => "chunk header without a proper signature",
            Self::ChunkSize => "chunk header without a proper size",
            Self::DataEnd => "no CRLF after chunk data",
            Self::Failed => "body already failed",
            Self::LineTooLong => "line too long",
            Self::TrailerSignature => "trailer without a proper signature",
            Self::Truncated => "body ends too early",
        })
    }
}

impl fmt::Display for TrailerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AfterSignature => "line after the signature",
            Self::BareLineFeed => "line ends in a bare LF",
            Self::Duplicate => "same trailer twice",
            Self::Line => "line is not \"name: value\"",
            Self::Missing => "declared trailer is missing",
            Self::NotStreaming => "trailer declared for a body without one",
            Self::TooLong => "section too long",
            Self::TooManyLines => "too many lines",
            Self::Undeclared => "trailer was not declared",
        })
    }
}
