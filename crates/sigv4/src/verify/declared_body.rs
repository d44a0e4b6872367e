//! What a head declares about the body and the object, checked once the signature is proven (head rows of 1.5 and 3).

use crate::bytes;
use crate::error::shown;
use crate::payload::declared_trailer;
use crate::target::encoding;
use crate::target::query::Query;
use crate::verify::protocol_headers::ProtocolHeaders;
use crate::{
    Error, MAX_KEY, Mechanism, Payload, PayloadError, Policy, RequestParts, Target, TargetError,
    header,
};

/// The declared body.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DeclaredBody {
    pub(crate) decoded_length: Option<u64>,
    pub(crate) trailer: Option<&'static str>,
}

/// Checks lengths, payload keyword, trailer and key. What a presigned URL says in the place of a header counts as that header.
pub(crate) fn check(
    request: &RequestParts<'_>,
    head: &ProtocolHeaders<'_>,
    target: Target<'_>,
    mechanism: Mechanism,
    payload: &Payload,
    object: RequestedObject<'_>,
    policy: &Policy,
) -> Result<DeclaredBody, Error> {
    // Escapes only make a key longer.
    if object.key.len() > MAX_KEY {
        let size = encoding::decoded_len(object.key);
        if size > MAX_KEY {
            return Err(Error::Target(TargetError::KeyTooLong { size, max: MAX_KEY }));
        }
    }
    let length = content_length(request, head, target)?;
    let keyword = || shown(payload.line());
    if payload.is_streaming() {
        let is_upload = request.method == b"PUT" && object.is_upload();
        if mechanism != Mechanism::Header || !is_upload {
            return Err(Error::Payload(PayloadError::StreamingNotAllowed { keyword: keyword() }));
        }
    }
    let decoded_length = match head.decoded_length {
        _ if !payload.is_streaming() => None,
        Some(value) => Some(decimal(value).ok_or_else(|| {
            Error::Payload(PayloadError::DecodedLengthInvalid { value: shown(value) })
        })?),
        None => return Err(Error::Payload(PayloadError::DecodedLengthMissing)),
    };
    // The framing makes the body longer than the object, which alone is limited.
    if let (Some(proposed), Some(max)) = (decoded_length.or(length), policy.max_object) {
        if proposed > max {
            return Err(Error::Payload(PayloadError::TooLarge { proposed, max }));
        }
    }
    let trailer = head.trailer.or_else(|| hoisted(target, header::X_AMZ_TRAILER));
    let trailer = match (trailer, payload) {
        (None, _) => None,
        (Some(names), Payload::StreamingSignedTrailer | Payload::StreamingUnsignedTrailer) => {
            Some(declared_trailer(names)?)
        }
        (Some(names), _) => {
            return Err(Error::Payload(PayloadError::TrailerUnexpected { value: shown(names) }));
        }
    };
    Ok(DeclaredBody { decoded_length, trailer })
}

fn content_length(
    request: &RequestParts<'_>,
    head: &ProtocolHeaders<'_>,
    target: Target<'_>,
) -> Result<Option<u64>, Error> {
    match (head.content_length, head.transfer_encoding) {
        (Some(_), Some(_)) => Err(Error::Payload(PayloadError::ContentLengthWithTransferEncoding)),
        (Some(value), None) => {
            let length = decimal(value);
            length
                .ok_or_else(|| {
                    Error::Payload(PayloadError::ContentLengthInvalid { value: shown(value) })
                })
                .map(Some)
        }
        (None, None) if request.method == b"PUT" && !is_copy(request, target) => {
            Err(Error::Payload(PayloadError::ContentLengthMissing))
        }
        (None, _) => Ok(None),
    }
}

/// Whether the request takes its object from another one, and so has no body whose length it could declare.
fn is_copy(request: &RequestParts<'_>, target: Target<'_>) -> bool {
    let copy_source = header::X_AMZ_COPY_SOURCE;
    request.headers.iter().any(|line| header::is(line.name, copy_source))
        || hoisted(target, copy_source).is_some()
}

/// The value of a header that stands in the query.
fn hoisted<'a>(target: Target<'a>, name: &str) -> Option<&'a [u8]> {
    target.hoisted().find(|(own, _)| *own == name.as_bytes()).map(|(_, value)| value)
}

fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, digit| match digit {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0'))),
        _ => None,
    })
}

/// What the target names, as far as the protocol needs it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestedObject<'a> {
    key: &'a [u8],
    query: &'a Query,
}

impl<'a> RequestedObject<'a> {
    /// In path-style, the key is what follows the second slash.
    pub(crate) fn new(target: Target<'a>, virtual_host: bool) -> Self {
        Self::of(target.path(), virtual_host, target.parsed_query())
    }

    fn of(path: &'a [u8], virtual_host: bool, query: &'a Query) -> Self {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let key = if virtual_host { path } else { bytes::cut(path, b'/').unwrap_or_default().1 };
        Self { key, query }
    }

    /// Whether a PUT here is PutObject or UploadPart: a key, and no parameter that selects something else.
    fn is_upload(&self) -> bool {
        let harmless: [&[u8]; 3] = [b"partNumber", b"uploadId", b"x-id"];
        !self.key.is_empty() && self.query.pairs().all(|pair| harmless.contains(&pair.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in ["", "+1", "-1", "1 ", "0x1", "12x", "18446744073709551616"] {
            assert_eq!(decimal(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn uploads() {
        let check = |path: &str, query: &str, virtual_host: bool| {
            let mut parsed = Query::default();
            parsed.parse(query.as_bytes()).unwrap();
            RequestedObject::of(path.as_bytes(), virtual_host, &parsed).is_upload()
        };
        assert!(check("/b/k", "", false));
        assert!(check("/b//", "partNumber=1&uploadId=x&x-id=UploadPart", false));
        assert!(check("/k", "", true));
        assert!(!check("/b", "", false));
        assert!(!check("/b/", "", false));
        assert!(!check("/", "", true));
        assert!(!check("/b/k", "acl", false));
        assert!(!check("/b/k", "partNumber=1&tagging", false));
    }
}
