//! The one place where facts about a signature become S3 errors.
//!
//! Codes, statuses and members are those that S3 was seen to answer with; the messages have its shape. Two members
//! that S3 has are left out on purpose: `Token-0`, because a session token is a secret even when it is the wrong
//! one, and all but the first word of an Authorization header of an unknown scheme, which may be a password.

use sigv4::{
    AuthorizationError, CredentialError, Error, HeaderError, Mechanism, MechanismError,
    PayloadError, QueryError, SignatureError, TargetError, TimeError, TokenError,
};

use crate::{ErrorCode, S3Error};

/// What every malformed-header message begins with; only what follows differs.
const HEADER_MALFORMED: &str = "The authorization header is malformed; ";

/// The same for the credential of a presigned request.
const CREDENTIAL_MALFORMED: &str = "Error parsing the X-Amz-Credential parameter; ";

impl S3Error {
    /// What S3 says about this fact.
    pub fn from_sigv4(error: &Error) -> Self {
        match error {
            Error::Authorization(reason) => authorization(reason),
            Error::Credential { mechanism, reason } => credential(*mechanism, reason),
            Error::Header(reason) => header(reason),
            Error::Mechanism(reason) => mechanism(reason),
            Error::Payload(reason) => payload(reason),
            Error::Query(reason) => query(reason),
            Error::Signature(reason) => signature(reason),
            Error::Target(reason) => target(reason),
            Error::Time(reason) => time(reason),
            Error::Token(reason) => token(reason),
            // Errors may grow before this and the matches below do; to refuse is always safe.
            _ => Self::access_denied(),
        }
    }
}

impl From<&Error> for S3Error {
    fn from(error: &Error) -> Self {
        Self::from_sigv4(error)
    }
}

fn authorization(reason: &AuthorizationError) -> S3Error {
    match reason {
        AuthorizationError::Components => header_malformed(
            "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
        ),
        AuthorizationError::TooLong => S3Error::new(ErrorCode::RequestHeaderSectionTooLarge),
        AuthorizationError::UnsupportedScheme { value } => {
            let scheme = value.split(|&byte| byte == b' ').next().unwrap_or_default();
            argument("Unsupported Authorization Type", "Authorization", scheme)
        }
        AuthorizationError::V2Malformed { value } => argument(
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            "Authorization",
            value,
        ),
        AuthorizationError::WithoutSpace { value } => argument(
            "Authorization header is invalid -- one and only one ' ' (space) required",
            "Authorization",
            value,
        ),
        _ => S3Error::access_denied(),
    }
}

/// Rows 9 to 14 of header authentication; rows 7 and 8 of query authentication.
fn credential(mechanism: Mechanism, reason: &CredentialError) -> S3Error {
    let parsing =
        |detail: String| malformed(mechanism, HEADER_MALFORMED, CREDENTIAL_MALFORMED, &detail);
    match reason {
        CredentialError::Malformed { .. } => parsing(
            "the Credential is mal-formed; expecting \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".".into(),
        ),
        CredentialError::Date { value } => parsing(format!(
            "incorrect date format \"{}\". This date in the credential must be in the format \"yyyyMMdd\".",
            lossy(value)
        )),
        CredentialError::RegionEmpty { expected } => {
            parsing("a non-empty region must be provided in the credential.".into())
                .with_member("Region", expected)
        }
        CredentialError::Region { value, expected } => {
            parsing(format!("the region '{}' is wrong; expecting '{}'", lossy(value), lossy(expected)))
                .with_member("Region", expected)
        }
        CredentialError::Service { value } => parsing(format!(
            "incorrect service \"{}\". This endpoint belongs to \"s3\".",
            lossy(value)
        )),
        CredentialError::Terminal { value } => parsing(format!(
            "incorrect terminal \"{}\". This endpoint uses \"aws4_request\".",
            lossy(value)
        )),
        CredentialError::DateMismatch { scope, request } if mechanism == Mechanism::Presigned => query_malformed(format!(
            "Invalid credential date \"{}\". This date is not the same as X-Amz-Date: \"{}\".",
            lossy(scope),
            lossy(request.date())
        )),
        CredentialError::DateMismatch { .. } => {
            parsing("Invalid credential date. Date is not the same as X-Amz-Date.".into())
        }
        _ => parsing("the Credential is mal-formed.".into()),
    }
}

fn header(reason: &HeaderError) -> S3Error {
    match reason {
        HeaderError::ContradictsQuery { name } => S3Error::new(ErrorCode::InvalidRequest)
            .with_message(format!(
                "{} was given as a header and as a query parameter, with different values.",
                lossy(name)
            )),
        HeaderError::ContradictsTarget { .. } => S3Error::new(ErrorCode::InvalidRequest)
            .with_message("The host of the request target differs from the Host header."),
        HeaderError::ControlByte { name } => {
            argument("Header values must not hold control characters.", &lossy(name), b"")
        }
        HeaderError::HostBelowServed { .. } => S3Error::new(ErrorCode::InvalidRequest).with_message(
            "The request's Host names a bucket (virtual-host style), which is not served here. Use path-style requests.",
        ),
        HeaderError::HostOutsideDomains { .. } => S3Error::new(ErrorCode::InvalidRequest)
            .with_message(
                "The request's Host is neither a domain that is served here nor a bucket's name below one.",
            ),
        // The client may have signed correctly for a host that something in between has replaced; S3, which
        // knows no list of hosts, finds the same out from the signature.
        HeaderError::HostNotServed { .. } => S3Error::new(ErrorCode::SignatureDoesNotMatch)
            .with_message("The request's Host is not one that signatures are accepted for here."),
        HeaderError::NotAllowedInQuery { name } => S3Error::new(ErrorCode::InvalidRequest)
            .with_message(format!("{} must be given as a header.", lossy(name))),
        HeaderError::NotSigned { names } => S3Error::access_denied()
            .with_message("There were headers present in the request which were not signed")
            .with_member("HeadersNotSigned", names.join(b", ".as_slice())),
        HeaderError::Repeated { name, value } => {
            let name = lossy(name);
            argument(format!("The {name} header must not be given more than once."), &name, value)
        }
        HeaderError::SignedHeadersMalformed { mechanism, .. } => {
            let detail = "SignedHeaders must be at most 100 lower-case names in ascending order, separated by semicolons.";
            malformed(*mechanism, HEADER_MALFORMED, "X-Amz-SignedHeaders is malformed; ", detail)
        }
        _ => S3Error::access_denied(),
    }
}

fn mechanism(reason: &MechanismError) -> S3Error {
    match reason {
        MechanismError::Disabled { .. } => S3Error::new(ErrorCode::InvalidRequest).with_message(
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
        ),
        MechanismError::Missing => S3Error::access_denied(),
        MechanismError::Multiple { authorization } => argument(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string \
             parameter or the Authorization header should be specified",
            "Authorization",
            authorization,
        ),
        _ => S3Error::access_denied(),
    }
}

fn payload(reason: &PayloadError) -> S3Error {
    match reason {
        PayloadError::ContentLengthInvalid { .. } => S3Error::new(ErrorCode::BadRequest)
            .with_message("The Content-Length header is not a number."),
        PayloadError::ContentLengthMissing => S3Error::new(ErrorCode::MissingContentLength),
        PayloadError::ContentLengthWithTransferEncoding => S3Error::new(ErrorCode::BadRequest)
            .with_message("Content-Length and Transfer-Encoding must not be given together."),
        PayloadError::DecodedLengthInvalid { .. } | PayloadError::DecodedLengthMissing => {
            S3Error::new(ErrorCode::MissingContentLength)
                .with_message("You must provide the x-amz-decoded-content-length HTTP header.")
        }
        PayloadError::EcdsaStreaming { .. } => S3Error::not_implemented("x-amz-content-sha256"),
        PayloadError::HashInvalid { value } => argument(
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
             STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.",
            "x-amz-content-sha256",
            value,
        ),
        PayloadError::HashMissing => S3Error::new(ErrorCode::InvalidRequest)
            .with_message("Missing required header for this request: x-amz-content-sha256"),
        PayloadError::StreamingNotAllowed { keyword } => S3Error::new(ErrorCode::InvalidRequest)
            .with_message(format!("{} is not allowed for this request.", lossy(keyword))),
        PayloadError::TooLarge { proposed, max } => S3Error::entity_too_large(*proposed, *max),
        PayloadError::TrailerRepeated { .. } => S3Error::new(ErrorCode::InvalidRequest)
            .with_message("Expecting a single x-amz-checksum- header in x-amz-trailer."),
        PayloadError::TrailerUnexpected { .. } => S3Error::malformed_trailer(),
        PayloadError::TrailerUnsupported { .. } => S3Error::unsupported_trailer(),
        _ => S3Error::access_denied(),
    }
}

fn query(reason: &QueryError) -> S3Error {
    match reason {
        QueryError::AlgorithmUnsupported { .. } => {
            query_malformed("X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\"")
        }
        QueryError::AuthenticationRepeated { name } => {
            query_malformed(format!("{} must not be given more than once.", lossy(name)))
        }
        QueryError::Incomplete => query_malformed(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, \
             X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
        ),
        QueryError::NameEmpty => {
            S3Error::new(ErrorCode::InvalidArgument).with_message("A query parameter has no name.")
        }
        QueryError::NotSigned { names } => S3Error::access_denied()
            .with_message("There were parameters present in the request which were not signed")
            .with_member("ParametersNotSigned", names.join(b", ".as_slice())),
        QueryError::Repeated { name } => {
            argument("Query parameters must not be given more than once.", &lossy(name), b"")
        }
        QueryError::TooMany => {
            S3Error::new(ErrorCode::InvalidRequest).with_message("Too many query parameters.")
        }
        QueryError::V2Incomplete => S3Error::access_denied().with_message(
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
        ),
        QueryError::WrongCase { name } => {
            query_malformed(format!("{} is not a query parameter; names are case-sensitive.", lossy(name)))
        }
        _ => S3Error::access_denied(),
    }
}

fn signature(reason: &SignatureError) -> S3Error {
    match reason {
        SignatureError::Mismatch { access_key, string_to_sign, provided, canonical_request } => {
            let error = S3Error::new(ErrorCode::SignatureDoesNotMatch)
                .with_member("AWSAccessKeyId", access_key)
                .with_bytes("StringToSign", "StringToSignBytes", string_to_sign)
                .with_member("SignatureProvided", provided);
            if canonical_request.is_empty() {
                return error;
            }
            error.with_bytes("CanonicalRequest", "CanonicalRequestBytes", canonical_request)
        }
        SignatureError::ExpiredAccessKey { access_key }
        | SignatureError::UnknownAccessKey { access_key } => unknown_key(access_key),
        _ => S3Error::access_denied(),
    }
}

fn target(reason: &TargetError) -> S3Error {
    match reason {
        TargetError::KeyTooLong { size, max } => S3Error::new(ErrorCode::KeyTooLongError)
            .with_member("Size", size.to_string())
            .with_member("MaxSizeAllowed", max.to_string()),
        TargetError::EscapedSlashInBucket => S3Error::new(ErrorCode::InvalidURI)
            .with_message("The bucket must not hold an escaped slash."),
        _ => S3Error::new(ErrorCode::InvalidURI),
    }
}

fn time(reason: &TimeError) -> S3Error {
    match reason {
        TimeError::DateMissing | TimeError::DateUnreadable { .. } => S3Error::access_denied()
            .with_message("AWS authentication requires a valid Date or x-amz-date header"),
        TimeError::Expired { expires_in, expires_at, server } => {
            let mut error = S3Error::access_denied().with_message("Request has expired");
            if let Some(seconds) = expires_in {
                error = error.with_member("X-Amz-Expires", seconds.to_string());
            }
            error
                .with_member("Expires", expires_at.iso8601())
                .with_member("ServerTime", server.iso8601())
        }
        TimeError::ExpiresNegative { .. } => query_malformed("X-Amz-Expires must be non-negative"),
        TimeError::ExpiresNotNumber { mechanism: Mechanism::Presigned, .. } => {
            query_malformed("X-Amz-Expires should be a number")
        }
        TimeError::ExpiresNotNumber { value, .. } => S3Error::access_denied().with_message(
            format!("Invalid date (should be seconds since epoch): {}", lossy(value)),
        ),
        TimeError::ExpiresTooLarge { .. } => query_malformed(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than \
             604800 seconds",
        ),
        TimeError::NotYetValid { date, expires_at, server } => S3Error::access_denied()
            .with_message("Request is not yet valid")
            .with_member("X-Amz-Date", date.as_bytes())
            .with_member("Expires", expires_at.iso8601())
            .with_member("ServerTime", server.iso8601()),
        TimeError::QueryDateUnreadable { .. } => query_malformed(
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        ),
        TimeError::TooSkewed { request, server, max_skew } => {
            S3Error::new(ErrorCode::RequestTimeTooSkewed)
                .with_member("RequestTime", request.as_bytes())
                .with_member("ServerTime", server.iso8601())
                .with_member(
                    "MaxAllowedSkewMilliseconds",
                    max_skew.saturating_mul(1000).to_string(),
                )
        }
        _ => S3Error::access_denied(),
    }
}

fn token(reason: &TokenError) -> S3Error {
    match reason {
        TokenError::Expired { .. } => S3Error::new(ErrorCode::ExpiredToken),
        TokenError::Invalid { .. } => S3Error::new(ErrorCode::InvalidToken),
        // A temporary key is none without its token.
        TokenError::Missing { access_key } => unknown_key(access_key),
        _ => S3Error::access_denied(),
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

fn header_malformed(detail: &str) -> S3Error {
    S3Error::new(ErrorCode::AuthorizationHeaderMalformed)
        .with_message(format!("{HEADER_MALFORMED}{detail}"))
}

fn query_malformed(message: impl Into<std::borrow::Cow<'static, str>>) -> S3Error {
    S3Error::new(ErrorCode::AuthorizationQueryParametersError).with_message(message)
}

fn unknown_key(access_key: &[u8]) -> S3Error {
    S3Error::new(ErrorCode::InvalidAccessKeyId).with_member("AWSAccessKeyId", access_key)
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
