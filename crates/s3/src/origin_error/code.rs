//! The code of an origin's error while the document is still on its way.
//!
//! Whether another origin is asked has to be decided before anything of an answer goes to the client, and with no more of it
//! in memory than fits into the buffer of its head. So the code alone is looked for, at the first place where it can be, and
//! what it decides is only that: whether a document may be *shown* is for [`OriginError`](super::OriginError) to say.

use std::ops::Range;

use super::chunks::Chunks;
use super::{Finding, LIMIT, OriginError};

/// Codes of an origin that does not take our key, whatever the request is: it is out of order until somebody mends its key,
/// its account, its region or its clock.
///
/// Not among them is what a client's own request can cause with a good key, or it could put an origin out of use for all:
/// `MissingSecurityHeader` (no Content-MD5), `InvalidBucketOwnerAWSAccountID`, `InvalidRegion` (MinIO's word for a wrong
/// LocationConstraint), `UnauthorizedAccess` (somebody's bucket without a license, in China), `AccessDenied`.
const REFUSED_KEY: &[&[u8]] = &[
    // Amazon S3, and those who borrow its codes.
    b"InvalidAccessKeyId",
    b"SignatureDoesNotMatch",
    b"AuthorizationHeaderMalformed",
    b"RequestTimeTooSkewed",
    b"RequestExpired",
    b"InvalidSecurity",
    b"InvalidToken",
    b"ExpiredToken",
    b"TokenRefreshRequired",
    b"NotSignedUp",
    b"OptInRequired",
    b"AccountProblem",
    // Other Amazon services.
    b"ExpiredTokenException",
    b"IncompleteSignature",
    b"InvalidClientTokenId",
    b"InvalidSignatureException",
    b"UnrecognizedClientException",
    // MinIO and its relatives.
    b"InvalidTokenId",
    b"SignatureVersionNotSupported",
    b"XMinioAdminInvalidAccessKey",
    // Google Cloud Storage, Cloudflare R2, Backblaze B2.
    b"AuthenticationRequired",
    b"ExpiredRequest",
    b"Unauthorized",
    // Ceph RGW.
    b"UserSuspended",
    b"NoSuchUser",
];

/// Parts of other vendors' codes for the same, in lower case.
const REFUSED_KEY_PARTS: [&[u8]; 5] =
    [b"accesskey", b"secretkey", b"signaturenotmatch", b"signaturemismatch", b"skewed"];

/// Codes that ask the client to come back more slowly: the throttling errors of the AWS SDKs' retry behaviour ("standard"
/// mode) as far as a store of objects gives them; MinIO adds `SlowDownRead` and `SlowDownWrite`.
const SLOW_DOWN: &[&[u8]] = &[
    b"SlowDown",
    b"SlowDownRead",
    b"SlowDownWrite",
    b"RequestLimitExceeded",
    b"BandwidthLimitExceeded",
    b"RequestThrottled",
    b"RequestThrottledException",
    b"Throttling",
    b"ThrottlingException",
    b"ThrottledException",
    b"TooManyRequests",
    b"TooManyRequestsException",
    b"PriorRequestNotComplete",
];

/// Whether an error of this code says that the origin does not take the key that the request was signed with.
pub fn refuses_key(code: &[u8]) -> bool {
    let lower = || code.to_ascii_lowercase();
    let has_part = |code: Vec<u8>| REFUSED_KEY_PARTS.iter().any(|part| find(&code, part).is_some());
    REFUSED_KEY.contains(&code) || has_part(lower())
}

/// Whether an error of this code asks for fewer requests; then the origin works.
pub fn asks_to_slow_down(code: &[u8]) -> bool {
    SLOW_DOWN.contains(&code)
}

/// Longest code; S3's have up to 60 letters.
const MAX_CODE: usize = 128;

/// How the end of a body is told (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DocumentFraming {
    /// After so many bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The connection's end is the body's.
    Close,
}

/// What is known of a code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code<'a> {
    /// It may be in what comes.
    NeedMore,
    /// This one.
    Known(&'a [u8]),
    /// There is none.
    None,
}

/// Reads on in an error's body until its code is known.
#[derive(Debug)]
pub struct CodeReader {
    document: OriginError,
    is_plain: bool,
    framing: DocumentFraming,
    chunks: Chunks,
    /// How many bytes of the body came.
    came: u64,
    /// Where the text of the first code begins, once that is known; before, how far it was looked for.
    code_at: Option<usize>,
    searched: usize,
}

impl CodeReader {
    /// For a body with this Content-Encoding (none is empty).
    pub fn new(encoding: &[u8], framing: DocumentFraming) -> Self {
        let is_plain =
            matches!(encoding.trim_ascii(), b"") || encoding.eq_ignore_ascii_case(b"identity");
        Self {
            document: OriginError::new(encoding, b""),
            is_plain,
            framing,
            chunks: Chunks::default(),
            came: 0,
            code_at: None,
            searched: 0,
        }
    }

    /// Takes the bytes that follow those before, as they came.
    pub fn feed(&mut self, bytes: &[u8]) -> Code<'_> {
        self.came = self.came.saturating_add(bytes.len() as u64);
        let is_whole = match self.framing {
            DocumentFraming::Chunked => {
                self.chunks.feed(bytes, |data| _ = self.document.feed(data))
            }
            DocumentFraming::Length(length) => {
                self.document.feed(bytes);
                Some(self.came >= length)
            }
            DocumentFraming::Close => {
                self.document.feed(bytes);
                Some(!may_be_error(self.document.bytes()))
            }
        };
        // Broken chunks are for nginx to complain about.
        let Some(is_whole) = is_whole else { return Code::None };
        if self.is_plain {
            self.look_for_code();
        }
        let code = self.code_at.and_then(|at| code_at(self.document.bytes(), at));
        if let Some(code) = code {
            return code.map_or(Code::None, |range| {
                Code::Known(self.document.bytes().get(range).unwrap_or_default())
            });
        }
        if !is_whole && self.document.bytes().len() <= LIMIT {
            return Code::NeedMore;
        }
        if self.is_plain {
            return Code::None;
        }
        match self.document.finish() {
            Finding::Origin(code) | Finding::ProxyCredential(code) => Code::Known(code),
            Finding::Denied => Code::Known(b"AccessDenied"),
            Finding::NeedMore | Finding::Doubt(_) => Code::None,
        }
    }

    /// Each byte is looked at once, however small the pieces are that it comes in.
    fn look_for_code(&mut self) {
        const OPEN: &[u8] = b"<Code>";
        let text = self.document.bytes();
        if self.code_at.is_none() {
            let from = self.searched.saturating_sub(OPEN.len());
            let found = text.get(from..).and_then(|text| find(text, OPEN));
            self.code_at = found.map(|at| at.saturating_add(from).saturating_add(OPEN.len()));
            self.searched = text.len();
        }
    }
}

/// The text of the code that begins there, if its end is there too; none inside where it is no code.
fn code_at(text: &[u8], start: usize) -> Option<Option<Range<usize>>> {
    let rest = text.get(start..)?;
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let len = rest.iter().take(MAX_CODE).take_while(|byte| is_name(byte)).count();
    let end = rest.get(len..).filter(|end| !end.is_empty())?;
    let is_code = len > 0 && end.starts_with(b"<");
    Some(is_code.then_some(start..start.saturating_add(len)))
}

/// Whether this may be the beginning of S3's document; of other bodies that have no length the end is not waited for.
fn may_be_error(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
    let begins = |word: &[u8]| text.starts_with(word) || word.starts_with(text);
    (begins(b"<?xml") || begins(b"<Error")) && !text.trim_ascii_end().ends_with(b"</Error>")
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "<?xml version=\"1.0\"?>\n<Error><Code>InvalidAccessKeyId</Code><Message>no</Message></Error>";

    /// What is said after each part.
    fn read(encoding: &[u8], framing: DocumentFraming, parts: &[&[u8]]) -> Vec<String> {
        let mut reader = CodeReader::new(encoding, framing);
        let say = |code: Code<'_>| match code {
            Code::NeedMore => "more".to_owned(),
            Code::None => "none".to_owned(),
            Code::Known(code) => String::from_utf8(code.to_vec()).unwrap(),
        };
        parts.iter().map(|part| say(reader.feed(part))).collect()
    }

    #[test]
    fn known_before_the_end() {
        let (head, tail) = REFUSED.as_bytes().split_at(40);
        let whole = DocumentFraming::Length(REFUSED.len() as u64);
        assert_eq!(read(b"", whole, &[head, tail]), ["more", "InvalidAccessKeyId"]);
        assert_eq!(
            read(b"", DocumentFraming::Close, &[head, tail]),
            ["more", "InvalidAccessKeyId"]
        );
        let upto = REFUSED.find("<Message>").unwrap();
        assert_eq!(read(b"", whole, &[&REFUSED.as_bytes()[..upto]]), ["InvalidAccessKeyId"]);
    }

    #[test]
    fn byte_by_byte_in_chunks() {
        let body = format!("{:x};x=y\r\n{}\r\n", 30, &REFUSED[..30])
            + &format!("{:x}\r\n{}\r\n0\r\n\r\n", REFUSED.len() - 30, &REFUSED[30..]);
        let parts: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
        let said = read(b"", DocumentFraming::Chunked, &parts);
        let known = said.iter().position(|said| said != "more").unwrap();
        assert_eq!(said[known], "InvalidAccessKeyId");
        assert_eq!(read(b"", DocumentFraming::Chunked, &[b"3\r\nabc\r\n0\r\n\r\n"]), ["none"]);
        assert_eq!(read(b"", DocumentFraming::Chunked, &[b"xyz\r\n"]), ["none"]);
        assert_eq!(read(b"", DocumentFraming::Chunked, &[b"3\r\nabcd\r\n"]), ["none"]);
    }

    #[test]
    fn no_code_at_the_end() {
        assert_eq!(read(b"", DocumentFraming::Length(5), &[b"hel", b"lo"]), ["more", "none"]);
        assert_eq!(read(b"", DocumentFraming::Close, &[b"<html>"]), ["none"]);
        assert_eq!(
            read(b"", DocumentFraming::Close, &[b"", b"<", b"Error>", b"</Error>"]),
            ["more", "more", "more", "none"]
        );
        assert_eq!(read(b"", DocumentFraming::Length(20), &[b"<Error><Code></Code>"]), ["none"]);
        let large = vec![b' '; LIMIT + 1];
        assert_eq!(read(b"", DocumentFraming::Length(u64::MAX), &[&large]), ["none"]);
    }

    #[test]
    fn packed() {
        use std::io::Write;
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        packer.write_all(REFUSED.as_bytes()).unwrap();
        let packed = packer.finish().unwrap();
        let (head, tail) = packed.split_at(20);
        let whole = DocumentFraming::Length(packed.len() as u64);
        assert_eq!(read(b"gzip", whole, &[head, tail]), ["more", "InvalidAccessKeyId"]);
        assert_eq!(read(b"br", whole, &[&packed]), ["none"]);
    }

    #[test]
    fn which_codes() {
        let refused: [&[u8]; 4] = [
            b"InvalidAccessKeyId",
            b"SignatureDoesNotMatch",
            b"ExpiredToken",
            b"AccessKeyDisabled",
        ];
        assert!(
            refused.iter().all(|code| refuses_key(code) && super::super::is_about_credential(code))
        );
        let others: [&[u8]; 8] = [
            b"AccessDenied",
            b"NoSuchKey",
            b"MissingSecurityHeader",
            b"InvalidTag",
            b"SlowDown",
            b"InvalidRegion",
            b"BucketSuspended",
            b"UnauthorizedAccess",
        ];
        assert!(!others.iter().any(|code| refuses_key(code)));
        assert!(asks_to_slow_down(b"SlowDown") && asks_to_slow_down(b"SlowDownWrite"));
        assert!(!asks_to_slow_down(b"ServiceUnavailable") && !asks_to_slow_down(b"InternalError"));
    }

    /// Whoever is passed over must not be shown either, where nobody is left.
    #[test]
    fn all_are_about_the_credential() {
        assert!(REFUSED_KEY.iter().all(|code| super::super::is_about_credential(code)));
    }
}
