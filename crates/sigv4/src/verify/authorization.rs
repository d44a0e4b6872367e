//! Signature V4 in the Authorization header: grammar (1.2) and order of checks (1.3).

use crate::bytes;
use crate::error::shown;
use crate::header::trim;
use crate::verify::claim::{self, Claim};
use crate::verify::{AnyClaim, Parsed};
use crate::{
    AuthorizationError, Error, HeaderError, MAX_AUTHORIZATION, Mechanism, MechanismError, Payload,
    PayloadError, Policy, TimeError, Timestamp,
};

/// Splits an Authorization header at its space (rows 2, 3 and 3b). AWS ignores the case of the scheme; we do not.
pub(crate) fn scheme<'a>(value: &'a [u8], policy: &Policy) -> Result<(Mechanism, &'a [u8]), Error> {
    if value.len() > MAX_AUTHORIZATION {
        return Err(Error::Authorization(AuthorizationError::TooLong));
    }
    if let Some(rest) = value.strip_prefix(b"AWS4-HMAC-SHA256 ") {
        return Ok((Mechanism::Header, trim(rest)));
    }
    let Some((scheme, rest)) = bytes::cut(value, b' ') else {
        return Err(Error::Authorization(AuthorizationError::WithoutSpace { value: shown(value) }));
    };
    match scheme {
        b"AWS" if policy.signature_v2 => Ok((Mechanism::V2Header, trim(rest))),
        b"AWS" => Err(Error::Mechanism(MechanismError::Disabled { name: "Signature Version 2" })),
        b"AWS4-ECDSA-P256-SHA256" => {
            Err(Error::Mechanism(MechanismError::Disabled { name: "Signature Version 4A" }))
        }
        _ => {
            Err(Error::Authorization(AuthorizationError::UnsupportedScheme { value: shown(value) }))
        }
    }
}

/// Rows 4 to 15. Without a clock the skew is not checked.
pub(crate) fn claim<'a>(
    parsed: &Parsed<'a, '_>,
    policy: &Policy,
    now: Option<Timestamp>,
) -> Result<AnyClaim<'a>, Error> {
    let head = parsed.head;
    let Some(payload) = head.content_sha256 else {
        return Err(Error::Payload(PayloadError::HashMissing));
    };
    let payload = Payload::parse(payload)?;
    // botocore writes the same instant as an HTTP date where its caller set Date, and signs the ISO form of it.
    let date = match (head.x_amz_date, head.date) {
        (Some(text), _) => Timestamp::parse_iso_basic_near(text, now),
        (None, Some(text)) => {
            Timestamp::parse_iso_basic(text).or_else(|| Timestamp::parse_http_date(text))
        }
        (None, None) => None,
    };
    let date = date.ok_or_else(|| TimeError::of_date(head.x_amz_date.or(head.date)))?;
    check_skew(date, now, policy)?;
    let Some(components) = Components::parse(parsed.components) else {
        return Err(Error::Authorization(AuthorizationError::Components));
    };
    let Some(signed_headers) = parsed.target.signed_headers(components.signed_headers) else {
        let (mechanism, value) = (Mechanism::Header, shown(components.signed_headers));
        return Err(Error::Header(HeaderError::SignedHeadersMalformed { mechanism, value }));
    };
    let (access_key, scope) =
        claim::credential(components.credential, date, policy, Mechanism::Header)?;
    let lines = parsed.signed_lines(&signed_headers, policy)?;
    Ok(AnyClaim::V4(Claim {
        access_key,
        scope,
        date,
        signed_headers,
        signature: components.signature,
        payload,
        token: head.security_token,
        lines,
    }))
}

/// Row 7: the request's date against the clock.
pub(crate) fn check_skew(
    request: Timestamp,
    now: Option<Timestamp>,
    policy: &Policy,
) -> Result<(), Error> {
    match now {
        Some(server)
            if request.unix().saturating_sub(server.unix()).saturating_abs() > policy.max_skew =>
        {
            Err(Error::Time(TimeError::TooSkewed { request, server, max_skew: policy.max_skew }))
        }
        _ => Ok(()),
    }
}

/// The three components, each there once, in any order.
struct Components<'a> {
    credential: &'a [u8],
    signature: &'a [u8],
    signed_headers: &'a [u8],
}

impl<'a> Components<'a> {
    fn parse(text: &'a [u8]) -> Option<Self> {
        Self::as_written_by_most(text).or_else(|| Self::in_any_order(text))
    }

    /// In the order of AWS's own text, one blank or none behind each comma. None for others, and for what may be wrong.
    #[inline]
    fn as_written_by_most(text: &'a [u8]) -> Option<Self> {
        let next = |text: &'a [u8]| text.strip_prefix(b" ").unwrap_or(text);
        let (credential, after) = bytes::cut(text.strip_prefix(b"Credential=")?, b',')?;
        let (signed_headers, after) =
            bytes::cut(next(after).strip_prefix(b"SignedHeaders=")?, b',')?;
        let signature = next(after).strip_prefix(b"Signature=")?;
        let is_plain = |value: &[u8]| value.last().is_some_and(|last| *last > b' ');
        let ends = bytes::find(signature, b',').is_none();
        (ends && is_plain(credential) && is_plain(signed_headers) && is_plain(signature))
            .then_some(Self { credential, signature, signed_headers })
    }

    #[inline(never)]
    fn in_any_order(text: &'a [u8]) -> Option<Self> {
        let (mut credential, mut signature, mut signed_headers) = (None, None, None);
        let mut remaining = Some(text);
        while let Some(text) = remaining {
            let (component, after) = match bytes::cut(text, b',') {
                Some((component, after)) => (component, Some(after)),
                None => (text, None),
            };
            remaining = after;
            let (name, value) = bytes::cut(trim(component), b'=')?;
            let slot = match name {
                b"Credential" => &mut credential,
                b"Signature" => &mut signature,
                b"SignedHeaders" => &mut signed_headers,
                _ => return None,
            };
            if slot.replace(value).is_some() {
                return None;
            }
        }
        Some(Self {
            credential: credential?,
            signature: signature?,
            signed_headers: signed_headers?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components() {
        let check = |text: &str, expected: Option<[&str; 3]>| {
            let found = Components::parse(text.as_bytes());
            let found = found.map(|c| {
                [c.credential, c.signed_headers, c.signature]
                    .map(|value| String::from_utf8_lossy(value).into_owned())
            });
            assert_eq!(found, expected.map(|values| values.map(str::to_owned)), "{text}");
        };
        check("Credential=a,SignedHeaders=b,Signature=c", Some(["a", "b", "c"]));
        check("Credential=a=, SignedHeaders=b,Signature==c", Some(["a=", "b", "=c"]));
        check("Credential=a , SignedHeaders=b\t, Signature=c", Some(["a", "b", "c"]));
        check("Credential=a,  SignedHeaders=b,\tSignature=c", Some(["a", "b", "c"]));
        check("Credential=, SignedHeaders=, Signature=", Some(["", "", ""]));
        check("Credential=a, SignedHeaders=b, Signature=c,d", None);
        check("Signature=c ,\tCredential=a=a,  SignedHeaders=", Some(["a=a", "", "c"]));
        for bad in [
            "",
            "Credential=a,SignedHeaders=b",
            "Credential=a,SignedHeaders=b,Signature=c,",
            "Credential=a,SignedHeaders=b,Signature=c,Signature=c",
            "credential=a,SignedHeaders=b,Signature=c",
            "Credential=a,SignedHeaders=b,Signature",
            "Credential =a,SignedHeaders=b,Signature=c",
            "Credential=a,SignedHeaders=b,Signature=c,x=d",
            "Credential=a SignedHeaders=b Signature=c",
        ] {
            check(bad, None);
        }
    }
}
