//! A temporary key as AWS's `credential_process` writes it.
//!
//! ```json
//! {
//!   "Version": 1,
//!   "AccessKeyId": "ASIAORIGIN",
//!   "SecretAccessKey": "…",
//!   "SessionToken": "…",
//!   "Expiration": "2026-12-31T23:59:59Z"
//! }
//! ```
//!
//! Without `Expiration` the key does not end, and without `SessionToken` it is a long-lived one (AWS SDKs and Tools Reference Guide,
//! "Process credential provider"). CredentialMembers that are not known are left alone, as the SDKs do: newer AWS tools add `AccountId`.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use sigv4::Secret;

use crate::clients_file::ClientsError;

/// What the file says. Its secrets are not shown by `Debug`.
#[derive(Debug)]
pub struct CredentialsFile {
    /// The access key id.
    pub access_key: Vec<u8>,
    /// The secret access key.
    pub secret_key: Secret,
    /// The session token of a temporary key.
    pub session_token: Option<Secret>,
    /// The second since 1970 from which on the key is good for nothing.
    pub expiration: Option<i64>,
}

/// What is wrong with it, and where; never a value of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CredentialsError(ClientsError);

impl CredentialsFile {
    /// Parses the text of a file.
    ///
    /// ```
    /// let text = br#"{"Version": 1, "AccessKeyId": "AK", "SecretAccessKey": "s", "Expiration": "2026-12-31T23:59:59+01:00"}"#;
    /// assert_eq!(s3::CredentialsFile::parse(text).unwrap().expiration, Some(1_798_757_999));
    /// ```
    ///
    /// # Errors
    ///
    /// With the place of the fault, and the member that it is in.
    pub fn parse(text: &[u8]) -> Result<Self, CredentialsError> {
        // Serde would read a list, too.
        if !text.trim_ascii_start().starts_with(b"{") {
            return Err(CredentialsError::at_the_beginning(
                "expected an object with \"AccessKeyId\"",
            ));
        }
        let mut json = serde_json::Deserializer::from_slice(text);
        let members: CredentialMembers = serde_path_to_error::deserialize(&mut json)
            .map_err(|error| CredentialsError(ClientsError::of_json(error)))?;
        json.end().map_err(|error| {
            CredentialsError(ClientsError::Format {
                line: error.line(),
                column: error.column(),
                member: String::new(),
                reason: "expected nothing after the object".into(),
            })
        })?;
        Ok(CredentialsFile {
            access_key: members.access_key_id.0,
            secret_key: members.secret_access_key.0,
            session_token: members.session_token.map(|token| token.0),
            expiration: members.expiration.map(|expiration| expiration.0),
        })
    }
}

impl CredentialsError {
    fn at_the_beginning(reason: &str) -> Self {
        let (member, reason) = (String::new(), reason.to_owned());
        CredentialsError(ClientsError::Format { line: 1, column: 1, member, reason })
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CredentialsError {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialMembers {
    #[serde(rename = "Version")]
    _version: Version,
    access_key_id: AccessKeyMember,
    secret_access_key: VisibleText,
    session_token: Option<VisibleText>,
    expiration: Option<Expiration>,
}

/// The one that there is.
struct Version;

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            1 => Ok(Version),
            _ => Err(D::Error::custom("must be 1")),
        }
    }
}

struct AccessKeyMember(Vec<u8>);

impl<'de> Deserialize<'de> for AccessKeyMember {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?.into_bytes();
        if !sigv4::is_usable_id(&text) {
            let wrong = "must be 1 to 128 visible ASCII characters without slash or comma";
            return Err(D::Error::custom(wrong));
        }
        Ok(AccessKeyMember(text))
    }
}

/// A secret; a session token goes into a header.
struct VisibleText(Secret);

impl<'de> Deserialize<'de> for VisibleText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Secret::new(String::deserialize(deserializer)?);
        if text.expose().is_empty() || !text.expose().iter().all(u8::is_ascii_graphic) {
            return Err(D::Error::custom("must be visible ASCII characters"));
        }
        Ok(VisibleText(text))
    }
}

struct Expiration(i64);

impl<'de> Deserialize<'de> for Expiration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let instant = text.parse::<jiff::Timestamp>().map_err(|_| {
            D::Error::custom("must be a time of RFC 3339 like \"2026-12-31T23:59:59Z\"")
        })?;
        Ok(Expiration(instant.as_second()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = r#""Version": 1, "AccessKeyId": "ASIA", "SecretAccessKey": "s3cret""#;

    fn parse(members: &str) -> Result<CredentialsFile, String> {
        CredentialsFile::parse(format!("{{{members}}}").as_bytes()).map_err(|e| e.to_string())
    }

    #[test]
    fn with_and_without_an_end() {
        let file = parse(LEAST).unwrap();
        assert_eq!(
            (file.access_key.as_slice(), file.secret_key.expose()),
            (&b"ASIA"[..], &b"s3cret"[..])
        );
        assert!(file.session_token.is_none() && file.expiration.is_none());
        let more = r#", "SessionToken": "t0ken==", "Expiration": "2026-12-31T23:59:59Z", "AccountId": "1""#;
        let file = parse(&format!("{LEAST}{more}")).unwrap();
        assert_eq!(file.session_token.as_ref().map(Secret::expose), Some(&b"t0ken=="[..]));
        assert_eq!(file.expiration, Some(1_798_761_599));
        let shown = format!("{file:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("t0ken"), "{shown}");
    }

    #[test]
    fn times() {
        let check = |text: &str, expected: Option<i64>| {
            let file = parse(&format!("{LEAST}, \"Expiration\": \"{text}\""));
            assert_eq!(file.ok().and_then(|file| file.expiration), expected, "{text}");
        };
        check("1970-01-01T00:00:10Z", Some(10));
        check("1970-01-01T00:00:10.9Z", Some(10));
        check("1970-01-01T01:00:10+01:00", Some(10));
        check("1970-01-01T00:00:10+00:00", Some(10));
        check("1970-01-01T00:00:10", None);
        check("1970-01-01", None);
        check("10", None);
        check("", None);
    }

    #[test]
    fn faults_have_a_place_and_show_nothing() {
        let check = |members: &str, expected: &str| {
            let error = parse(members).unwrap_err();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("s3cret"), "{error}");
        };
        check("", "line 1, column 2: missing member `Version`");
        check(r#""Version": 1, "AccessKeyId": "A""#, "missing member `SecretAccessKey`");
        check(&LEAST.replace('1', "2"), "column 13: \"Version\": must be 1");
        check(&LEAST.replace('1', "\"s3cret\""), "\"Version\": expected u64");
        check(&LEAST.replace("ASIA", "A/B"), "\"AccessKeyId\": must be 1 to 128 visible");
        check(&LEAST.replace("\"s3cret\"", "\"\""), "\"SecretAccessKey\": must be visible");
        check(&LEAST.replace("s3cret", "s3cret\\n"), "\"SecretAccessKey\": must be visible");
        check(
            &format!("{LEAST}, \"SessionToken\": \"s3cret \\r\\nX: y\""),
            "\"SessionToken\": must be",
        );
        check(&format!("{LEAST}, {LEAST}"), "duplicate member `Version`");
        check(&format!("{LEAST}, \"Expiration\": 5"), "\"Expiration\": expected a string");
        check(&format!("{LEAST}}} {{"), "expected nothing after the object");
        let text = format!("{{{LEAST}}}");
        for end in 0..text.len() {
            assert!(CredentialsFile::parse(&text.as_bytes()[..end]).is_err(), "{end}");
        }
        assert!(CredentialsFile::parse(br#"[1, "A", "s"]"#).is_err());
    }
}
