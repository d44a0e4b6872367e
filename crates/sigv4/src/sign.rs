//! Signing as a client does: for tools, health checks and tests. Not on any fast path, so it allocates as it likes.

use crate::canonical::canonical_request::CanonicalRequest;
use crate::canonical::signed_headers::SignedHeaders;
use crate::canonical::string_to_sign::{ALGORITHM, StringToSign};
use crate::header;
use crate::keys::origin_credential::Day;
use crate::signature_v2::{BucketForm, ResourceV2, string_to_sign};
use crate::target::buffers::Strip;
use crate::target::encoding;
use crate::{
    ChunkChain, Error, Header, HeaderError, MAX_EXPIRES, Mechanism, OriginCredential, Payload,
    Policy, RequestParts, TargetBuffers, TimeError, Timestamp, param, signature_v2,
};

/// A request that was signed in its headers.
#[derive(Debug)]
pub struct SignedRequest {
    /// Headers to add to the request: `x-amz-content-sha256`, `x-amz-date`, the session token if there is one, and
    /// `Authorization`.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// What was hashed.
    pub canonical_request: Vec<u8>,
    /// What was signed.
    pub string_to_sign: Vec<u8>,
    /// The signature.
    pub signature: [u8; 64],
    /// For the signed streaming payloads: the chain to sign chunks with.
    pub chunk_chain: Option<ChunkChain>,
}

/// Signs a request in its headers.
///
/// All headers of `request` are signed, Host among them, so leave out what others on the way change. The four that are
/// added must not be there.
///
/// ```
/// use sigv4::{Header, OriginCredential, Payload, RequestParts, Secret, Timestamp};
///
/// let key = OriginCredential::new("AKID", Secret::new("secret"), None, "us-east-1", "s3");
/// let headers = [Header { name: b"Host", value: b"s3.example.com" }];
/// let request = RequestParts { method: b"GET", target: b"/bucket/key", headers: &headers };
/// let now = Timestamp::from_unix(1_773_576_000).unwrap();
/// let signed = sigv4::sign_request(&request, &Payload::Unsigned, &key, now)?;
/// assert_eq!(signed.headers.last().unwrap().0, "authorization");
/// # Ok::<(), sigv4::Error>(())
/// ```
///
/// # Errors
///
/// Those of the target; [`HeaderError::NotSigned`] without Host; [`HeaderError::Repeated`] for one of the added headers;
/// [`HeaderError::SignedHeadersMalformed`] for header names that are none.
pub fn sign_request(
    request: &RequestParts<'_>,
    payload: &Payload,
    key: &OriginCredential,
    now: Timestamp,
) -> Result<SignedRequest, Error> {
    let mut added = vec![
        (header::X_AMZ_CONTENT_SHA256, payload.line().to_vec()),
        (header::X_AMZ_DATE, now.as_bytes().to_vec()),
    ];
    if let Some(token) = key.token() {
        added.push((token_name(key), token.expose().to_vec()));
    }
    let taken = request.headers.iter().find(|header| {
        header::is(header.name, header::AUTHORIZATION)
            || added.iter().any(|(name, _)| header::is(header.name, name))
    });
    if let Some(Header { name, value }) = taken {
        return Err(Error::Header(HeaderError::Repeated {
            name: name.to_ascii_lowercase(),
            value: value.to_vec(),
        }));
    }
    let ours = added.iter().map(|(name, value)| Header { name: name.as_bytes(), value });
    let headers: Vec<_> = request.headers.iter().copied().chain(ours).collect();
    let mut buffers = TargetBuffers::default();
    let target = buffers.parse(request.target, true)?.split(Strip::Nothing)?;

    let day = key.day(&now);
    let names = signed_names(&headers)?;
    let signed_headers = signed_headers(&names, Mechanism::Header)?;
    let canonical = CanonicalRequest {
        method: request.method,
        path: target.path(),
        query: target.query(),
        headers: &headers,
        signed_headers,
        lines: None,
        payload: payload.line(),
    };
    let Signature { canonical_request, string_to_sign, signature } =
        Signature::new(&canonical, &day, now);
    let authorization = [
        b"AWS4-HMAC-SHA256 Credential=".as_slice(),
        &day.credential(),
        b", SignedHeaders=",
        &names,
        b", Signature=",
        &signature,
    ];
    let authorization = authorization.concat();
    added.push((header::AUTHORIZATION, authorization));
    let chunk_chain = payload.is_signed_streaming().then(|| {
        ChunkChain::new(day.key().clone(), now, day.scope().concat(), key.access_key(), signature)
    });
    Ok(SignedRequest { headers: added, canonical_request, string_to_sign, signature, chunk_chain })
}

/// Signs a request in its query; the answer is the target of the URL. All headers of `request` are signed, Host among them.
///
/// The payload is unsigned, unless the query has `X-Amz-Content-Sha256`. Valid for `expires_in` seconds from `now`.
///
/// # Errors
///
/// As [`sign_request`], and [`TimeError::ExpiresTooLarge`] beyond [`MAX_EXPIRES`].
pub fn presign(
    request: &RequestParts<'_>,
    expires_in: u64,
    key: &OriginCredential,
    now: Timestamp,
) -> Result<Vec<u8>, Error> {
    let expires = expires_in.to_string();
    if expires_in > MAX_EXPIRES {
        return Err(Error::Time(TimeError::ExpiresTooLarge { value: expires.into() }));
    }
    let names = signed_names(request.headers)?;
    let signed_headers = signed_headers(&names, Mechanism::Presigned)?;
    let day = key.day(&now);
    let credential = day.credential();
    let mut parameters = vec![
        (param::X_AMZ_ALGORITHM, ALGORITHM),
        (param::X_AMZ_CREDENTIAL, credential.as_slice()),
        (param::X_AMZ_DATE, now.as_bytes()),
        (param::X_AMZ_EXPIRES, expires.as_bytes()),
        (param::X_AMZ_SIGNED_HEADERS, &names),
    ];
    let token = match token_name(key) {
        header::X_AMZ_S3SESSION_TOKEN => param::X_AMZ_S3SESSION_TOKEN,
        _ => param::X_AMZ_SECURITY_TOKEN,
    };
    parameters.extend(key.token().map(|secret| (token, secret.expose())));
    let mut url = with_parameters(request.target, &parameters);

    let mut buffers = TargetBuffers::default();
    let target = buffers.parse(&url, true)?.split(Strip::V4)?;
    let payload = match target.query_auth().get(param::Field::ContentSha256) {
        Some(value) => Payload::parse(value)?,
        None => Payload::Unsigned,
    };
    let canonical = CanonicalRequest {
        method: request.method,
        path: target.path(),
        query: target.signed_query(),
        headers: request.headers,
        signed_headers,
        lines: None,
        payload: payload.line(),
    };
    let signature = Signature::new(&canonical, &day, now).signature;
    append(&mut url, param::X_AMZ_SIGNATURE, &signature);
    Ok(url)
}

/// Signs a request in its query with Signature V2, valid through `expires_at`; the answer is the target of the URL.
///
/// `policy` has the domains under which a bucket may stand in the host name. Region and service of the key do not matter.
///
/// # Errors
///
/// Those of the target.
pub fn presign_v2(
    request: &RequestParts<'_>,
    expires_at: Timestamp,
    key: &OriginCredential,
    policy: &Policy,
) -> Result<Vec<u8>, Error> {
    let expires = expires_at.unix().to_string();
    let mut parameters =
        vec![(param::AWS_ACCESS_KEY_ID, key.access_key()), (param::EXPIRES, expires.as_bytes())];
    let token = key.token().map(|secret| (header::X_AMZ_SECURITY_TOKEN, secret.expose()));
    parameters.extend(token);
    let mut url = with_parameters(request.target, &parameters);

    let bucket = request.header(header::HOST).and_then(|host| policy.virtual_bucket(host));
    let mut buffers = TargetBuffers::default();
    let target = buffers.parse(&url, bucket.is_some())?.split(Strip::V2)?;
    let request = &RequestParts { target: &url, ..*request };
    let what = ResourceV2 { request, target, ignored: &[], bucket };
    let string = string_to_sign(&what, expires.as_bytes(), BucketForm::AsSent);
    let signature = signature_v2::sign(key.secret(), &string);
    append(&mut url, param::SIGNATURE, &signature);
    Ok(url)
}

struct Signature {
    canonical_request: Vec<u8>,
    string_to_sign: Vec<u8>,
    signature: [u8; 64],
}

impl Signature {
    fn new(canonical: &CanonicalRequest<'_>, day: &Day<'_>, now: Timestamp) -> Self {
        let mut canonical_request = Vec::new();
        canonical.write(&mut canonical_request);
        let (hash, _) = canonical.hash();
        let scope = day.scope();
        let string = StringToSign { label: ALGORITHM, date: now, scope, chain: &[], hash: &hash };
        let signature = day.key().sign(&string);
        Self { canonical_request, string_to_sign: string.to_vec(), signature }
    }
}

fn signed_names(headers: &[Header<'_>]) -> Result<Vec<u8>, Error> {
    let mut names: Vec<_> = headers.iter().map(|header| header.name.to_ascii_lowercase()).collect();
    names.sort();
    names.dedup();
    if !names.iter().any(|name| name == header::HOST.as_bytes()) {
        return Err(Error::Header(HeaderError::NotSigned { names: vec![header::HOST.into()] }));
    }
    let value = names.join(&b';');
    Ok(value)
}

fn signed_headers(names: &[u8], mechanism: Mechanism) -> Result<SignedHeaders<'_>, Error> {
    SignedHeaders::parse(names).ok_or_else(|| {
        Error::Header(HeaderError::SignedHeadersMalformed { mechanism, value: names.to_vec() })
    })
}

fn token_name(key: &OriginCredential) -> &'static str {
    crate::resign::token_name(key.service())
}

fn with_parameters(target: &[u8], parameters: &[(&str, &[u8])]) -> Vec<u8> {
    let mut target = target.to_vec();
    for (name, value) in parameters {
        append(&mut target, name, value);
    }
    target
}

fn append(target: &mut Vec<u8>, name: &str, value: &[u8]) {
    target.push(if target.contains(&b'?') { b'&' } else { b'?' });
    target.extend_from_slice(name.as_bytes());
    target.push(b'=');
    encoding::encode(value, target);
}
