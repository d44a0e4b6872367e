//! The vectors file, as requests. Shared by the integration tests; each uses a part of it.

use serde_json::Value;
use sigv4::request_head::{HeadError, HeadLines, RequestHead};
use sigv4::{
    AuthorizationError, Credential, Error, Header, HeaderError, Keyring, MechanismError,
    OriginCredential, PayloadError, Policy, QueryError, RequestParts, Secret, SignatureError,
    TargetError, TimeError, Timestamp, TokenError,
};

/// The vectors and decision cases of the protocol reference.
pub(crate) fn file() -> Value {
    serde_json::from_str(include_str!("../vectors.json")).unwrap()
}

/// A request head that owns its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Owned {
    pub(crate) method: Vec<u8>,
    pub(crate) target: Vec<u8>,
    pub(crate) headers: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Owned {
    /// Of a vector or a case.
    pub(crate) fn of(entry: &Value) -> Self {
        let headers = entry["headers"].as_array().unwrap().iter();
        Self {
            method: bytes(&entry["method"]),
            target: bytes(&entry["target"]),
            headers: headers.map(|pair| (bytes(&pair[0]), bytes(&pair[1]))).collect(),
        }
    }

    pub(crate) fn new(method: &str, target: &str, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self { method: method.into(), target: target.into(), headers: headers.collect() }
    }

    /// A head as [`sigv4::resign`] writes it.
    pub(crate) fn parse(head: &[u8]) -> Self {
        let head = head.strip_suffix(b"\r\n").expect("a blank line at the end");
        let mut lines = head
            .split_inclusive(|&b| b == b'\n')
            .map(|line| line.strip_suffix(b"\r\n").expect("CRLF at the end of each line"));
        let words: Vec<_> = lines.next().unwrap().split(|&b| b == b' ').collect();
        let [method, target, b"HTTP/1.0" | b"HTTP/1.1"] = words[..] else { panic!("{words:?}") };
        let headers = lines.map(|line| {
            let colon = line.iter().position(|&b| b == b':').unwrap();
            let value = line[colon..].strip_prefix(b": ").unwrap();
            (line[..colon].to_vec(), value.to_vec())
        });
        Self { method: method.into(), target: target.into(), headers: headers.collect() }
    }

    pub(crate) fn with<R>(&self, then: impl FnOnce(&RequestParts<'_>) -> R) -> R {
        let headers: Vec<_> =
            self.headers.iter().map(|(name, value)| Header { name, value }).collect();
        then(&RequestParts { method: &self.method, target: &self.target, headers: &headers })
    }

    /// As a server writes it for an origin, and [`sigv4::resign`] wants it. An error if no server would.
    pub(crate) fn with_head<R>(
        &self,
        minor_version: u8,
        then: impl FnOnce(&RequestHead<'_>) -> R,
    ) -> Result<R, HeadError> {
        let version = format!(" HTTP/1.{minor_version}\r\n");
        let mut text = [self.method.as_slice(), b" ", &self.target, version.as_bytes()].concat();
        for (name, value) in &self.headers {
            text.extend([name.as_slice(), b": ", value, b"\r\n"].concat());
        }
        text.extend(b"\r\n");
        let mut lines = HeadLines::new();
        let (head, body) = sigv4::request_head::parse(&text, &mut lines)?;
        // Whatever a line end in a value makes of what follows, it is not a part of this head.
        assert!(body.is_empty() || self.headers.iter().any(|(_, value)| value.contains(&b'\n')));
        Ok(then(&head))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found =
            self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes()));
        let value = found.next().map(|(_, value)| std::str::from_utf8(value).unwrap());
        assert!(found.next().is_none(), "{name} twice");
        value
    }

    pub(crate) fn push(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.headers.push((name.into(), value.into()));
    }

    /// Adds a length where HTTP demands one and the vector, which lists what is signed, has none.
    pub(crate) fn complete(mut self) -> Self {
        if self.method == b"PUT" && self.header("content-length").is_none() {
            self.push("Content-Length", "0");
        }
        self
    }
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    text(value).into()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse_iso_basic(text.as_bytes()).unwrap()
}

/// All credentials of the file.
pub(crate) fn keyring(file: &Value) -> Keyring<()> {
    let mut keyring = Keyring::default();
    for entry in file["credentials"].as_object().unwrap().values() {
        let secret = Secret::new(bytes(&entry["secret_key"]));
        let mut credential = Credential::new(bytes(&entry["access_key"]), secret, ());
        if let Some(token) = entry["token"].as_str() {
            let expired = entry["expired"].as_bool().unwrap_or_default();
            credential = credential.with_token(Secret::new(token), expired.then_some(1));
        }
        keyring.insert(credential).unwrap();
    }
    keyring
}

/// The setting of the decision cases.
pub(crate) fn policy(file: &Value) -> Policy {
    let proxy = &file["proxy"];
    Policy {
        regions: vec![bytes(&proxy["region"])],
        hosts: Vec::new(),
        signature_v2: proxy["sigv2"].as_bool().unwrap(),
        max_skew: proxy["max_skew_seconds"].as_i64().unwrap(),
        max_object: proxy["max_object"].as_u64(),
        domains: Vec::new(),
        ..Policy::default()
    }
}

pub(crate) fn origin(entry: &Value) -> OriginCredential {
    OriginCredential::new(
        bytes(&entry["access_key"]),
        Secret::new(bytes(&entry["secret_key"])),
        None,
        bytes(&entry["region"]),
        bytes(&entry["service"]),
    )
}

/// The S3 code of an error, for comparison with the file. The product has its own table.
pub(crate) fn code(error: &Error) -> &'static str {
    use sigv4::Mechanism::{Presigned, V2Presigned};
    match error {
        Error::Query(QueryError::AlgorithmUnsupported { .. })
        | Error::Query(QueryError::AuthenticationRepeated { .. })
        | Error::Credential { mechanism: Presigned, .. }
        | Error::Time(TimeError::ExpiresNegative { .. })
        | Error::Time(TimeError::ExpiresNotNumber { mechanism: Presigned, .. })
        | Error::Time(TimeError::ExpiresTooLarge { .. })
        | Error::Query(QueryError::WrongCase { .. })
        | Error::Time(TimeError::QueryDateUnreadable { .. })
        | Error::Query(QueryError::Incomplete)
        | Error::Header(HeaderError::SignedHeadersMalformed { mechanism: Presigned, .. }) => {
            "AuthorizationQueryParametersError"
        }
        Error::Authorization(AuthorizationError::Components)
        | Error::Credential { .. }
        | Error::Header(HeaderError::SignedHeadersMalformed { .. }) => {
            "AuthorizationHeaderMalformed"
        }
        Error::Authorization(AuthorizationError::TooLong)
        | Error::Authorization(AuthorizationError::WithoutSpace { .. })
        | Error::Header(HeaderError::Repeated { .. })
        | Error::Mechanism(MechanismError::Multiple { .. })
        | Error::Query(QueryError::NameEmpty)
        | Error::Query(QueryError::Repeated { .. })
        | Error::Payload(PayloadError::HashInvalid { .. })
        | Error::Query(QueryError::TooMany)
        | Error::Authorization(AuthorizationError::UnsupportedScheme { .. })
        | Error::Authorization(AuthorizationError::V2Malformed { .. }) => "InvalidArgument",
        Error::Payload(PayloadError::ContentLengthInvalid { .. })
        | Error::Payload(PayloadError::ContentLengthWithTransferEncoding)
        | Error::Header(HeaderError::ControlByte { .. }) => "BadRequest",
        Error::Payload(PayloadError::ContentLengthMissing)
        | Error::Payload(PayloadError::DecodedLengthInvalid { .. })
        | Error::Payload(PayloadError::DecodedLengthMissing) => "MissingContentLength",
        Error::Time(TimeError::DateMissing)
        | Error::Time(TimeError::DateUnreadable { .. })
        | Error::Time(TimeError::Expired { .. })
        | Error::Time(TimeError::ExpiresNotNumber { mechanism: V2Presigned, .. })
        | Error::Header(HeaderError::NotSigned { .. })
        | Error::Header(
            HeaderError::HostBelowServed { .. }
            | HeaderError::HostNotServed { .. }
            | HeaderError::HostOutsideDomains { .. },
        )
        | Error::Mechanism(MechanismError::Missing)
        | Error::Time(TimeError::NotYetValid { .. })
        | Error::Query(QueryError::NotSigned { .. })
        | Error::Query(QueryError::V2Incomplete) => "AccessDenied",
        Error::Payload(PayloadError::EcdsaStreaming { .. }) => "NotImplemented",
        Error::Payload(PayloadError::TooLarge { .. }) => "EntityTooLarge",
        Error::Header(HeaderError::ContradictsQuery { .. })
        | Error::Header(HeaderError::NotAllowedInQuery { .. })
        | Error::Mechanism(MechanismError::Disabled { .. })
        | Error::Payload(PayloadError::HashMissing)
        | Error::Payload(PayloadError::StreamingNotAllowed { .. })
        | Error::Payload(PayloadError::TrailerRepeated { .. })
        | Error::Payload(PayloadError::TrailerUnsupported { .. }) => "InvalidRequest",
        Error::Target(TargetError::KeyTooLong { .. }) => "KeyTooLongError",
        Error::Target(_) => "InvalidURI",
        Error::Time(TimeError::TooSkewed { .. }) => "RequestTimeTooSkewed",
        Error::Signature(SignatureError::Mismatch { .. }) => "SignatureDoesNotMatch",
        Error::Token(TokenError::Expired { .. }) => "ExpiredToken",
        Error::Token(TokenError::Invalid { .. }) => "InvalidToken",
        Error::Token(TokenError::Missing { .. })
        | Error::Signature(SignatureError::ExpiredAccessKey { .. })
        | Error::Signature(SignatureError::UnknownAccessKey { .. }) => "InvalidAccessKeyId",
        Error::Payload(PayloadError::TrailerUnexpected { .. }) => "MalformedTrailerError",
        other => panic!("no code for {other:?}"),
    }
}
