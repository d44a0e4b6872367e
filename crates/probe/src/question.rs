//! The request that a probe sends.

use std::fmt;

use s3::Reserved;
use sigv4::request_head::{self, HeadError, HeadLines};
use sigv4::{
    OriginBody, OriginCredential, OriginRequest, OtherBody, Permit, ResignError, TargetBuffers,
    Timestamp,
};

/// A GET for an origin, ready to be signed.
#[derive(Clone, Debug)]
pub struct Question {
    head: Vec<u8>,
    authority: String,
}

/// Why nothing can be asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum QuestionError {
    /// The target or the host cannot stand in a head.
    Head(HeadError),
    /// It asks for something that is not S3's.
    Reserved,
    /// It cannot be signed.
    Sign(ResignError),
}

impl std::error::Error for QuestionError {}

impl fmt::Display for QuestionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head(error) => error.fmt(f),
            Self::Reserved => f.write_str("it asks for what is not S3's"),
            Self::Sign(error) => error.fmt(f),
        }
    }
}

impl Question {
    /// For the target `uri` at the host `authority`.
    ///
    /// # Errors
    ///
    /// [`QuestionError`], whatever the time and the key.
    pub fn new(uri: &str, authority: &str) -> Result<Self, QuestionError> {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        if Reserved::of(b"GET", path.as_bytes(), query.as_bytes()).is_some() {
            return Err(QuestionError::Reserved);
        }
        let head =
            format!("GET {uri} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: s3_probe\r\n\r\n");
        request_head::parse(head.as_bytes(), &mut HeadLines::new()).map_err(QuestionError::Head)?;
        Ok(Self { head: head.into_bytes(), authority: authority.to_owned() })
    }

    /// Writes the request to `out`, signed for `origin` at `now`.
    ///
    /// # Errors
    ///
    /// [`QuestionError`]; `out` then holds nothing useful.
    pub fn sign(
        &self,
        origin: &OriginCredential,
        now: Timestamp,
        buffers: &mut TargetBuffers,
        out: &mut Vec<u8>,
    ) -> Result<(), QuestionError> {
        let mut lines = HeadLines::new();
        let (head, _) = request_head::parse(&self.head, &mut lines).map_err(QuestionError::Head)?;
        // Nobody's request: what is asked stands in the configuration.
        let permit = Permit::verify_off();
        let body = OriginBody::Other(OtherBody::known(b""));
        let request = OriginRequest {
            head: &head,
            permit: &permit,
            authority: self.authority.as_bytes(),
            credential: origin,
            body: &body,
            now,
        };
        sigv4::resign(&request, buffers, out).map_err(QuestionError::Sign)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use sigv4::Secret;

    use super::*;

    #[test]
    fn a_signed_get() {
        let origin = OriginCredential::new("AKID", Secret::new("secret"), None, "eu-west-1", "s3");
        let now = Timestamp::from_unix(1_369_353_600).unwrap();
        let mut out = Vec::new();
        let question = Question::new("/bucket?max-keys=1", "s3.example.com:9000").unwrap();
        question.sign(&origin, now, &mut TargetBuffers::default(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("GET /bucket?max-keys=1 HTTP/1.1\r\n"), "{text}");
        assert!(text.contains("\r\nHost: s3.example.com:9000\r\n"), "{text}");
        assert!(text.contains("Credential=AKID/20130524/eu-west-1/s3/aws4_request"), "{text}");
        // The hash of nothing.
        assert!(text.contains("x-amz-content-sha256: e3b0c442"), "{text}");
        assert!(!text.contains("Content-Length") && text.ends_with("\r\n\r\n"), "{text}");
    }

    #[test]
    fn what_is_not_asked() {
        assert_eq!(
            Question::new("/minio/admin/v3/info", "h").unwrap_err(),
            QuestionError::Reserved
        );
        assert_eq!(Question::new("/b?session", "h").unwrap_err(), QuestionError::Reserved);
        assert!(matches!(Question::new("/a b", "h"), Err(QuestionError::Head(_))));
        assert!(matches!(Question::new("/", "h\r\nx: y"), Err(QuestionError::Head(_)) | Ok(_)));
    }
}
