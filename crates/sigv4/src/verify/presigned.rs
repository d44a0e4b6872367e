//! Signature V4 in the query: order of checks (1.4) and presigned URLs (4).

use crate::canonical::string_to_sign::ALGORITHM;
use crate::error::shown;
use crate::target::param::Field;
use crate::verify::claim::{self, Claim};
use crate::verify::{AnyClaim, Parsed};
use crate::{
    Error, HeaderError, MAX_EXPIRES, Mechanism, MechanismError, Payload, Policy, QueryError,
    TimeError, Timestamp, header,
};

/// Rows 1 to 8 of 1.4, and of row 9 the headers that are not signed. Without a clock neither skew nor expiry is checked.
pub(crate) fn claim<'a>(
    parsed: &Parsed<'a, 'a>,
    policy: &Policy,
    now: Option<Timestamp>,
) -> Result<AnyClaim<'a>, Error> {
    let (head, auth) = (parsed.head, parsed.target.query_auth());
    check_algorithm(auth.get(Field::Algorithm))?;
    let present = |field| match auth.get(field) {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(Error::Query(QueryError::Incomplete)),
    };
    present(Field::Algorithm)?;
    let credential = present(Field::Credential)?;
    let signature = present(Field::Signature)?;
    let date = present(Field::Date)?;
    let signed_headers = present(Field::SignedHeaders)?;
    let expires = present(Field::Expires)?;

    let date = Timestamp::parse_iso_basic_near(date, now)
        .ok_or_else(|| Error::Time(TimeError::QueryDateUnreadable { value: shown(date) }))?;
    let expires = expires_in(expires)?;
    if let Some(now) = now {
        check_validity(date, expires, now, policy)?;
    }
    let (access_key, scope) = claim::credential(credential, date, policy, Mechanism::Presigned)?;
    let Some(signed_headers) = parsed.target.signed_headers(signed_headers) else {
        let (mechanism, value) = (Mechanism::Presigned, shown(signed_headers));
        return Err(Error::Header(HeaderError::SignedHeadersMalformed { mechanism, value }));
    };
    let payload =
        one_of(head.content_sha256, auth.get(Field::ContentSha256), header::X_AMZ_CONTENT_SHA256)?;
    let payload = payload.map_or(Ok(Payload::Unsigned), Payload::parse)?;
    let token = match (head.security_token, auth.get(Field::SecurityToken)) {
        (Some(_), Some(_)) => {
            return Err(Error::Header(HeaderError::ContradictsQuery {
                name: header::X_AMZ_SECURITY_TOKEN.into(),
            }));
        }
        (header, query) => query.or(header),
    };
    let lines = parsed.signed_lines(&signed_headers, policy)?;
    Ok(AnyClaim::V4(Claim {
        access_key,
        scope,
        date,
        signed_headers,
        signature,
        payload,
        token,
        lines,
    }))
}

fn check_algorithm(algorithm: Option<&[u8]>) -> Result<(), Error> {
    match algorithm {
        None | Some(ALGORITHM | b"") => Ok(()),
        Some(b"AWS4-ECDSA-P256-SHA256") => {
            Err(Error::Mechanism(MechanismError::Disabled { name: "Signature Version 4A" }))
        }
        Some(value) => Err(Error::Query(QueryError::AlgorithmUnsupported { value: shown(value) })),
    }
}

/// Row 4. A sign and leading zeros are taken, as by AWS.
fn expires_in(text: &[u8]) -> Result<u64, Error> {
    let value = || shown(text);
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error::Time(TimeError::ExpiresNotNumber {
            mechanism: Mechanism::Presigned,
            value: value(),
        }));
    }
    if negative {
        return Err(Error::Time(TimeError::ExpiresNegative { value: value() }));
    }
    let seconds = digits.iter().fold(0u64, |sum, digit| {
        sum.saturating_mul(10).saturating_add(u64::from(digit.wrapping_sub(b'0')))
    });
    if seconds > MAX_EXPIRES {
        Err(Error::Time(TimeError::ExpiresTooLarge { value: value() }))
    } else {
        Ok(seconds)
    }
}

/// Rows 5 and 6. The skew is granted toward the future only; the second of the expiry is still valid, but what lives for no
/// second has expired at once.
fn check_validity(
    date: Timestamp,
    expires: u64,
    now: Timestamp,
    policy: &Policy,
) -> Result<(), Error> {
    let seconds = i64::try_from(expires).unwrap_or(i64::MAX);
    let expires_at = || date.checked_add(seconds).unwrap_or(date);
    if date.unix().saturating_sub(now.unix()) > policy.max_skew {
        return Err(Error::Time(TimeError::NotYetValid {
            date,
            expires_at: expires_at(),
            server: now,
        }));
    }
    if seconds == 0 || now.unix() > date.unix().saturating_add(seconds) {
        let (expires_in, expires_at) = (Some(expires), expires_at());
        return Err(Error::Time(TimeError::Expired { expires_in, expires_at, server: now }));
    }
    Ok(())
}

fn one_of<'a>(
    header: Option<&'a [u8]>,
    query: Option<&'a [u8]>,
    name: &str,
) -> Result<Option<&'a [u8]>, Error> {
    match (header, query) {
        (Some(header), Some(query)) if header != query => {
            Err(Error::Header(HeaderError::ContradictsQuery { name: name.into() }))
        }
        (header, query) => Ok(header.or(query)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_texts() {
        for (text, seconds) in [("0", 0), ("0300", 300), ("+300", 300), ("604800", 604_800)] {
            assert_eq!(expires_in(text.as_bytes()), Ok(seconds), "{text}");
        }
        for text in ["", "-", "+", "1.5", "abc", "0x10", " 1", "--1"] {
            let error = expires_in(text.as_bytes());
            assert!(
                matches!(error, Err(Error::Time(TimeError::ExpiresNotNumber { .. }))),
                "{text}"
            );
        }
        for text in ["604801", "99999999999999999999999999"] {
            let error = expires_in(text.as_bytes());
            assert!(matches!(error, Err(Error::Time(TimeError::ExpiresTooLarge { .. }))), "{text}");
        }
        assert!(matches!(expires_in(b"-1"), Err(Error::Time(TimeError::ExpiresNegative { .. }))));
    }
}
