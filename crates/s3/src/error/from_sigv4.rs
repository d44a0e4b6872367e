//! The one place where facts about a signature become S3 errors.
//!
//! Codes, statuses and members are those that S3 was seen to answer with; the messages have its shape. Two members
//! that S3 has are left out on purpose: `Token-0`, because a session token is a secret even when it is the wrong
//! one, and all but the first word of an Authorization header of an unknown scheme, which may be a password.

use sigv4::{CredentialFault, Error, Mechanism, UriFault};

use crate::{ErrorCode, S3Error};

/// What every malformed-header message begins with; only what follows differs.
const HEADER_MALFORMED: &str = "The authorization header is malformed; ";

/// The same for the credential of a presigned request.
const CREDENTIAL_MALFORMED: &str = "Error parsing the X-Amz-Credential parameter; ";

impl S3Error {
    /// What S3 says about this fact.
    pub fn from_sigv4(error: &Error) -> Self {
        match error {
            Error::AlgorithmUnsupported { .. } => {
                query("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"")
            }
            Error::AuthParameterRepeated { name } => {
                query(format!("{} must not be given more than once.", lossy(name)))
            }
            Error::AuthorizationComponents => header(
                "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
            ),
            Error::AuthorizationTooLong => Self::new(ErrorCode::RequestHeaderSectionTooLarge),
            Error::AuthorizationWithoutSpace { value } => argument(
                "Authorization header is invalid -- one and only one ' ' (space) required",
                "Authorization",
                value,
            ),
            Error::ContentLengthInvalid { .. } => Self::new(ErrorCode::BadRequest)
                .with_message("The Content-Length header is not a number."),
            Error::ContentLengthMissing => Self::new(ErrorCode::MissingContentLength),
            Error::ContentLengthWithTransferEncoding => Self::new(ErrorCode::BadRequest)
                .with_message("Content-Length and Transfer-Encoding must not be given together."),
            Error::Credential { mechanism, fault } => credential(*mechanism, fault),
            Error::DateUnreadable { .. } => Self::access_denied()
                .with_message("AWS authentication requires a valid Date or x-amz-date header"),
            Error::DecodedLengthInvalid { .. } => Self::new(ErrorCode::MissingContentLength)
                .with_message("You must provide the x-amz-decoded-content-length HTTP header."),
            Error::EcdsaStreaming { .. } => Self::not_implemented("x-amz-content-sha256"),
            Error::EntityTooLarge { proposed, max } => Self::entity_too_large(*proposed, *max),
            Error::Expired { expires_in, expires_at, server } => {
                let mut error = Self::access_denied().with_message("Request has expired");
                if let Some(seconds) = expires_in {
                    error = error.with_member("X-Amz-Expires", seconds.to_string());
                }
                error
                    .with_member("Expires", expires_at.iso8601())
                    .with_member("ServerTime", server.iso8601())
            }
            Error::ExpiresNegative { .. } => query("X-Amz-Expires must be non-negative"),
            Error::ExpiresNotNumber { mechanism: Mechanism::Presigned, .. } => {
                query("X-Amz-Expires should be a number")
            }
            Error::ExpiresNotNumber { value, .. } => Self::access_denied().with_message(format!(
                "Invalid date (should be seconds since epoch): {}",
                lossy(value)
            )),
            Error::ExpiresTooLarge { .. } => query(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
                 604800 seconds",
            ),
            Error::HeaderControlByte { name } => {
                argument("Header values must not hold control characters.", &lossy(name), b"")
            }
            Error::HeaderRepeated { name, value } => {
                let name = lossy(name);
                argument(format!("The {name} header must not be given more than once."), &name, value)
            }
            Error::HeadersNotSigned { names } => Self::access_denied()
                .with_message("There were headers present in the request which were not signed")
                .with_member("HeadersNotSigned", names.join(b", ".as_slice())),
            Error::HoistedConflict { name } => Self::new(ErrorCode::InvalidRequest).with_message(format!(
                "{} was given as a header and as a query parameter, with different values.",
                lossy(name)
            )),
            Error::HoistedNotAllowed { name } => Self::new(ErrorCode::InvalidRequest)
                .with_message(format!("{} must be given as a header.", lossy(name))),
            // The client may have signed correctly for a host that something in between has replaced; S3, which
            // knows no list of hosts, finds the same out from the signature.
            Error::HostNotAllowed { .. } => Self::new(ErrorCode::SignatureDoesNotMatch)
                .with_message("The request's Host is not one that signatures are accepted for here."),
            Error::InvalidUri { fault } => invalid_uri(*fault),
            Error::KeyTooLong { size, max } => Self::new(ErrorCode::KeyTooLongError)
                .with_member("Size", size.to_string())
                .with_member("MaxSizeAllowed", max.to_string()),
            Error::MechanismDisabled { .. } => Self::new(ErrorCode::InvalidRequest).with_message(
                "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
            ),
            Error::MissingAuthentication => Self::access_denied(),
            Error::MultipleMechanisms { authorization } => argument(
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
                 parameter or the Authorization header should be specified",
                "Authorization",
                authorization,
            ),
            Error::NotYetValid { date, expires_at, server } => Self::access_denied()
                .with_message("Request is not yet valid")
                .with_member("X-Amz-Date", date.as_bytes())
                .with_member("Expires", expires_at.iso8601())
                .with_member("ServerTime", server.iso8601()),
            Error::ParameterCase { name } => {
                query(format!("{} is not a query parameter; names are case-sensitive.", lossy(name)))
            }
            Error::ParameterNameEmpty => {
                Self::new(ErrorCode::InvalidArgument).with_message("A query parameter has no name.")
            }
            Error::ParameterRepeated { name } => {
                argument("Query parameters must not be given more than once.", &lossy(name), b"")
            }
            Error::ParametersNotSigned { names } => Self::access_denied()
                .with_message("There were parameters present in the request which were not signed")
                .with_member("ParametersNotSigned", names.join(b", ".as_slice())),
            Error::PayloadHashInvalid { value } => argument(
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
                 STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
                "x-amz-content-sha256",
                value,
            ),
            Error::PayloadHashMissing => Self::new(ErrorCode::InvalidRequest)
                .with_message("Missing required header for this request: x-amz-content-sha256"),
            Error::QueryDateInvalid { .. } => {
                query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
            }
            Error::QueryParametersMissing => query(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
                 X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            ),
            Error::RequestTimeTooSkewed { request, server, max_skew } => {
                Self::new(ErrorCode::RequestTimeTooSkewed)
                    .with_member("RequestTime", request.as_bytes())
                    .with_member("ServerTime", server.iso8601())
                    .with_member("MaxAllowedSkewMilliseconds", max_skew.saturating_mul(1000).to_string())
            }
            Error::SignatureMismatch { access_key, string_to_sign, provided, canonical_request } => {
                let error = Self::new(ErrorCode::SignatureDoesNotMatch)
                    .with_member("AWSAccessKeyId", access_key)
                    .with_bytes("StringToSign", "StringToSignBytes", string_to_sign)
                    .with_member("SignatureProvided", provided);
                if canonical_request.is_empty() {
                    return error;
                }
                error.with_bytes("CanonicalRequest", "CanonicalRequestBytes", canonical_request)
            }
            Error::SignedHeadersMalformed { mechanism, .. } => {
                let detail = "SignedHeaders must be at most 100 lower-case names in ascending order, separated by semicolons.";
                malformed(*mechanism, HEADER_MALFORMED, "X-Amz-SignedHeaders is malformed; ", detail)
            }
            Error::StreamingNotAllowed { keyword } => Self::new(ErrorCode::InvalidRequest)
                .with_message(format!("{} is not allowed for this request.", lossy(keyword))),
            Error::TokenExpired { .. } => Self::new(ErrorCode::ExpiredToken),
            Error::TokenInvalid { .. } => Self::new(ErrorCode::InvalidToken),
            // A temporary key is none without its token.
            Error::TokenMissing { access_key } | Error::UnknownAccessKey { access_key } => {
                Self::new(ErrorCode::InvalidAccessKeyId).with_member("AWSAccessKeyId", access_key)
            }
            Error::TooManyParameters => {
                Self::new(ErrorCode::InvalidRequest).with_message("Too many query parameters.")
            }
            Error::TrailerRepeated { .. } => Self::new(ErrorCode::InvalidRequest)
                .with_message("Expecting a single x-amz-checksum- header in x-amz-trailer."),
            Error::TrailerUnexpected { .. } => Self::malformed_trailer(),
            Error::TrailerUnsupported { .. } => Self::unsupported_trailer(),
            Error::UnsupportedScheme { value } => {
                let scheme = value.split(|&byte| byte == b' ').next().unwrap_or_default();
                argument("Unsupported Authorization Type", "Authorization", scheme)
            }
            Error::V2AuthorizationMalformed { value } => argument(
                "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
                "Authorization",
                value,
            ),
            Error::V2ParametersMissing => Self::access_denied().with_message(
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
            ),
            // The enum may grow before this match does; to refuse is always safe.
            _ => Self::access_denied(),
        }
    }
}

impl From<&Error> for S3Error {
    fn from(error: &Error) -> Self {
        Self::from_sigv4(error)
    }
}

/// Rows 9 to 14 of header authentication; rows 7 and 8 of query authentication.
fn credential(mechanism: Mechanism, fault: &CredentialFault) -> S3Error {
    let parsing =
        |detail: String| malformed(mechanism, HEADER_MALFORMED, CREDENTIAL_MALFORMED, &detail);
    match fault {
        CredentialFault::Malformed { .. } => parsing(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".".into(),
        ),
        CredentialFault::Date { value } => parsing(format!(
            "incorrect date format \"{}\". This date in the credential must be in the format \"yyyyMMdd\".",
            lossy(value)
        )),
        CredentialFault::RegionEmpty { expected } => {
            parsing("a non-empty region must be provided in the credential.".into())
                .with_member("Region", expected)
        }
        CredentialFault::Region { value, expected } => {
            parsing(format!("the region '{}' is wrong; expecting '{}'", lossy(value), lossy(expected)))
                .with_member("Region", expected)
        }
        CredentialFault::Service { value } => parsing(format!(
            "incorrect service \"{}\". This endpoint belongs to \"s3\".",
            lossy(value)
        )),
        CredentialFault::Terminal { value } => parsing(format!(
            "incorrect terminal \"{}\". This endpoint uses \"aws4_request\".",
            lossy(value)
        )),
        CredentialFault::DateMismatch { scope, request } if mechanism == Mechanism::Presigned => query(format!(
            "Invalid credential date \"{}\". This date is not the same as X-Amz-Date: \"{}\".",
            lossy(scope),
            lossy(request.date())
        )),
        CredentialFault::DateMismatch { .. } => {
            parsing("Invalid credential date. Date is not the same as X-Amz-Date.".into())
        }
        _ => parsing("the Credential is mal-formed.".into()),
    }
}

fn invalid_uri(fault: UriFault) -> S3Error {
    let error = S3Error::new(ErrorCode::InvalidURI);
    match fault {
        UriFault::EscapedSlashInBucket => {
            error.with_message("The bucket must not hold an escaped slash.")
        }
        _ => error,
    }
}

/// The same fault has one code in the Authorization header and another in the query.
fn malformed(mechanism: Mechanism, in_header: &str, in_query: &str, detail: &str) -> S3Error {
    let (code, begin) = match mechanism {
        Mechanism::Presigned | Mechanism::V2Presigned => {
            (ErrorCode::AuthorizationQueryParametersError, in_query)
        }
        _ => (ErrorCode::AuthorizationHeaderMalformed, in_header),
    };
    S3Error::new(code).with_message(format!("{begin}{detail}"))
}

fn header(detail: &str) -> S3Error {
    S3Error::new(ErrorCode::AuthorizationHeaderMalformed)
        .with_message(format!("{HEADER_MALFORMED}{detail}"))
}

fn query(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new(ErrorCode::AuthorizationQueryParametersError).with_message(message)
}

fn argument(
    message: impl Into<std::borrow::Cow<'static, str>>,
    name: &str,
    value: &[u8],
) -> S3Error {
    S3Error::new(ErrorCode::InvalidArgument)
        .with_message(message)
        .with_member("ArgumentName", name)
        .with_member("ArgumentValue", value)
}

fn lossy(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests;
