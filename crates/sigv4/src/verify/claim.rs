//! What a Signature V4 request claims about itself, wherever it stood: parsed and plausible, not yet proven.

use crate::canonical::signed_headers::SignedHeaders;
use crate::canonical::signed_lines::SignedLines;
use crate::error::shown;
use crate::header::has_control;
use crate::keys::credential_scope::{CredentialParts, CredentialScope, S3, TERMINAL};
use crate::{CredentialError, Error, Mechanism, Payload, Policy, Timestamp, timestamp};

/// The claim of a request; everything but the signature's truth has been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    pub(crate) access_key: &'a [u8],
    pub(crate) scope: CredentialScope<'a>,
    pub(crate) date: Timestamp,
    pub(crate) signed_headers: SignedHeaders<'a>,
    pub(crate) signature: &'a [u8],
    pub(crate) payload: Payload,
    pub(crate) token: Option<&'a [u8]>,
    /// Where the signed headers stand, if the request is as nearly all are.
    pub(crate) lines: Option<SignedLines>,
}

/// Checks a credential, `key/yyyyMMdd/region/service/aws4_request`, in the order of rows 9 to 14 of 1.3.
pub(crate) fn credential<'a>(
    value: &'a [u8],
    date: Timestamp,
    policy: &Policy,
    mechanism: Mechanism,
) -> Result<(&'a [u8], CredentialScope<'a>), Error> {
    check(value, date, policy, mechanism).map_err(|reason| Error::Credential { mechanism, reason })
}

fn check<'a>(
    value: &'a [u8],
    date: Timestamp,
    policy: &Policy,
    mechanism: Mechanism,
) -> Result<(&'a [u8], CredentialScope<'a>), CredentialError> {
    let Some(parts) = CredentialParts::split(value, date.date()) else {
        return Err(CredentialError::Malformed { value: shown(value) });
    };
    let CredentialParts { access_key, scope, service, terminal } = parts;
    let CredentialScope { date: day, region, .. } = scope;
    // In a query, escapes could bring line ends into the string to sign; a header has been looked at.
    if access_key.is_empty() || (mechanism == Mechanism::Presigned && has_control(value)) {
        return Err(CredentialError::Malformed { value: shown(value) });
    }
    // The request's date is one of the calendar.
    if day != date.date() && !timestamp::is_date(day) {
        return Err(CredentialError::Date { value: shown(day) });
    }
    if let Some(expected) = policy.regions.first() {
        if !policy.regions.iter().any(|own| own == region) {
            let expected = expected.clone();
            return Err(if region.is_empty() {
                CredentialError::RegionEmpty { expected }
            } else {
                CredentialError::Region { value: shown(region), expected }
            });
        }
    }
    if service != S3 {
        return Err(CredentialError::Service { value: shown(service) });
    }
    if terminal != TERMINAL {
        return Err(CredentialError::Terminal { value: shown(terminal) });
    }
    if day != date.date() {
        return Err(CredentialError::DateMismatch { scope: shown(day), request: date });
    }
    Ok((access_key, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(value: &str, regions: &[&str]) -> Option<CredentialError> {
        let date = Timestamp::parse_iso_basic(b"20260315T120000Z").unwrap();
        let regions = regions.iter().map(|region| region.as_bytes().to_vec()).collect();
        check(
            value.as_bytes(),
            date,
            &Policy { regions, ..Policy::default() },
            Mechanism::Presigned,
        )
        .err()
    }

    #[test]
    fn credentials() {
        let value = |text: &str| text.as_bytes().to_vec();
        assert_eq!(fault("A/20260315/r/s3/aws4_request", &["q", "r"]), None);
        assert_eq!(fault("A/20260315//s3/aws4_request", &[]), None);
        for bad in [
            "",
            "A",
            "A/20260315/r/s3",
            "A/B/20260315/r/s3/aws4_request",
            "/20260315/r/s3/aws4_request",
            "A/20260315/r\n/s3/aws4_request",
        ] {
            assert_eq!(fault(bad, &[]), Some(CredentialError::Malformed { value: value(bad) }));
        }
        let expected = value("q");
        assert_eq!(
            fault("A/2026031/r/s3/aws4_request", &["q"]),
            Some(CredentialError::Date { value: value("2026031") })
        );
        assert_eq!(
            fault("A/20260315/r/x/y", &["q"]),
            Some(CredentialError::Region { value: value("r"), expected: expected.clone() })
        );
        assert_eq!(
            fault("A/20260315//x/y", &["q"]),
            Some(CredentialError::RegionEmpty { expected })
        );
        assert_eq!(
            fault("A/20260315/r/x/y", &[]),
            Some(CredentialError::Service { value: value("x") })
        );
        assert_eq!(
            fault("A/20260314/r/s3/y", &[]),
            Some(CredentialError::Terminal { value: value("y") })
        );
        assert!(matches!(
            fault("A/20260314/r/s3/aws4_request", &[]),
            Some(CredentialError::DateMismatch { .. })
        ));
    }
}
