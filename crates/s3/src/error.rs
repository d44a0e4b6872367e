//! An S3 error as a client sees it: code, status, message, and the members that S3 adds for some codes.
//!
//! It never holds a secret, a signature that the proxy computed, or anything about the origin. What it reflects is
//! the client's own request.

mod body;
mod from_sigv4;

use std::borrow::Cow;
use std::fmt;

use crate::ErrorCode;

/// Longest value of a member in bytes. What S3 reflects is the client's to choose, and a canonical request holds
/// all its headers; without a cap an error would be an amplifier.
const MAX_VALUE: usize = 16 * 1024;

/// Two lower-case hexadecimal digits and a blank, for each byte.
static PAIRS: [[u8; 3]; 256] = {
    let mut pairs = [*b"   "; 256];
    let mut rest: &mut [[u8; 3]] = &mut pairs;
    let mut byte = 0u8;
    while let Some((pair, after)) = rest.split_first_mut() {
        if let (Some(high), Some(low)) =
            (char::from_digit((byte >> 4) as u32, 16), char::from_digit((byte & 0xf) as u32, 16))
        {
            *pair = [high as u8, low as u8, b' '];
        }
        byte = byte.wrapping_add(1);
        rest = after;
    }
    pairs
};

/// Whose fault an error is; the log level follows from it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FaultSource {
    /// The client could not show who it is, or may not do what it asked for.
    Authentication,
    /// The client sent something that cannot be served.
    Client,
    /// The origin, or the way to it.
    Origin,
    /// The proxy itself.
    Ours,
}

/// An S3 error, ready to be written as a document by [`write_xml`](S3Error::write_xml).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct S3Error {
    code: ErrorCode,
    status: u16,
    message: Cow<'static, str>,
    members: Vec<(&'static str, Vec<u8>)>,
}

impl S3Error {
    /// An error with S3's usual status and message for `code`.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, status: code.status(), message: code.message().into(), members: Vec::new() }
    }

    /// Says something more exact than S3's usual message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Adds a member; `name` must be an XML name, `value` may be any bytes and is cut after 16 KiB.
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.members.push((name, capped(value.as_ref()).to_vec()));
        self
    }

    /// Adds `value`, and its bytes as S3 shows them: pairs of lower-case hexadecimal digits with blanks between.
    fn with_bytes(mut self, name: &'static str, bytes_name: &'static str, value: &[u8]) -> Self {
        let value = capped(value);
        let mut pairs = vec![0; value.len().saturating_mul(3)];
        for (pair, byte) in pairs.chunks_exact_mut(3).zip(value) {
            let digits = PAIRS.get(usize::from(*byte)).unwrap_or(b"00 ");
            pair.copy_from_slice(digits);
        }
        pairs.pop();
        self.members.push((name, value.to_vec()));
        self.members.push((bytes_name, pairs));
        self
    }

    /// The error for a response that the server itself made, without asking this crate first.
    ///
    /// The status stays what the server chose; only 494 to 497, which no client ever sees, become the 400 that is
    /// sent in their place.
    pub fn for_status(status: u16) -> Self {
        let code = match status {
            401 | 403 => ErrorCode::AccessDenied,
            404 => ErrorCode::NoSuchKey,
            405 => ErrorCode::MethodNotAllowed,
            408 => ErrorCode::RequestTimeout,
            409 => ErrorCode::OperationAborted,
            411 => ErrorCode::MissingContentLength,
            412 => ErrorCode::PreconditionFailed,
            413 => ErrorCode::EntityTooLarge,
            414 | 431 | 494 => ErrorCode::RequestHeaderSectionTooLarge,
            416 => ErrorCode::InvalidRange,
            429 => ErrorCode::SlowDown,
            501 => ErrorCode::NotImplemented,
            502..=504 => ErrorCode::ServiceUnavailable,
            // 505: a version of HTTP that nobody speaks is no fault of ours, though HTTP counts it among them.
            400..=499 | 505 => ErrorCode::BadRequest,
            _ => ErrorCode::InternalError,
        };
        let status = if matches!(status, 494..=497) { 400 } else { status };
        Self { status, ..Self::new(code) }
    }

    /// The client is known but may not do this.
    pub fn access_denied() -> Self {
        Self::new(ErrorCode::AccessDenied)
    }

    /// The proxy met a fault of its own; what it was stands in the log only.
    pub fn internal_error() -> Self {
        Self::new(ErrorCode::InternalError)
    }

    /// The request asks for something that this proxy does not do; `header` is the one that asks for it.
    pub fn not_implemented(header: &'static str) -> Self {
        Self::new(ErrorCode::NotImplemented).with_member("Header", header)
    }

    /// The origin did not accept the proxy's own credentials, whose error document must not be relayed: it names
    /// them.
    ///
    /// Status 502, so that it can be told from an origin that is merely down.
    pub fn origin_refused_credentials() -> Self {
        let error = Self::new(ErrorCode::ServiceUnavailable)
            .with_message("The origin refused the proxy's credentials.");
        Self { status: 502, ..error }
    }

    /// The proxy has no key for the origin that is still good.
    pub fn origin_key_ended() -> Self {
        let error = Self::new(ErrorCode::ServiceUnavailable)
            .with_message("The proxy has no valid credentials for the origin at present.");
        Self { status: 502, ..error }
    }

    /// The origin refused the request with a document that could not be judged, and may speak of the proxy's credentials.
    pub fn origin_refused_unreadably() -> Self {
        Self::for_status(502)
            .with_message("The origin refused the request in a form that is not relayed.")
    }

    /// The origin's answer has a larger head than there is room for.
    pub fn origin_head_too_large() -> Self {
        Self::for_status(502).with_message("The head of the origin's answer is too large.")
    }

    /// The origin's error ended before it was complete.
    pub fn origin_error_incomplete() -> Self {
        Self::service_unavailable().with_message("The origin did not complete its answer.")
    }

    /// No origin has given an answer: its connection could not be made, or broke.
    ///
    /// Status 503, S3's own for "try again". Who answers, but with nothing that a client may see, is behind a 502.
    pub fn no_origin_answered() -> Self {
        Self::service_unavailable().with_message("No origin has answered. Please try again.")
    }

    /// No origin can be asked at present.
    pub fn service_unavailable() -> Self {
        Self::new(ErrorCode::ServiceUnavailable)
    }

    /// The text inside `<Code>`.
    pub fn code(&self) -> &'static str {
        self.code.as_str()
    }

    /// The HTTP status to answer with.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The text inside `<Message>`, not yet escaped; it may hold parts of the client's request.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The members besides code, message, resource and ids, as `(name, value)` in the order of the document.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.members.iter().map(|(name, value)| (*name, value.as_slice()))
    }

    /// Whether it says that the request proves no identity, or in a way that is none here (another scheme of Authorization).
    pub fn is_about_authentication(&self) -> bool {
        let is_header =
            |(name, value): (&str, &[u8])| name == "ArgumentName" && value == b"Authorization";
        self.fault() == FaultSource::Authentication || self.members().any(is_header)
    }

    /// Whose fault it is.
    pub fn fault(&self) -> FaultSource {
        match self.code {
            ErrorCode::AccessDenied
            | ErrorCode::AuthorizationHeaderMalformed
            | ErrorCode::AuthorizationQueryParametersError
            | ErrorCode::ExpiredToken
            | ErrorCode::InvalidAccessKeyId
            | ErrorCode::InvalidToken
            | ErrorCode::RequestTimeTooSkewed
            | ErrorCode::SignatureDoesNotMatch => FaultSource::Authentication,
            ErrorCode::InternalError => FaultSource::Ours,
            ErrorCode::ServiceUnavailable => FaultSource::Origin,
            _ => FaultSource::Client,
        }
    }
}

/// Code and message; for a log line, where the message's reflected bytes are made visible.
impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code(), self.status, self.message.escape_debug())
    }
}

impl std::error::Error for S3Error {}

fn capped(value: &[u8]) -> &[u8] {
    value.get(..MAX_VALUE).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: u16, expected_status: u16, expected_code: &str) {
        let error = S3Error::for_status(status);
        assert_eq!((error.status(), error.code()), (expected_status, expected_code), "{status}");
    }

    #[test]
    fn errors_of_the_server_keep_their_status() {
        check(400, 400, "BadRequest");
        check(401, 401, "AccessDenied");
        check(403, 403, "AccessDenied");
        check(404, 404, "NoSuchKey");
        check(405, 405, "MethodNotAllowed");
        check(408, 408, "RequestTimeout");
        check(411, 411, "MissingContentLength");
        check(412, 412, "PreconditionFailed");
        check(413, 413, "EntityTooLarge");
        check(414, 414, "RequestHeaderSectionTooLarge");
        check(416, 416, "InvalidRange");
        check(429, 429, "SlowDown");
        check(494, 400, "RequestHeaderSectionTooLarge");
        check(497, 400, "BadRequest");
        check(500, 500, "InternalError");
        check(501, 501, "NotImplemented");
        check(502, 502, "ServiceUnavailable");
        check(503, 503, "ServiceUnavailable");
        check(504, 504, "ServiceUnavailable");
        check(505, 505, "BadRequest");
        check(507, 507, "InternalError");
    }

    #[test]
    fn refused_credentials_are_a_bad_gateway() {
        let error = S3Error::origin_refused_credentials();
        assert_eq!((error.status(), error.code()), (502, "ServiceUnavailable"));
        assert_eq!(error.fault(), FaultSource::Origin);
    }

    #[test]
    fn who_does_not_answer_is_asked_again() {
        for error in [S3Error::no_origin_answered(), S3Error::origin_error_incomplete()] {
            assert_eq!((error.status(), error.code()), (503, "ServiceUnavailable"));
        }
    }

    #[test]
    fn long_members_are_cut() {
        let error = S3Error::access_denied().with_member("A", vec![b'a'; MAX_VALUE + 1]);
        assert_eq!(error.members().map(|(_, value)| value.len()).collect::<Vec<_>>(), [MAX_VALUE]);
    }

    #[test]
    fn log_line_stays_in_one_line() {
        let error = S3Error::access_denied().with_message("a\r\nb");
        assert_eq!(error.to_string(), r"AccessDenied (403): a\r\nb");
    }
}
