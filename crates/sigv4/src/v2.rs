//! Signature Version 2, for clients that still presign with it (7). Opt-in: it signs neither host nor body.
//!
//! ```text
//! method \n content-md5 \n content-type \n date \n (x-amz-name:value\n)* resource
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

use crate::head::Head;
use crate::header::{self, trim};
use crate::param::{Field, Role};
use crate::query_auth::QueryAuth;
use crate::sink::Sink;
use crate::{
    Error, Header, Mechanism, Payload, Policy, Request, Scratch, Secret, Timestamp, authorization,
    canonical,
};

/// Sub-resources that are signed. Servers differ; this is the list of the reference.
const SIGNED: [&str; 33] = [
    "accelerate",
    "acl",
    "analytics",
    "cors",
    "delete",
    "inventory",
    "lifecycle",
    "location",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "partNumber",
    "policy",
    "replication",
    "requestPayment",
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
    "restore",
    "select",
    "select-type",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versionId",
    "versioning",
    "versions",
    "website",
];

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
pub(crate) fn header_claim<'a>(
    value: &'a [u8],
    head: &Head<'a>,
    policy: &Policy,
    now: Option<Timestamp>,
) -> Result<ClaimV2<'a>, Error> {
    let text = head.x_amz_date.or(head.date);
    let date = text
        .and_then(|text| Timestamp::parse_http_date(text).or(Timestamp::parse_iso_basic(text)))
        // Before 1970, S3 says that there is no valid date, not that the clock is wrong.
        .filter(|date| date.unix() >= 0)
        .ok_or_else(|| Error::DateUnreadable { value: text.map(<[u8]>::to_vec) })?;
    authorization::check_skew(date, now, policy)?;
    // The last colon: Swift's ids look like `account:user`, and Base64 has none.
    let malformed = || Error::V2AuthorizationMalformed { value: value.to_vec() };
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
pub(crate) fn presigned_claim<'a>(
    auth: QueryAuth<'a>,
    scratch: &'a Scratch,
    head: &Head<'a>,
    now: Option<Timestamp>,
) -> Result<ClaimV2<'a>, Error> {
    let present =
        |field| auth.get(field).filter(|value| !value.is_empty()).ok_or(Error::V2ParametersMissing);
    let access_key = present(Field::Credential)?;
    let signature = present(Field::Signature)?;
    let expires = present(Field::Expires)?;
    let expires_at = expiry(expires).ok_or_else(|| Error::ExpiresNotNumber {
        mechanism: Mechanism::V2Presigned,
        value: expires.to_vec(),
    })?;
    match now {
        Some(server) if server > expires_at => {
            return Err(Error::Expired { expires_in: None, expires_at, server });
        }
        _ => (),
    }
    let hoisted =
        scratch.hoisted().find(|(name, _)| *name == header::X_AMZ_SECURITY_TOKEN.as_bytes());
    let token = match (head.security_token, hoisted) {
        (Some(_), Some(_)) => {
            return Err(Error::HoistedConflict { name: header::X_AMZ_SECURITY_TOKEN.into() });
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
pub(crate) fn check_coverage(headers: &[Header<'_>], policy: &Policy) -> Result<(), Error> {
    let is_uncovered =
        |name: &[u8]| header::is_order(name) && !header::is_amz(name) && !policy.ignores(name);
    match headers.iter().find(|header| is_uncovered(header.name)) {
        Some(header) => {
            Err(Error::HeadersNotSigned { names: vec![header.name.to_ascii_lowercase()] })
        }
        None => Ok(()),
    }
}

/// Signature V2 knows no payload hash, but one that is sent is signed as any `x-amz-*` header is.
fn payload(head: &Head<'_>) -> Result<Payload, Error> {
    head.content_sha256.map_or(Ok(Payload::Unsigned), Payload::parse)
}

/// The string to sign. Its signed part of the query is what [`check_parameters`] leaves no doubt about.
pub(crate) fn string_to_sign(
    request: &Request<'_>,
    ignored: &[Vec<u8>],
    scratch: &Scratch,
    bucket: Option<&[u8]>,
    date_line: &[u8],
    form: BucketForm,
    sink: &mut impl Sink,
) {
    sink.put(request.method);
    sink.put(b"\n");
    for name in [header::CONTENT_MD5, header::CONTENT_TYPE] {
        // Presigning clients put these into the query, since they sign them as headers.
        let mut value = Vec::new();
        let hoisted = scratch.parsed_query().pairs().find(|pair| pair.name == name.as_bytes());
        match (request.header(name), hoisted) {
            (Some(header), _) => value.extend_from_slice(header),
            (None, Some(pair)) => canonical::decode(pair.value, &mut value),
            (None, None) => (),
        }
        sink.put(&value);
        sink.put(b"\n");
    }
    sink.put(date_line);
    sink.put(b"\n");
    amz_lines(request, ignored, scratch, sink);
    resource(request, scratch, bucket, form, sink);
}

/// How the resource of a bucket is written. boto3 and aws-cli send `/bucket` and sign `/bucket/`; others sign what they send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BucketForm {
    AsSent,
    /// With the slash at its end that was not sent, or without the one that was.
    Other,
}

/// `x-amz-*` lines, headers and those that stand in the query: sorted, values of one name joined.
///
/// Headers that may come unsigned cannot be told from those that were signed; they count as unsigned, and go no further.
fn amz_lines(request: &Request<'_>, ignored: &[Vec<u8>], scratch: &Scratch, sink: &mut impl Sink) {
    let is_ignored = |name: &[u8]| ignored.iter().any(|own| octets::is_but_for_case(name, own));
    let is_signed = |header: &&Header<'_>| header::is_amz(header.name) && !is_ignored(header.name);
    let headers = request.headers.iter().filter(is_signed);
    let headers = headers.map(|header| (header.name.to_ascii_lowercase(), trim(header.value)));
    let mut lines: Vec<_> = headers.collect();
    let mut is_header = vec![false; scratch.all_hoisted().count()];
    for (name, _) in &lines {
        let place = scratch.hoisted_place(name).and_then(|place| is_header.get_mut(place));
        place.into_iter().for_each(|place| *place = true);
    }
    let hoisted = scratch.all_hoisted().zip(is_header).filter(|(_, is_header)| !is_header);
    lines.extend(hoisted.map(|((name, value), _)| (name.to_vec(), trim(value))));
    // Stable: values of one name keep their order.
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    for same in lines.chunk_by(|(a, _), (b, _)| a == b) {
        let mut separator: &[u8] = b":";
        for (name, value) in same {
            if separator == b":" {
                sink.put(name);
            }
            sink.put(separator);
            sink.put(value);
            separator = b",";
        }
        sink.put(b"\n");
    }
}

/// The bucket of the host name, the raw path as sent, and the signed sub-resources with decoded values.
fn resource(
    request: &Request<'_>,
    scratch: &Scratch,
    bucket: Option<&[u8]>,
    form: BucketForm,
    sink: &mut impl Sink,
) {
    if let Some(bucket) = bucket {
        sink.put(b"/");
        sink.put(bucket);
    }
    let (path, raw_query) = request.split_target();
    let path = if path.is_empty() { b"/" } else { path };
    let is_bucket = match (bucket, path) {
        (Some(_), _) => path == b"/",
        (None, [b'/', name @ ..]) => {
            let name = name.strip_suffix(b"/").unwrap_or(name);
            !name.is_empty() && !name.contains(&b'/')
        }
        (None, _) => false,
    };
    match (form, path) {
        (BucketForm::Other, [bare @ .., b'/']) if is_bucket => sink.put(bare),
        (BucketForm::Other, _) if is_bucket => {
            sink.put(path);
            sink.put(b"/");
        }
        _ => sink.put(path),
    }
    let mut separator: &[u8] = b"?";
    for pair in scratch.parsed_query().pairs() {
        if !SIGNED.iter().any(|own| own.as_bytes() == pair.name) {
            continue;
        }
        sink.put(separator);
        sink.put(pair.name);
        if !pair.value.is_empty() || has_equals(raw_query, pair.name) {
            let mut value = Vec::new();
            canonical::decode(pair.value, &mut value);
            sink.put(b"=");
            sink.put(&value);
        }
        separator = b"&";
    }
}

/// Whether a parameter without a value came with its `=`, which is then signed.
fn has_equals(raw_query: &[u8], name: &[u8]) -> bool {
    raw_query.split(|&b| b == b'&').any(|pair| pair.strip_suffix(b"=") == Some(name))
}

/// Refuses parameters that are not signed and that could select another operation.
///
/// In a presigned URL, `x-amz-*` parameters are signed as the headers they stand for.
pub(crate) fn check_parameters(scratch: &Scratch, mechanism: Mechanism) -> Result<(), Error> {
    let in_query = mechanism == Mechanism::V2Presigned;
    let query = scratch.parsed_query();
    let names =
        query.parameters().iter().filter(|parameter| !in_query || parameter.role == Role::Other);
    let mut names: Vec<_> = names.map(|parameter| query.pair(parameter).name.to_vec()).collect();
    names.retain(|name| !SIGNED.iter().chain(&HARMLESS).any(|own| own.as_bytes() == name));
    if names.is_empty() { Ok(()) } else { Err(Error::ParametersNotSigned { names }) }
}

/// The signature: Base64 of the HMAC-SHA1.
pub(crate) fn sign(secret: &Secret, string_to_sign: &[u8]) -> [u8; 28] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.expose()).expect("HMAC takes keys of every length");
    mac.update(string_to_sign);
    let mut text = [b'='; 28];
    // Cannot fail: 20 bytes are 28 characters.
    let _ = STANDARD.encode_slice(mac.finalize().into_bytes(), &mut text);
    text
}

/// Whether `claimed` is the signature, compared in constant time.
pub(crate) fn matches(secret: &Secret, string_to_sign: &[u8], claimed: &[u8]) -> bool {
    sign(secret, string_to_sign).as_slice().ct_eq(claimed).into()
}

impl ClaimV2<'_> {
    /// What the client should have signed.
    pub(crate) fn string_to_sign(
        &self,
        request: &Request<'_>,
        policy: &Policy,
        scratch: &Scratch,
        bucket: Option<&[u8]>,
        form: BucketForm,
    ) -> Vec<u8> {
        let mut text = Vec::new();
        let ignored = &policy.ignored;
        string_to_sign(request, ignored, scratch, bucket, self.date_line, form, &mut text);
        text
    }
}
