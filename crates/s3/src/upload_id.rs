//! Upload ids that say which origin has the upload.
//!
//! A multipart upload is known to the origin that began it and to no other. What clients get for its id is
//!
//! ```text
//! s3u1.<origin tag>.<authenticator>.<the origin's own id>
//! ```
//!
//! so that whatever belongs to the upload finds its origin, whichever is in use meanwhile. The tag is in plain view, for balancers
//! in front that have several proxies to choose from. The authenticator, 128 bits of HMAC-SHA256 with a key of the proxies' over
//! tag, bucket and id, keeps anybody from naming an origin of his choice. The key of the object is left to the origin, which knows
//! whose the id is. All but the origin's own part is of characters that need no escape in a URL.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sha2::{Digest as _, Sha256};
use sigv4::Secret;
use smallvec::SmallVec;

use crate::Operation;
use crate::address::{cut, decode_with_blanks};
use crate::operation::parameters;

/// What tells such an id from an origin's own.
const MARK: &[u8] = b"s3u1.";
/// Bytes of the HMAC that are kept (RFC 2104, 5: no less than half).
const AUTHENTICATOR: usize = 16;
/// Their length as base64.
const AUTHENTICATOR_TEXT: usize = 22;
/// So that the key serves for nothing else.
const PURPOSE: &[u8] = b"s3 upload id 1\0";

/// What stays as it is in a query (RFC 3986, 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// An origin as an upload id names it: the first eight hexadecimal digits of the SHA-256 of its name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OriginTag([u8; 8]);

impl OriginTag {
    /// The tag of the origin with that name.
    ///
    /// ```
    /// assert_eq!(s3::OriginTag::of("b").to_string(), "3e23e816");
    /// ```
    pub fn of(name: &str) -> Self {
        let mut tag = [0; 8];
        let [first, second, third, fourth, ..]: [u8; 32] = Sha256::digest(name).into();
        // Four bytes are eight digits.
        let _ = hex::encode_to_slice([first, second, third, fourth], &mut tag);
        Self(tag)
    }
}

impl fmt::Display for OriginTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.escape_ascii().fmt(f)
    }
}

/// The keys by which a proxy knows the upload ids that it, or another one with the same keys, has given to clients.
#[derive(Debug)]
pub struct UploadIdKeys {
    /// New ids are made with the first.
    keys: SmallVec<[Secret; 2]>,
}

/// An upload, and the origin that has it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct OriginUpload<'a> {
    /// The origin.
    pub origin: OriginTag,
    /// What it calls the upload.
    pub id: &'a [u8],
}

/// The id looks like one of ours, and none was ever given out for that bucket.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnknownUploadId;

impl UploadIdKeys {
    /// New ids are made with `key`; those that were made with `old` are known, too.
    pub fn new(key: Secret, old: Option<Secret>) -> Self {
        Self { keys: [key].into_iter().chain(old).collect() }
    }

    /// The client's name of an upload that `origin` has in `bucket` (decoded, the clients' name). Without an id there is none.
    pub fn mark(&self, origin: OriginTag, bucket: &[u8], id: &[u8]) -> Vec<u8> {
        let key = self.keys.first().filter(|_| !id.is_empty());
        let code = key.and_then(|key| authenticator(key, origin, bucket, id));
        let Some(code) = code else { return id.to_vec() };
        let code = code.finalize().into_bytes();
        let code = BASE64.encode(code.get(..AUTHENTICATOR).unwrap_or_default());
        [MARK, &origin.0, b".", code.as_bytes(), b".", id].concat()
    }

    /// What the client's name of an upload in `bucket` says; none for one that is an origin's own.
    ///
    /// # Errors
    ///
    /// Nobody who has these keys has made it for that bucket.
    ///
    /// ```
    /// use s3::{OriginTag, UploadIdKeys};
    ///
    /// let keys = UploadIdKeys::new(sigv4::Secret::new("key"), None);
    /// let id = keys.mark(OriginTag::of("b"), b"media", b"2~upload");
    /// let upload = keys.read(b"media", &id).unwrap().unwrap();
    /// assert_eq!((upload.origin, upload.id), (OriginTag::of("b"), &b"2~upload"[..]));
    /// assert!(keys.read(b"other", &id).is_err());
    /// assert_eq!(keys.read(b"media", b"2~upload"), Ok(None));
    /// ```
    pub fn read<'a>(
        &self,
        bucket: &[u8],
        id: &'a [u8],
    ) -> Result<Option<OriginUpload<'a>>, UnknownUploadId> {
        let Some(rest) = id.strip_prefix(MARK) else { return Ok(None) };
        let (origin, rest) = rest.split_first_chunk::<8>().ok_or(UnknownUploadId)?;
        let rest = rest.strip_prefix(b".").ok_or(UnknownUploadId)?;
        let (code, rest) = rest.split_first_chunk::<AUTHENTICATOR_TEXT>().ok_or(UnknownUploadId)?;
        let id = rest.strip_prefix(b".").filter(|id| !id.is_empty()).ok_or(UnknownUploadId)?;
        let code = BASE64.decode(code).map_err(|_| UnknownUploadId)?;
        let origin = OriginTag(*origin);
        let is_ours = |key: &Secret| {
            // In constant time.
            let expected = authenticator(key, origin, bucket, id);
            code.len() == AUTHENTICATOR
                && expected.is_some_and(|expected| expected.verify_truncated_left(&code).is_ok())
        };
        match self.keys.iter().any(is_ours) {
            true => Ok(Some(OriginUpload { origin, id })),
            false => Err(UnknownUploadId),
        }
    }
}

/// None for no key: HMAC takes those of any length.
fn authenticator(
    key: &Secret,
    origin: OriginTag,
    bucket: &[u8],
    id: &[u8],
) -> Option<Hmac<Sha256>> {
    let mut code = Hmac::<Sha256>::new_from_slice(key.expose()).ok()?;
    code.update(PURPOSE);
    code.update(&origin.0);
    code.update(&u64::try_from(bucket.len()).ok()?.to_be_bytes());
    code.update(bucket);
    code.update(id);
    Some(code)
}

/// What a request has to do with multipart uploads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UploadRequest<'a> {
    /// The id of the upload that it is about, or that those follow which it lists; none for any origin's.
    pub id: Option<Cow<'a, [u8]>>,
    /// Whether its answer has ids that the client did not know.
    pub asks_for_ids: bool,
}

impl<'a> UploadRequest<'a> {
    /// By method and target in path style, as they were sent; none for all other requests.
    ///
    /// What has an upload's id and asks for something else is none: an origin might look at the rest alone, and a client would have
    /// picked where an object is stored.
    pub fn of(method: &[u8], target: &'a [u8]) -> Option<Self> {
        let (path, query) = split(target);
        // Nearly all requests end here.
        let mut parameters = parameters(query).filter(|(name, _)| is_of_upload(name));
        let first = parameters.next()?;
        let mut all = [first].into_iter().chain(parameters);
        let (name, asks_for_ids) = match Operation::of(method, path, query, false) {
            Operation::CreateMultipartUpload => return Some(Self { id: None, asks_for_ids: true }),
            Operation::ListMultipartUploads => (MARKER, true),
            Operation::AbortMultipartUpload
            | Operation::CompleteMultipartUpload
            | Operation::ListParts
            | Operation::UploadPart
            | Operation::UploadPartCopy => (UPLOAD_ID, false),
            _ => return None,
        };
        let value = all.find(|(parameter, _)| *parameter == name).map(|(_, value)| value);
        let id = value.filter(|value| !value.is_empty()).map(decode);
        Some(Self { id, asks_for_ids })
    }
}

/// The target with another upload's id in it, where it has one.
pub fn with_upload_id(target: &[u8], id: &[u8]) -> Vec<u8> {
    let (path, query) = split(target);
    let mut out = path.to_vec();
    for (number, pair) in query.split(|&byte| byte == b'&').enumerate() {
        out.push(if number == 0 { b'?' } else { b'&' });
        let name = pair.split(|&byte| byte == b'=').next().unwrap_or_default();
        if name == UPLOAD_ID || name == MARKER {
            out.extend_from_slice(name);
            out.push(b'=');
            percent_encode(id, ESCAPED).for_each(|part| out.extend_from_slice(part.as_bytes()));
        } else {
            out.extend_from_slice(pair);
        }
    }
    out
}

/// Path and query of a target.
fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let (path, query) = cut(target, b'?');
    (path, query.strip_prefix(b"?").unwrap_or(query))
}

const MARKER: &[u8] = b"upload-id-marker";
const UPLOAD_ID: &[u8] = b"uploadId";

fn is_of_upload(name: &[u8]) -> bool {
    matches!(name, b"uploads") || name == UPLOAD_ID || name == MARKER
}

/// The value of a parameter as it was sent, where `+` may stand for a blank.
fn decode(value: &[u8]) -> Cow<'_, [u8]> {
    if !value.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(value);
    }
    Cow::Owned(decode_with_blanks(value))
}

#[cfg(test)]
mod tests;
