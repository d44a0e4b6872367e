//! Faults of dates, and of what the head declares about the body.

use crate::{Mechanism, Timestamp};

/// What is wrong with what the head declares about the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PayloadError {
    /// `Content-Length` is not a decimal number.
    #[error("invalid \"Content-Length\" header \"{}\"", .value.escape_ascii())]
    ContentLengthInvalid {
        /// The header's value.
        value: Vec<u8>,
    },
    /// A PUT with neither `Content-Length` nor `Transfer-Encoding` (1.5).
    #[error("PUT without \"Content-Length\" header")]
    ContentLengthMissing,
    /// `Content-Length` and `Transfer-Encoding` in one request: two opinions about where the body ends.
    #[error("\"Content-Length\" and \"Transfer-Encoding\" headers together")]
    ContentLengthWithTransferEncoding,
    /// `x-amz-decoded-content-length` of a streaming payload is not decimal (1.5).
    #[error("invalid \"x-amz-decoded-content-length\" header \"{}\"", .value.escape_ascii())]
    DecodedLengthInvalid {
        /// The header's value.
        value: Vec<u8>,
    },
    /// A streaming payload without `x-amz-decoded-content-length` (1.5).
    #[error("streaming payload without \"x-amz-decoded-content-length\" header")]
    DecodedLengthMissing,
    /// A streaming payload of the SigV4A kind, which is not implemented (3.1).
    #[error("payload \"{}\" is not implemented", .keyword.escape_ascii())]
    EcdsaStreaming {
        /// The keyword in `x-amz-content-sha256`.
        keyword: Vec<u8>,
    },
    /// `x-amz-content-sha256` is neither a keyword nor 64 hexadecimal digits (1.3 row 5).
    #[error("invalid \"x-amz-content-sha256\" header \"{}\"", .value.escape_ascii())]
    HashInvalid {
        /// The header's value.
        value: Vec<u8>,
    },
    /// Header authentication without `x-amz-content-sha256` (1.3 row 4).
    #[error("no \"x-amz-content-sha256\" header")]
    HashMissing,
    /// A streaming payload where none may be: not a PUT of an object or part, or not header authentication (C8).
    #[error("payload \"{}\" is not allowed here", .keyword.escape_ascii())]
    StreamingNotAllowed {
        /// The keyword in `x-amz-content-sha256`.
        keyword: Vec<u8>,
    },
    /// The object, or the part, is larger than [`Policy::max_object`](crate::Policy::max_object) (1.5).
    #[error("object of {proposed} bytes exceeds {max} bytes")]
    TooLarge {
        /// Declared size in bytes.
        proposed: u64,
        /// Largest size that is accepted, in bytes.
        max: u64,
    },
    /// `x-amz-trailer` declares more than one trailer (3.4).
    #[error("more than one trailer declared: \"{}\"", .value.escape_ascii())]
    TrailerRepeated {
        /// The header's value.
        value: Vec<u8>,
    },
    /// `x-amz-trailer` beside a payload that has no trailer (3.4).
    #[error("payload has no trailer, but \"{}\" is declared", .value.escape_ascii())]
    TrailerUnexpected {
        /// The header's value.
        value: Vec<u8>,
    },
    /// `x-amz-trailer` declares something that is not a checksum (3.4).
    #[error("unsupported trailer \"{}\"", .value.escape_ascii())]
    TrailerUnsupported {
        /// The header's value.
        value: Vec<u8>,
    },
}

/// What is wrong with the dates of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// Neither an `x-amz-date` nor a `Date` header (1.3 row 6).
    #[error("neither \"x-amz-date\" nor \"Date\" header")]
    DateMissing,
    /// The `x-amz-date` (or else `Date`) header is in no form that is accepted (1.3 row 6).
    #[error("unreadable request date \"{}\"", .value.escape_ascii())]
    DateUnreadable {
        /// The header's value.
        value: Vec<u8>,
    },
    /// A presigned request came after its expiry (1.4 row 6).
    #[error("presigned request expired at {expires_at}, now is {server}")]
    Expired {
        /// `X-Amz-Expires` in seconds; none for Signature V2, which has only the instant.
        expires_in: Option<u64>,
        /// The last second at which the request was valid.
        expires_at: Timestamp,
        /// The server's clock.
        server: Timestamp,
    },
    /// `X-Amz-Expires` is negative (1.4 row 4).
    #[error("negative X-Amz-Expires \"{}\"", .value.escape_ascii())]
    ExpiresNegative {
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// `X-Amz-Expires`, or `Expires` of Signature V2, is not a number (1.4 row 4).
    #[error("expiry \"{}\" is not a number", .value.escape_ascii())]
    ExpiresNotNumber {
        /// [`Mechanism::Presigned`] or [`Mechanism::V2Presigned`].
        mechanism: Mechanism,
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// `X-Amz-Expires` is more than [`MAX_EXPIRES`](crate::MAX_EXPIRES) seconds, a week (1.4 row 4).
    #[error("X-Amz-Expires \"{}\" is more than a week", .value.escape_ascii())]
    ExpiresTooLarge {
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// A presigned request is dated further ahead than the tolerated skew (1.4 row 5).
    #[error("presigned request is dated {date}, now is {server}")]
    NotYetValid {
        /// `X-Amz-Date` of the request.
        date: Timestamp,
        /// The last second at which it would be valid.
        expires_at: Timestamp,
        /// The server's clock.
        server: Timestamp,
    },
    /// `X-Amz-Date` of a presigned request is not in the ISO 8601 basic form (1.4 row 3).
    #[error("unreadable X-Amz-Date \"{}\"", .value.escape_ascii())]
    QueryDateUnreadable {
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// The request's date differs from the server's by more than is tolerated (1.3 row 7).
    #[error("request is dated {request}, more than {max_skew} s from now, {server}")]
    TooSkewed {
        /// The request's date.
        request: Timestamp,
        /// The server's clock.
        server: Timestamp,
        /// Tolerated difference in seconds.
        max_skew: i64,
    },
}

impl TimeError {
    /// Of a date header that is in no form that is accepted, or of none at all.
    pub(crate) fn of_date(value: Option<&[u8]>) -> Self {
        match value {
            Some(value) => Self::DateUnreadable { value: value.to_vec() },
            None => Self::DateMissing,
        }
    }
}
