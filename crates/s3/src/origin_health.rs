//! Whether an origin that has answered a request of ours is in order.
//!
//! An origin is in order when it answers as S3 does and knows the key that it is asked with. What it then says of rights, of
//! buckets or of redirects is between it and whoever set it up: a key may well be allowed less than the question asks for.

use std::fmt;

use crate::origin_error::{Finding, OriginError, SHOWS_KEY, asks_to_slow_down};

/// An answer to a signed GET.
#[derive(Clone, Copy, Debug)]
pub struct OriginAnswer<'a> {
    /// Status of the response.
    pub status: u16,
    /// Whether it has a header that S3 alone sends (`x-amz-request-id`, `x-amz-id-2`).
    pub has_request_id: bool,
    /// Value of Content-Encoding, empty if there is none.
    pub encoding: &'a [u8],
    /// The body, which may be cut off behind [`LIMIT`](crate::origin_error::LIMIT) bytes; not looked at below status 300.
    pub body: &'a [u8],
}

/// Why an origin is out of order. Displayed as the status and what is the matter: `403 InvalidAccessKeyId`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ailment {
    /// It refuses the key that we sign with, with this code.
    RefusesKey(u16, Vec<u8>),
    /// A status of 500 and above, with the code of the error document if there is one.
    Server(u16, Option<Vec<u8>>),
    /// What answers there does not speak S3.
    NotS3(u16),
}

impl fmt::Display for Ailment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RefusesKey(status, code) | Self::Server(status, Some(code)) => {
                write!(f, "{status} {}", code.escape_ascii())
            }
            Self::Server(status, None) => write!(f, "{status}"),
            Self::NotS3(status) => write!(f, "{status}, not an answer of S3"),
        }
    }
}

/// What is the matter with the origin that gave this answer to a GET signed with `access_key`; none if it is in order.
pub fn ailment(answer: &OriginAnswer<'_>, access_key: &[u8]) -> Option<Ailment> {
    let status = answer.status;
    if (200..300).contains(&status) {
        return None;
    }
    let mut error = OriginError::new(answer.encoding, access_key);
    error.feed(answer.body);
    match error.finish() {
        // What shows our key and speaks of something else knows the key.
        Finding::ProxyCredential(SHOWS_KEY) if status < 500 => None,
        Finding::ProxyCredential(code) if status < 500 => {
            Some(Ailment::RefusesKey(status, code.to_vec()))
        }
        Finding::Origin(code) if status >= 500 => {
            // Whoever asks for fewer requests is there, and would be there still if its clients heeded it; to call it out of
            // order would send the same load to the next origin.
            (!asks_to_slow_down(code)).then(|| Ailment::Server(status, Some(code.to_vec())))
        }
        _ if status >= 500 => Some(Ailment::Server(status, None)),
        Finding::Origin(_) | Finding::Denied => None,
        // A refusal that cannot be read is not relayed to clients either. Other statuses need no document: redirects have
        // none with some servers.
        _ if answer.has_request_id && !matches!(status, 400 | 401 | 403) => None,
        _ => Some(Ailment::NotS3(status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> Option<String> {
        let body = body.as_bytes();
        let answer = OriginAnswer { status, has_request_id: false, encoding: b"", body };
        ailment(&answer, b"AKIDORIGIN").map(|ailment| ailment.to_string())
    }

    fn error(code: &str) -> String {
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>")
    }

    #[test]
    fn what_s3_says_about_buckets_and_rights_is_in_order() {
        assert_eq!(of(200, ""), None);
        assert_eq!(of(204, "not looked at"), None);
        for (status, code) in [
            (301, "PermanentRedirect"),
            (307, "TemporaryRedirect"),
            (403, "AccessDenied"),
            (403, "AllAccessDisabled"),
            (404, "NoSuchBucket"),
            (405, "MethodNotAllowed"),
            (429, "TooManyRequests"),
            (503, "SlowDown"),
            (503, "SlowDownRead"),
        ] {
            assert_eq!(of(status, &error(code)), None, "{code}");
        }
        let arn = "<Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/x is not \
                   authorized</Message></Error>";
        assert_eq!(of(403, arn), None);
        let shows =
            "<Error><Code>AccessDenied</Code><AWSAccessKeyId>AKIDORIGIN</AWSAccessKeyId></Error>";
        assert_eq!(of(403, shows), None);
    }

    #[test]
    fn a_refused_key_is_out_of_order_whatever_the_status() {
        for (status, code) in [
            (403, "InvalidAccessKeyId"),
            (403, "SignatureDoesNotMatch"),
            (403, "RequestTimeTooSkewed"),
            (400, "AuthorizationHeaderMalformed"),
            (400, "ExpiredToken"),
            (401, "Unauthorized"),
        ] {
            assert_eq!(of(status, &error(code)), Some(format!("{status} {code}")));
        }
    }

    #[test]
    fn the_servers_own_faults() {
        assert_eq!(of(500, &error("InternalError")).as_deref(), Some("500 InternalError"));
        assert_eq!(
            of(503, &error("ServiceUnavailable")).as_deref(),
            Some("503 ServiceUnavailable")
        );
        assert_eq!(of(502, "<html>").as_deref(), Some("502"));
        assert_eq!(of(503, "").as_deref(), Some("503"));
        assert_eq!(of(500, &error("InvalidAccessKeyId")).as_deref(), Some("500"));
    }

    #[test]
    fn what_is_not_s3() {
        assert_eq!(of(404, "<html>not found</html>").as_deref(), Some("404, not an answer of S3"));
        assert_eq!(of(302, "").as_deref(), Some("302, not an answer of S3"));
        assert_eq!(of(101, "").as_deref(), Some("101, not an answer of S3"));
        let with_id = |status| {
            let answer = OriginAnswer { status, has_request_id: true, encoding: b"", body: b"" };
            ailment(&answer, b"AKIDORIGIN").is_none()
        };
        assert!(with_id(301) && with_id(404) && !with_id(403) && !with_id(400) && !with_id(503));
    }
}
