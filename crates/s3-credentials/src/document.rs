//! The document of `credential_process` (AWS SDKs and Tools Reference Guide, "Process credential provider").

use std::time::SystemTime;

use aws_credential_types::Credentials;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ProcessDocument<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration: Option<String>,
}

/// The text of the file, with its secrets. None where it cannot be written, which no credentials make happen.
pub(crate) fn of(credentials: &Credentials) -> Option<String> {
    let document = ProcessDocument {
        version: 1,
        access_key_id: credentials.access_key_id(),
        secret_access_key: credentials.secret_access_key(),
        session_token: credentials.session_token(),
        expiration: credentials.expiry().map(instant),
    };
    serde_json::to_string_pretty(&document).ok().map(|text| text + "\n")
}

/// In UTC, to the second below: nobody shall take a key for good that is not.
pub(crate) fn instant(time: SystemTime) -> String {
    let time = OffsetDateTime::from(time).to_offset(UtcOffset::UTC);
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_else(|_| "an unknown time".into())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn temporary_ones() {
        let end = UNIX_EPOCH + Duration::from_millis(1_798_761_599_900);
        let credentials =
            Credentials::new("ASIA", "sec\"ret", Some("token".into()), Some(end), "test");
        assert_eq!(
            of(&credentials).unwrap(),
            "{\n  \"Version\": 1,\n  \"AccessKeyId\": \"ASIA\",\n  \"SecretAccessKey\": \"sec\\\"ret\",\n  \
             \"SessionToken\": \"token\",\n  \"Expiration\": \"2026-12-31T23:59:59Z\"\n}\n"
        );
    }

    #[test]
    fn long_lived_ones() {
        let text = of(&Credentials::new("AKIA", "secret", None, None, "test")).unwrap();
        assert!(!text.contains("SessionToken") && !text.contains("Expiration"), "{text}");
    }
}
