//! What can be wrong with a request's signature: facts, and no S3 error codes.
//!
//! A variant holds what an error document wants to show, as owned bytes. The code, the status and the log level follow
//! from the variant elsewhere, in one `match`. [`Display`](fmt::Display) gives a log line without secrets.

use std::fmt;

use crate::{Mechanism, Timestamp};

/// Why a request was not accepted. Sections are those of the protocol reference (order of checks: 1.3 and 1.4).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// `X-Amz-Algorithm` is neither the HMAC nor the ECDSA algorithm (1.4 row 1).
    AlgorithmUnsupported {
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// A query parameter that belongs to presigned authentication stands in the query twice (C4).
    AuthParameterRepeated {
        /// The parameter's name.
        name: Vec<u8>,
    },
    /// Not exactly `Credential`, `SignedHeaders` and `Signature`, each once (1.3 row 8).
    AuthorizationComponents,
    /// The Authorization header is longer than [`MAX_AUTHORIZATION`](crate::MAX_AUTHORIZATION) bytes (1.2).
    AuthorizationTooLong,
    /// No blank follows the scheme of the Authorization header, or the header is empty (1.3 row 2).
    AuthorizationWithoutSpace {
        /// The header's value.
        value: Vec<u8>,
    },
    /// `Content-Length` is not a decimal number.
    ContentLengthInvalid {
        /// The header's value.
        value: Vec<u8>,
    },
    /// A PUT with neither `Content-Length` nor `Transfer-Encoding` (1.5).
    ContentLengthMissing,
    /// `Content-Length` and `Transfer-Encoding` in one request: two opinions about where the body ends.
    ContentLengthWithTransferEncoding,
    /// The credential scope is wrong (1.3 rows 9 to 14; 1.4 rows 7 and 8).
    Credential {
        /// Where the credential stood: [`Mechanism::Header`] or [`Mechanism::Presigned`].
        mechanism: Mechanism,
        /// What is wrong with it.
        fault: CredentialFault,
    },
    /// No `x-amz-date` (or else `Date`) header, or none in a form that is accepted (1.3 row 6).
    DateUnreadable {
        /// The value that could not be read; none if no header was there.
        value: Option<Vec<u8>>,
    },
    /// A streaming payload whose `x-amz-decoded-content-length` is absent or not decimal (1.5).
    DecodedLengthInvalid {
        /// The value that could not be read; none if no header was there.
        value: Option<Vec<u8>>,
    },
    /// A streaming payload of the SigV4A kind, which is not implemented (3.1).
    EcdsaStreaming {
        /// The keyword in `x-amz-content-sha256`.
        keyword: Vec<u8>,
    },
    /// The object, or the part, is larger than [`Policy::max_object`](crate::Policy::max_object) (1.5).
    EntityTooLarge {
        /// Announced size in bytes.
        proposed: u64,
        /// Largest size that is accepted, in bytes.
        max: u64,
    },
    /// A presigned request came after its expiry (1.4 row 6).
    Expired {
        /// `X-Amz-Expires` in seconds; none for Signature V2, which has only the instant.
        expires_in: Option<u64>,
        /// The last second at which the request was valid.
        expires_at: Timestamp,
        /// The server's clock.
        server: Timestamp,
    },
    /// `X-Amz-Expires` is negative (1.4 row 4).
    ExpiresNegative {
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// `X-Amz-Expires`, or `Expires` of Signature V2, is not a number (1.4 row 4).
    ExpiresNotNumber {
        /// [`Mechanism::Presigned`] or [`Mechanism::V2Presigned`].
        mechanism: Mechanism,
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// `X-Amz-Expires` is more than [`MAX_EXPIRES`](crate::MAX_EXPIRES) seconds, a week (1.4 row 4).
    ExpiresTooLarge {
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// A header value holds a control byte other than the tab (2.5).
    HeaderControlByte {
        /// The header's name as received, or of the query parameter that stands for it.
        name: Vec<u8>,
    },
    /// A header that must be unique came twice (C4).
    HeaderRepeated {
        /// The header's name, lower case.
        name: Vec<u8>,
        /// The second value.
        value: Vec<u8>,
    },
    /// Headers that must be signed are not (C3; 1.3 row 15).
    HeadersNotSigned {
        /// Their names, lower case, in order of arrival.
        names: Vec<Vec<u8>>,
    },
    /// A header, and a query parameter that stands for the same header, say different things (4).
    HoistedConflict {
        /// The header's name, lower case.
        name: Vec<u8>,
    },
    /// A header that may not be given as a query parameter (5).
    HoistedNotAllowed {
        /// The header's name, lower case.
        name: Vec<u8>,
    },
    /// The Host is not one of [`Policy::hosts`](crate::Policy::hosts) (C5).
    HostNotAllowed {
        /// The Host header's value; empty if there was none.
        host: Vec<u8>,
    },
    /// The target has a broken percent-escape, a NUL, an escaped slash in its bucket, or is not in origin-form (2.2).
    InvalidUri {
        /// Which of these.
        fault: UriFault,
    },
    /// The object key is longer than 1024 bytes, decoded (1.5).
    KeyTooLong {
        /// Length of the key in bytes.
        size: usize,
        /// Longest key that is accepted, in bytes.
        max: usize,
    },
    /// A known mechanism that is not enabled here (1.3 row 3b).
    MechanismDisabled {
        /// Its name for people: "Signature Version 2" and so on.
        name: &'static str,
    },
    /// Nothing in the request looks like authentication: an anonymous request (C7).
    MissingAuthentication,
    /// More than one authentication mechanism (1.1).
    MultipleMechanisms {
        /// The Authorization header's value; empty if both mechanisms stand in the query.
        authorization: Vec<u8>,
    },
    /// A presigned request is dated further ahead than the tolerated skew (1.4 row 5).
    NotYetValid {
        /// `X-Amz-Date` of the request.
        date: Timestamp,
        /// The last second at which it would be valid.
        expires_at: Timestamp,
        /// The server's clock.
        server: Timestamp,
    },
    /// The name of an authentication parameter in another case (2.3).
    ParameterCase {
        /// The name as received, decoded.
        name: Vec<u8>,
    },
    /// A query parameter without a name (2.3).
    ParameterNameEmpty,
    /// A query parameter that occurs twice (C4).
    ParameterRepeated {
        /// Its name.
        name: Vec<u8>,
    },
    /// Query parameters that Signature V2 does not sign and that could select another operation (7).
    ParametersNotSigned {
        /// Their names.
        names: Vec<Vec<u8>>,
    },
    /// `x-amz-content-sha256` is neither a keyword nor 64 hexadecimal digits (1.3 row 5).
    PayloadHashInvalid {
        /// The header's value.
        value: Vec<u8>,
    },
    /// Header authentication without `x-amz-content-sha256` (1.3 row 4).
    PayloadHashMissing,
    /// `X-Amz-Date` of a presigned request is not in the ISO 8601 basic form (1.4 row 3).
    QueryDateInvalid {
        /// The parameter's value, decoded.
        value: Vec<u8>,
    },
    /// Some of the parameters of presigned authentication, but not all (1.4 row 2, C6).
    QueryParametersMissing,
    /// The request's date differs from the server's by more than is tolerated (1.3 row 7).
    RequestTimeTooSkewed {
        /// The request's date.
        request: Timestamp,
        /// The server's clock.
        server: Timestamp,
        /// Tolerated difference in seconds.
        max_skew: i64,
    },
    /// Right in every form, but not signed with the secret of this access key (1.3 row 18).
    SignatureMismatch {
        /// The access key id that was named.
        access_key: Vec<u8>,
        /// What the client should have signed.
        string_to_sign: Vec<u8>,
        /// The signature as sent.
        provided: Vec<u8>,
        /// The canonical request; empty for Signature V2 and for chunks, which have none.
        canonical_request: Vec<u8>,
    },
    /// The list of signed headers is not sorted, unique, lower case, or has something else than names (1.2).
    SignedHeadersMalformed {
        /// Where the list stood: [`Mechanism::Header`] or [`Mechanism::Presigned`].
        mechanism: Mechanism,
        /// The list as sent.
        value: Vec<u8>,
    },
    /// A streaming payload where none may be: not a PUT of an object or part, or not header authentication (C8).
    StreamingNotAllowed {
        /// The keyword in `x-amz-content-sha256`.
        keyword: Vec<u8>,
    },
    /// The session token is the right one but has expired (1.3 row 17).
    TokenExpired {
        /// The token as sent.
        token: Vec<u8>,
    },
    /// The session token is not that of the access key (1.3 row 17).
    TokenInvalid {
        /// The token as sent.
        token: Vec<u8>,
    },
    /// A temporary access key without its session token (1.3 row 17).
    TokenMissing {
        /// The access key id.
        access_key: Vec<u8>,
    },
    /// More than [`MAX_PARAMETERS`](crate::MAX_PARAMETERS) query parameters (1.2).
    TooManyParameters,
    /// `x-amz-trailer` announces more than one trailer (3.4).
    TrailerRepeated {
        /// The header's value.
        value: Vec<u8>,
    },
    /// `x-amz-trailer` beside a payload that has no trailer (3.4).
    TrailerUnexpected {
        /// The header's value.
        value: Vec<u8>,
    },
    /// `x-amz-trailer` announces something that is not a checksum (3.4).
    TrailerUnsupported {
        /// The header's value.
        value: Vec<u8>,
    },
    /// No such access key (1.3 row 16).
    UnknownAccessKey {
        /// The access key id as sent.
        access_key: Vec<u8>,
    },
    /// The Authorization header's scheme is unknown (1.3 row 3).
    UnsupportedScheme {
        /// The header's value.
        value: Vec<u8>,
    },
    /// `Authorization: AWS` is not followed by an access key id, a colon and a signature (7).
    V2AuthorizationMalformed {
        /// The header's value.
        value: Vec<u8>,
    },
    /// Some of `AWSAccessKeyId`, `Expires` and `Signature`, but not all (1.1).
    V2ParametersMissing,
}

/// What is wrong with a credential scope, in the order in which it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialFault {
    /// Not five parts between slashes (row 9).
    Malformed {
        /// The whole credential.
        value: Vec<u8>,
    },
    /// The date is not a `yyyyMMdd` date (row 10).
    Date {
        /// The date as sent.
        value: Vec<u8>,
    },
    /// The region is empty although regions are configured (row 11).
    RegionEmpty {
        /// The first configured region.
        expected: Vec<u8>,
    },
    /// The region is none of those that are configured (row 11).
    Region {
        /// The region as sent.
        value: Vec<u8>,
        /// The first configured region.
        expected: Vec<u8>,
    },
    /// The service is not `s3` (row 12).
    Service {
        /// The service as sent.
        value: Vec<u8>,
    },
    /// The last part is not `aws4_request` (row 13).
    Terminal {
        /// The last part as sent.
        value: Vec<u8>,
    },
    /// The date is not the day of the request (row 14).
    DateMismatch {
        /// The scope's date.
        scope: Vec<u8>,
        /// The request's date.
        request: Timestamp,
    },
}

/// What is wrong with a request target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriFault {
    /// `%` without two hexadecimal digits.
    BrokenEscape,
    /// `%2F` in the bucket's segment: one parser's bucket would be another's bucket and key.
    EscapedSlashInBucket,
    /// A NUL byte in the path.
    Nul,
    /// Does not begin with a slash.
    NotOriginForm,
}

impl std::error::Error for Error {}

/// Longest scheme that is shown; that of SigV4A has 23 bytes.
const MAX_SCHEME: usize = 24;

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlgorithmUnsupported { value } => {
                write!(f, "unsupported X-Amz-Algorithm \"{}\"", value.escape_ascii())
            }
            Self::AuthParameterRepeated { name } => {
                write!(f, "authentication parameter \"{}\" is repeated", name.escape_ascii())
            }
            Self::AuthorizationComponents => f.write_str(
                "\"Authorization\" header has not exactly Credential, SignedHeaders and Signature",
            ),
            Self::AuthorizationTooLong => f.write_str("\"Authorization\" header is too long"),
            Self::AuthorizationWithoutSpace { .. } => {
                f.write_str("\"Authorization\" header has no space after its scheme")
            }
            Self::ContentLengthInvalid { value } => {
                write!(f, "invalid \"Content-Length\" header \"{}\"", value.escape_ascii())
            }
            Self::ContentLengthMissing => f.write_str("PUT without \"Content-Length\" header"),
            Self::ContentLengthWithTransferEncoding => {
                f.write_str("\"Content-Length\" and \"Transfer-Encoding\" headers together")
            }
            Self::Credential { fault, .. } => fault.fmt(f),
            Self::DateUnreadable { value: None } => {
                f.write_str("neither \"x-amz-date\" nor \"Date\" header")
            }
            Self::DateUnreadable { value: Some(value) } => {
                write!(f, "unreadable request date \"{}\"", value.escape_ascii())
            }
            Self::DecodedLengthInvalid { value: None } => {
                f.write_str("streaming payload without \"x-amz-decoded-content-length\" header")
            }
            Self::DecodedLengthInvalid { value: Some(value) } => write!(
                f,
                "invalid \"x-amz-decoded-content-length\" header \"{}\"",
                value.escape_ascii()
            ),
            Self::EcdsaStreaming { keyword } => {
                write!(f, "payload \"{}\" is not implemented", keyword.escape_ascii())
            }
            Self::EntityTooLarge { proposed, max } => {
                write!(f, "object of {proposed} bytes exceeds {max} bytes")
            }
            Self::Expired { expires_at, server, .. } => {
                write!(f, "presigned request expired at {expires_at}, now is {server}")
            }
            Self::ExpiresNegative { value } => {
                write!(f, "negative X-Amz-Expires \"{}\"", value.escape_ascii())
            }
            Self::ExpiresNotNumber { value, .. } => {
                write!(f, "expiry \"{}\" is not a number", value.escape_ascii())
            }
            Self::ExpiresTooLarge { value } => {
                write!(f, "X-Amz-Expires \"{}\" is more than a week", value.escape_ascii())
            }
            Self::HeaderControlByte { name } => {
                write!(f, "control byte in header \"{}\"", name.escape_ascii())
            }
            Self::HeaderRepeated { name, .. } => {
                write!(f, "header \"{}\" is repeated", name.escape_ascii())
            }
            Self::HeadersNotSigned { names } => {
                f.write_str("headers are not signed: ")?;
                list(f, names)
            }
            Self::HoistedConflict { name } => {
                write!(f, "header \"{}\" contradicts the query parameter", name.escape_ascii())
            }
            Self::HoistedNotAllowed { name } => {
                write!(f, "header \"{}\" may not stand in the query", name.escape_ascii())
            }
            Self::HostNotAllowed { host } => {
                write!(f, "host \"{}\" is not served", host.escape_ascii())
            }
            Self::InvalidUri { fault } => fault.fmt(f),
            Self::KeyTooLong { size, max } => {
                write!(f, "object key of {size} bytes exceeds {max} bytes")
            }
            Self::MechanismDisabled { name } => write!(f, "{name} is not enabled"),
            Self::MissingAuthentication => f.write_str("request is not signed"),
            Self::MultipleMechanisms { .. } => {
                f.write_str("more than one authentication mechanism")
            }
            Self::NotYetValid { date, server, .. } => {
                write!(f, "presigned request is dated {date}, now is {server}")
            }
            Self::ParameterCase { name } => {
                write!(f, "authentication parameter \"{}\" in another case", name.escape_ascii())
            }
            Self::ParameterNameEmpty => f.write_str("query parameter without a name"),
            Self::ParameterRepeated { name } => {
                write!(f, "query parameter \"{}\" is repeated", name.escape_ascii())
            }
            Self::ParametersNotSigned { names } => {
                f.write_str("query parameters are not signed: ")?;
                list(f, names)
            }
            Self::PayloadHashInvalid { value } => {
                write!(f, "invalid \"x-amz-content-sha256\" header \"{}\"", value.escape_ascii())
            }
            Self::PayloadHashMissing => f.write_str("no \"x-amz-content-sha256\" header"),
            Self::QueryDateInvalid { value } => {
                write!(f, "unreadable X-Amz-Date \"{}\"", value.escape_ascii())
            }
            Self::QueryParametersMissing => {
                f.write_str("incomplete parameters of query authentication")
            }
            Self::RequestTimeTooSkewed { request, server, max_skew } => {
                write!(f, "request is dated {request}, more than {max_skew} s from now, {server}")
            }
            Self::SignatureMismatch { access_key, .. } => {
                write!(
                    f,
                    "signature of access key \"{}\" does not match",
                    access_key.escape_ascii()
                )
            }
            Self::SignedHeadersMalformed { value, .. } => {
                write!(f, "malformed list of signed headers \"{}\"", value.escape_ascii())
            }
            Self::StreamingNotAllowed { keyword } => {
                write!(f, "payload \"{}\" is not allowed here", keyword.escape_ascii())
            }
            Self::TokenExpired { .. } => f.write_str("session token has expired"),
            Self::TokenInvalid { .. } => {
                f.write_str("session token does not belong to the access key")
            }
            Self::TokenMissing { access_key } => {
                write!(f, "access key \"{}\" needs a session token", access_key.escape_ascii())
            }
            Self::TooManyParameters => f.write_str("too many query parameters"),
            Self::TrailerRepeated { value } => {
                write!(f, "more than one trailer announced: \"{}\"", value.escape_ascii())
            }
            Self::TrailerUnexpected { value } => {
                write!(f, "payload has no trailer, but \"{}\" is announced", value.escape_ascii())
            }
            Self::TrailerUnsupported { value } => {
                write!(f, "unsupported trailer \"{}\"", value.escape_ascii())
            }
            Self::UnknownAccessKey { access_key } => {
                write!(f, "unknown access key \"{}\"", access_key.escape_ascii())
            }
            Self::UnsupportedScheme { value } => {
                f.write_str("unsupported authorization scheme")?;
                // Of a value without the usual blank the rest may be a signature.
                let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
                let length = value.iter().take_while(|byte| is_name(byte)).count();
                match value.get(..length).filter(|name| (1..=MAX_SCHEME).contains(&name.len())) {
                    Some(name) => write!(f, " \"{}\"", name.escape_ascii()),
                    None => Ok(()),
                }
            }
            Self::V2AuthorizationMalformed { .. } => {
                f.write_str("\"Authorization\" header of Signature Version 2 is malformed")
            }
            Self::V2ParametersMissing => {
                f.write_str("incomplete parameters of Signature Version 2 query authentication")
            }
        }
    }
}

impl fmt::Display for CredentialFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { value } => {
                write!(f, "credential \"{}\" has not five parts", value.escape_ascii())
            }
            Self::Date { value } => {
                write!(f, "credential date \"{}\" is not a date", value.escape_ascii())
            }
            Self::RegionEmpty { .. } => f.write_str("credential region is empty"),
            Self::Region { value, expected } => write!(
                f,
                "credential region \"{}\" is wrong, expecting \"{}\"",
                value.escape_ascii(),
                expected.escape_ascii()
            ),
            Self::Service { value } => {
                write!(f, "credential service \"{}\" is not \"s3\"", value.escape_ascii())
            }
            Self::Terminal { value } => {
                write!(f, "credential ends in \"{}\"", value.escape_ascii())
            }
            Self::DateMismatch { scope, request } => write!(
                f,
                "credential date \"{}\" is not that of the request, {request}",
                scope.escape_ascii()
            ),
        }
    }
}

impl fmt::Display for UriFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BrokenEscape => "broken percent-escape in request target",
            Self::EscapedSlashInBucket => "escaped slash in the bucket of the request target",
            Self::Nul => "NUL in request target",
            Self::NotOriginForm => "request target does not begin with a slash",
        })
    }
}

fn list(f: &mut fmt::Formatter<'_>, names: &[Vec<u8>]) -> fmt::Result {
    for (i, name) in names.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        write!(f, "{}", name.escape_ascii())?;
    }
    Ok(())
}
