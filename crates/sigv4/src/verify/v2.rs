//! Claims of Signature Version 2, for clients that still presign with it (7). Opt-in: it signs neither host nor body.

use crate::header;
use crate::signature_v2::{BucketForm, ResourceV2, SIGNED, string_to_sign};
use crate::target::Target;
use crate::target::param::{Field, Role};
use crate::verify::authorization;
use crate::verify::protocol_headers::ProtocolHeaders;
use crate::{
    AuthorizationError, Error, Header, HeaderError, Mechanism, Payload, Policy, QueryError,
    RequestParts, TimeError, Timestamp,
};

/// Parameters that are not signed and only shape a listing. Any other unsigned one could turn a URL for one operation into
/// one for another, and is refused.
const HARMLESS: [&str; 19] = [
    "continuation-token",
    "delimiter",
    "encoding-type",
    "fetch-owner",
    "key-marker",
    "list-type",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "start-after",
    "upload-id-marker",
    "version-id-marker",
    "x-id",
    "content-md5",
    "content-type",
    "max-buckets",
];

/// What a Signature V2 request claims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClaimV2<'a> {
    pub(crate) access_key: &'a [u8],
    pub(crate) signature: &'a [u8],
    pub(crate) date: Option<Timestamp>,
    pub(crate) payload: Payload,
    pub(crate) token: Option<&'a [u8]>,
    /// The date line: the Date header, nothing beside `x-amz-date`, or the expiry of a presigned URL.
    date_line: &'a [u8],
}

/// The claim of an Authorization header: `AWS id:signature`. Without a clock the skew is not checked.
#[inline(never)]
pub(crate) fn header_claim<'a>(
    value: &'a [u8],
    head: &ProtocolHeaders<'a>,
    policy: &Policy,
    now: Option<Timestamp>,
) -> Result<ClaimV2<'a>, Error> {
    let text = head.x_amz_date.or(head.date);
    let date = text
        .and_then(|text| Timestamp::parse_http_date(text).or(Timestamp::parse_iso_basic(text)))
        // Before 1970, S3 says that there is no valid date, not that the clock is wrong.
        .filter(|date| date.unix() >= 0)
        .ok_or_else(|| TimeError::of_date(text))?;
    authorization::check_skew(date, now, policy)?;
    // The last colon: Swift's ids look like `account:user`, and Base64 has none.
    let malformed =
        || Error::Authorization(AuthorizationError::V2Malformed { value: value.to_vec() });
    let colon = value.iter().rposition(|&b| b == b':').ok_or_else(malformed)?;
    let (access_key, signature) = value.split_at(colon);
    if access_key.is_empty() {
        return Err(malformed());
    }
    Ok(ClaimV2 {
        access_key,
        signature: signature.get(1..).unwrap_or_default(),
        date: Some(date),
        payload: payload(head)?,
        token: head.security_token,
        date_line: if head.x_amz_date.is_some() { b"" } else { head.date.unwrap_or_default() },
    })
}

/// The claim of a presigned URL: `AWSAccessKeyId`, `Expires`, `Signature`. Without a clock the expiry is not checked.
#[inline(never)]
pub(crate) fn presigned_claim<'a>(
    target: Target<'a>,
    head: &ProtocolHeaders<'a>,
    now: Option<Timestamp>,
) -> Result<ClaimV2<'a>, Error> {
    let auth = target.query_auth();
    let present = |field| {
        auth.get(field)
            .filter(|value| !value.is_empty())
            .ok_or(Error::Query(QueryError::V2Incomplete))
    };
    let access_key = present(Field::Credential)?;
    let signature = present(Field::Signature)?;
    let expires = present(Field::Expires)?;
    let expires_at = expiry(expires).ok_or_else(|| {
        Error::Time(TimeError::ExpiresNotNumber {
            mechanism: Mechanism::V2Presigned,
            value: expires.to_vec(),
        })
    })?;
    match now {
        Some(server) if server > expires_at => {
            return Err(Error::Time(TimeError::Expired { expires_in: None, expires_at, server }));
        }
        _ => (),
    }
    let hoisted =
        target.hoisted().find(|(name, _)| *name == header::X_AMZ_SECURITY_TOKEN.as_bytes());
    let token = match (head.security_token, hoisted) {
        (Some(_), Some(_)) => {
            return Err(Error::Header(HeaderError::ContradictsQuery {
                name: header::X_AMZ_SECURITY_TOKEN.into(),
            }));
        }
        (header, query) => query.map(|(_, value)| value).or(header),
    };
    let payload = payload(head)?;
    Ok(ClaimV2 { access_key, signature, date: None, payload, token, date_line: expires })
}

/// Seconds since 1970, in decimal. Beyond the known years: their end.
fn expiry(text: &[u8]) -> Option<Timestamp> {
    if !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds = text.iter().fold(0i64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')))
    });
    Timestamp::from_unix(seconds).or_else(|| Timestamp::parse_iso_basic(b"99991231T235959Z"))
}

/// Refuses other vendors' orders, none of which this signature covers.
#[inline(never)]
pub(crate) fn check_coverage(headers: &[Header<'_>], policy: &Policy) -> Result<(), Error> {
    let is_uncovered =
        |name: &[u8]| header::is_order(name) && !header::is_amz(name) && !policy.ignores(name);
    match headers.iter().find(|header| is_uncovered(header.name)) {
        Some(header) => Err(Error::Header(HeaderError::NotSigned {
            names: vec![header.name.to_ascii_lowercase()],
        })),
        None => Ok(()),
    }
}

/// Signature V2 knows no payload hash, but one that is sent is signed as any `x-amz-*` header is.
fn payload(head: &ProtocolHeaders<'_>) -> Result<Payload, Error> {
    head.content_sha256.map_or(Ok(Payload::Unsigned), Payload::parse)
}

/// Refuses parameters that are not signed and that could select another operation.
///
/// In a presigned URL, `x-amz-*` parameters are signed as the headers they stand for.
#[inline(never)]
pub(crate) fn check_parameters(target: Target<'_>, mechanism: Mechanism) -> Result<(), Error> {
    let in_query = mechanism == Mechanism::V2Presigned;
    let query = target.parsed_query();
    let names =
        query.parameters().iter().filter(|parameter| !in_query || parameter.role == Role::Other);
    let mut names: Vec<_> = names.map(|parameter| query.pair(parameter).name.to_vec()).collect();
    names.retain(|name| !SIGNED.iter().chain(&HARMLESS).any(|own| own.as_bytes() == name));
    if names.is_empty() { Ok(()) } else { Err(Error::Query(QueryError::NotSigned { names })) }
}

impl ClaimV2<'_> {
    /// What the client should have signed.
    pub(crate) fn string_to_sign(
        &self,
        request: &RequestParts<'_>,
        policy: &Policy,
        target: Target<'_>,
        bucket: Option<&[u8]>,
        form: BucketForm,
    ) -> Vec<u8> {
        let ignored = &policy.ignored;
        string_to_sign(&ResourceV2 { request, target, ignored, bucket }, self.date_line, form)
    }
}
