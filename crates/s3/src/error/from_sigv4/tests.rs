use sigv4::Timestamp;
use sigv4::{
    AuthorizationError, CredentialError, HeaderError, MechanismError, PayloadError, QueryError,
    SignatureError, TargetError, TimeError, TokenError,
};

use super::*;

fn check(error: Error, status: u16, code: &str, message: &str, members: &[(&str, &str)]) {
    let s3 = S3Error::from_sigv4(&error);
    assert_eq!((s3.status(), s3.code()), (status, code), "{error}");
    assert!(s3.message().contains(message), "{error}: {}", s3.message());
    let shown: Vec<_> =
        s3.members().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
    let shown: Vec<_> = shown.iter().map(|(name, value)| (*name, &**value)).collect();
    assert_eq!(shown, members, "{error}");
}

fn credential_fault(
    mechanism: Mechanism,
    reason: CredentialError,
    detail: &str,
    region: Option<&str>,
) {
    let (code, begin) = match mechanism {
        Mechanism::Header => {
            ("AuthorizationHeaderMalformed", "The authorization header is malformed; ")
        }
        _ => {
            ("AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter; ")
        }
    };
    let members: Vec<_> = region.iter().map(|region| ("Region", *region)).collect();
    check(
        Error::Credential { mechanism, reason },
        400,
        code,
        &format!("{begin}{detail}"),
        &members,
    );
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse_iso_basic(text.as_bytes()).unwrap()
}

fn bytes(text: &str) -> Vec<u8> {
    text.into()
}

const QUERY: &str = "AuthorizationQueryParametersError";

#[test]
fn arguments() {
    let argument = |name, value| [("ArgumentName", name), ("ArgumentValue", value)];
    let authorization = || bytes("AWS4-HMAC-SHA256 x");
    let members = argument("Authorization", "AWS4-HMAC-SHA256 x");
    let error = Error::Mechanism(MechanismError::Multiple { authorization: authorization() });
    check(error, 400, "InvalidArgument", "Only one auth mechanism allowed; ", &members);
    let error = Error::Authorization(AuthorizationError::WithoutSpace { value: authorization() });
    check(error, 400, "InvalidArgument", "one and only one ' ' (space) required", &members);
    let error = Error::Authorization(AuthorizationError::V2Malformed { value: authorization() });
    check(error, 400, "InvalidArgument", "Expected AwsAccessKeyId:signature", &members);
    let error = Error::Authorization(AuthorizationError::UnsupportedScheme {
        value: bytes("Basic dXNlcjpwYXNz"),
    });
    check(
        error,
        400,
        "InvalidArgument",
        "Unsupported Authorization Type",
        &argument("Authorization", "Basic"),
    );
    let error = Error::Payload(PayloadError::HashInvalid { value: bytes("x") });
    check(
        error,
        400,
        "InvalidArgument",
        "or a valid sha256 value.",
        &argument("x-amz-content-sha256", "x"),
    );
    let error = Error::Header(HeaderError::Repeated { name: bytes("host"), value: bytes("b") });
    check(error, 400, "InvalidArgument", "The host header", &argument("host", "b"));
    let error = Error::Query(QueryError::Repeated { name: bytes("a") });
    check(error, 400, "InvalidArgument", "more than once", &argument("a", ""));
    check(Error::Query(QueryError::NameEmpty), 400, "InvalidArgument", "no name", &[]);
}

#[test]
fn times() {
    let (request, server) = (at("20260315T120000Z"), at("20260315T121501Z"));
    check(
        Error::Time(TimeError::TooSkewed { request, server, max_skew: 900 }),
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        &[
            ("RequestTime", "20260315T120000Z"),
            ("ServerTime", "2026-03-15T12:15:01Z"),
            ("MaxAllowedSkewMilliseconds", "900000"),
        ],
    );
    check(
        Error::Time(TimeError::Expired {
            expires_in: Some(60),
            expires_at: at("20260315T120100Z"),
            server,
        }),
        403,
        "AccessDenied",
        "Request has expired",
        &[
            ("X-Amz-Expires", "60"),
            ("Expires", "2026-03-15T12:01:00Z"),
            ("ServerTime", "2026-03-15T12:15:01Z"),
        ],
    );
    check(
        Error::Time(TimeError::NotYetValid {
            date: server,
            expires_at: at("20260315T121601Z"),
            server: request,
        }),
        403,
        "AccessDenied",
        "Request is not yet valid",
        &[
            ("X-Amz-Date", "20260315T121501Z"),
            ("Expires", "2026-03-15T12:16:01Z"),
            ("ServerTime", "2026-03-15T12:00:00Z"),
        ],
    );
    check(
        Error::Time(TimeError::DateMissing),
        403,
        "AccessDenied",
        "a valid Date or x-amz-date",
        &[],
    );
    check(
        Error::Time(TimeError::QueryDateUnreadable { value: bytes("x") }),
        400,
        QUERY,
        "X-Amz-Date must be",
        &[],
    );
    let error =
        |mechanism| Error::Time(TimeError::ExpiresNotNumber { mechanism, value: bytes("x") });
    check(error(Mechanism::Presigned), 400, QUERY, "X-Amz-Expires should be a number", &[]);
    check(error(Mechanism::V2Presigned), 403, "AccessDenied", "seconds since epoch): x", &[]);
    check(
        Error::Time(TimeError::ExpiresNegative { value: bytes("-1") }),
        400,
        QUERY,
        "must be non-negative",
        &[],
    );
    check(
        Error::Time(TimeError::ExpiresTooLarge { value: bytes("604801") }),
        400,
        QUERY,
        "less than a week",
        &[],
    );
}

#[test]
fn credentials() {
    use CredentialError::*;
    for mechanism in [Mechanism::Header, Mechanism::Presigned] {
        let value = || bytes("x");
        credential_fault(
            mechanism,
            Malformed { value: value() },
            "the Credential is mal-formed; expecting",
            None,
        );
        credential_fault(mechanism, Date { value: value() }, "incorrect date format \"x\".", None);
        credential_fault(
            mechanism,
            Service { value: value() },
            "incorrect service \"x\". This endpoint",
            None,
        );
        credential_fault(
            mechanism,
            Terminal { value: value() },
            "incorrect terminal \"x\". This endpoint",
            None,
        );
        let fault = RegionEmpty { expected: bytes("y") };
        credential_fault(mechanism, fault, "a non-empty region must be provided", Some("y"));
        let fault = Region { value: value(), expected: bytes("y") };
        credential_fault(mechanism, fault, "the region 'x' is wrong; expecting 'y'", Some("y"));
    }
    let fault = || DateMismatch { scope: bytes("20260314"), request: at("20260315T120000Z") };
    credential_fault(
        Mechanism::Header,
        fault(),
        "Invalid credential date. Date is not the same",
        None,
    );
    let error = Error::Credential { mechanism: Mechanism::Presigned, reason: fault() };
    let message = "Invalid credential date \"20260314\". This date is not the same as X-Amz-Date: \"20260315\".";
    check(error, 400, QUERY, message, &[]);
}

#[test]
fn keys_tokens_and_signatures() {
    let key = || bytes("AK<");
    check(
        Error::Signature(SignatureError::ExpiredAccessKey { access_key: key() }),
        403,
        "InvalidAccessKeyId",
        "does not exist in our records",
        &[("AWSAccessKeyId", "AK<")],
    );
    check(
        Error::Signature(SignatureError::UnknownAccessKey { access_key: key() }),
        403,
        "InvalidAccessKeyId",
        "does not exist in our records",
        &[("AWSAccessKeyId", "AK<")],
    );
    check(
        Error::Token(TokenError::Missing { access_key: key() }),
        403,
        "InvalidAccessKeyId",
        "",
        &[("AWSAccessKeyId", "AK<")],
    );
    check(
        Error::Token(TokenError::Invalid { token: bytes("secret") }),
        400,
        "InvalidToken",
        "",
        &[],
    );
    check(
        Error::Token(TokenError::Expired { token: bytes("secret") }),
        400,
        "ExpiredToken",
        "",
        &[],
    );
    let names = vec![bytes("host"), bytes("x-amz-acl")];
    let members = [("HeadersNotSigned", "host, x-amz-acl")];
    let message = "There were headers present in the request which were not signed";
    check(Error::Header(HeaderError::NotSigned { names }), 403, "AccessDenied", message, &members);
    check(
        Error::Signature(SignatureError::Mismatch {
            access_key: key(),
            string_to_sign: bytes("A\n"),
            provided: bytes("00"),
            canonical_request: bytes("GET"),
        }),
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match",
        &[
            ("AWSAccessKeyId", "AK<"),
            ("StringToSign", "A\n"),
            ("StringToSignBytes", "41 0a"),
            ("SignatureProvided", "00"),
            ("CanonicalRequest", "GET"),
            ("CanonicalRequestBytes", "47 45 54"),
        ],
    );
}

#[test]
fn everything_else() {
    let value = || bytes("x");
    let malformed = "AuthorizationHeaderMalformed";
    check(
        Error::Authorization(AuthorizationError::Components),
        400,
        malformed,
        "requires three components",
        &[],
    );
    let error = |mechanism| {
        Error::Header(HeaderError::SignedHeadersMalformed { mechanism, value: value() })
    };
    check(error(Mechanism::Header), 400, malformed, "SignedHeaders", &[]);
    check(error(Mechanism::Presigned), 400, QUERY, "X-Amz-SignedHeaders", &[]);
    check(
        Error::Query(QueryError::AlgorithmUnsupported { value: value() }),
        400,
        QUERY,
        "X-Amz-Algorithm only supports",
        &[],
    );
    check(
        Error::Query(QueryError::AuthenticationRepeated { name: value() }),
        400,
        QUERY,
        "x must",
        &[],
    );
    check(Error::Query(QueryError::WrongCase { name: value() }), 400, QUERY, "case-sensitive", &[]);
    check(Error::Query(QueryError::Incomplete), 400, QUERY, "version 4 requires", &[]);
    check(Error::Mechanism(MechanismError::Missing), 403, "AccessDenied", "Access Denied", &[]);
    check(
        Error::Query(QueryError::V2Incomplete),
        403,
        "AccessDenied",
        "requires the Signature",
        &[],
    );
    check(
        Error::Mechanism(MechanismError::Disabled { name: "V2" }),
        400,
        "InvalidRequest",
        "Please use AWS4-HMAC-SHA256.",
        &[],
    );
    check(
        Error::Payload(PayloadError::HashMissing),
        400,
        "InvalidRequest",
        "Missing required header",
        &[],
    );
    check(
        Error::Header(HeaderError::ContradictsQuery { name: value() }),
        400,
        "InvalidRequest",
        "different values",
        &[],
    );
    check(
        Error::Payload(PayloadError::StreamingNotAllowed { keyword: value() }),
        400,
        "InvalidRequest",
        "x is not allowed",
        &[],
    );
    check(
        Error::Payload(PayloadError::TrailerRepeated { value: value() }),
        400,
        "InvalidRequest",
        "single",
        &[],
    );
    check(
        Error::Payload(PayloadError::TrailerUnsupported { value: value() }),
        400,
        "InvalidRequest",
        "not supported",
        &[],
    );
    check(
        Error::Payload(PayloadError::TrailerUnexpected { value: value() }),
        400,
        "MalformedTrailerError",
        "",
        &[],
    );
    check(Error::Payload(PayloadError::ContentLengthMissing), 411, "MissingContentLength", "", &[]);
    check(Error::Payload(PayloadError::DecodedLengthMissing), 411, "MissingContentLength", "", &[]);
    check(
        Error::Payload(PayloadError::ContentLengthWithTransferEncoding),
        400,
        "BadRequest",
        "",
        &[],
    );
    let members = [("ProposedSize", "2"), ("MaxSizeAllowed", "1")];
    check(
        Error::Payload(PayloadError::TooLarge { proposed: 2, max: 1 }),
        400,
        "EntityTooLarge",
        "",
        &members,
    );
    let members = [("Size", "1025"), ("MaxSizeAllowed", "1024")];
    check(
        Error::Target(TargetError::KeyTooLong { size: 1025, max: 1024 }),
        400,
        "KeyTooLongError",
        "",
        &members,
    );
    check(Error::Target(TargetError::Nul), 400, "InvalidURI", "Couldn't parse", &[]);
    let members = [("Header", "x-amz-content-sha256")];
    check(
        Error::Payload(PayloadError::EcdsaStreaming { keyword: value() }),
        501,
        "NotImplemented",
        "",
        &members,
    );
    check(
        Error::Header(HeaderError::HostBelowServed { host: value() }),
        400,
        "InvalidRequest",
        "virtual-host style",
        &[],
    );
    check(
        Error::Header(HeaderError::HostOutsideDomains { host: value() }),
        400,
        "InvalidRequest",
        "neither a domain",
        &[],
    );
    check(
        Error::Header(HeaderError::HostNotServed { host: value() }),
        403,
        "SignatureDoesNotMatch",
        "Host",
        &[],
    );
}
