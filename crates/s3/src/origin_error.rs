//! Which error an origin reports, found in the first bytes of its document.
//!
//! Some codes speak of the credential that the request came with. At the origin that is the proxy's, so such a
//! document would tell the client the origin's key id, host, canonical request or region, about a fault that the
//! client cannot mend. It must never be relayed; [`Finding::ProxyCredential`] says so, and
//! [`S3Error::origin_refused_credentials`](crate::S3Error::origin_refused_credentials) is sent instead.

use quick_xml::Reader;
use quick_xml::events::Event;

/// How many bytes of a document are looked at. Every server known writes `<Code>` first; what has none by then is no
/// S3 error, and more must not be withheld from the client, nor kept in memory.
const LIMIT: usize = 4 * 1024;

/// Codes about the credential, the signature or the account of whoever asks, in any order that helps the reader.
///
/// Not among them, because they are about what the client sent or about its bucket: `AccessDenied` (the origin's
/// policy for this key and object), `XAmzContentSHA256Mismatch` and `BadDigest` (the client's own claims, which the
/// origin checks for us), `InvalidArgument`, `InvalidRequest`.
const PROXY_CREDENTIAL: &[&[u8]] = &[
    // Amazon S3: signature and key.
    b"SignatureDoesNotMatch",
    b"InvalidAccessKeyId",
    b"AuthorizationHeaderMalformed",
    b"AuthorizationQueryParametersError",
    b"MissingAuthenticationToken",
    b"MissingSecurityHeader",
    b"MissingSecurityElement",
    b"InvalidSecurity",
    b"RequestTimeTooSkewed",
    b"RequestExpired",
    b"RegionSetMismatch",
    b"CredentialsNotSupported",
    // Temporary credentials.
    b"InvalidToken",
    b"ExpiredToken",
    b"TokenRefreshRequired",
    b"TokenCodeInvalidError",
    // The account behind the key.
    b"NotSignedUp",
    b"AccountProblem",
    b"UnauthorizedAccess",
    // Other Amazon services, and gateways that borrow their codes.
    b"ExpiredTokenException",
    b"IncompleteSignature",
    b"InvalidClientTokenId",
    b"InvalidSignatureException",
    b"UnrecognizedClientException",
    // MinIO and its relatives.
    b"InvalidTokenId",
    b"MissingFields",
    b"SignatureVersionNotSupported",
    b"InvalidRegion",
    b"XMinioAdminInvalidAccessKey",
    // Google Cloud Storage, Cloudflare R2, Backblaze B2.
    b"AuthenticationRequired",
    b"ExpiredRequest",
    b"Unauthorized",
];

/// What the bytes so far say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding<'a> {
    /// Nothing can be said yet: withhold what came, and feed more.
    NeedMore,
    /// Not an S3 error document, or none with a code within the first 4 KiB.
    Absent,
    /// An error that the client may see, with its code.
    Origin(&'a [u8]),
    /// An error about the proxy's own credential, with its code for the log. The document must not be relayed.
    ProxyCredential(&'a [u8]),
}

/// Looks for the code of an origin's error document while it arrives.
///
/// Meant for responses with a status of 300 and above. Once it has answered something else than
/// [`NeedMore`](Finding::NeedMore), the answer stays.
#[derive(Clone, Debug, Default)]
pub struct OriginError {
    seen: Vec<u8>,
    /// The code, or that there is none.
    found: Option<Option<Vec<u8>>>,
}

impl OriginError {
    /// Takes the next bytes of the document into account.
    pub fn feed(&mut self, bytes: &[u8]) -> Finding<'_> {
        if self.found.is_none() {
            let room = LIMIT.saturating_sub(self.seen.len());
            self.seen.extend(bytes.iter().take(room));
            self.found = match scan(&self.seen) {
                None if self.seen.len() >= LIMIT => Some(None),
                found => found,
            };
        }
        self.finding(Finding::NeedMore)
    }

    /// The document is complete: [`NeedMore`](Finding::NeedMore) is no longer an answer.
    pub fn finish(&self) -> Finding<'_> {
        self.finding(Finding::Absent)
    }

    fn finding<'a>(&'a self, undecided: Finding<'a>) -> Finding<'a> {
        match &self.found {
            None => undecided,
            Some(None) => Finding::Absent,
            Some(Some(code)) if PROXY_CREDENTIAL.contains(&code.as_slice()) => {
                Finding::ProxyCredential(code)
            }
            Some(Some(code)) => Finding::Origin(code),
        }
    }
}

/// The text of the first element `Code`, whatever its namespace and depth; none while it may still come.
fn scan(document: &[u8]) -> Option<Option<Vec<u8>>> {
    let text = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|&byte| byte != b'<' && byte != 0xef) {
        return Some(None);
    }
    let mut reader = Reader::from_reader(text);
    let mut code = None::<Vec<u8>>;
    loop {
        // What is cut off in the middle is an error, or the end, to the reader: more bytes may mend it, and a
        // document that nothing can mend ends at the limit.
        match reader.read_event().ok()? {
            Event::Start(tag) if tag.local_name().as_ref() == b"Code" => code = Some(Vec::new()),
            Event::Empty(tag) if tag.local_name().as_ref() == b"Code" => return Some(None),
            Event::End(tag) if tag.local_name().as_ref() == b"Code" => {
                let code = code?.trim_ascii().to_vec();
                return Some(Some(code).filter(|code| !code.is_empty()));
            }
            Event::Text(text) => code.iter_mut().for_each(|code| code.extend_from_slice(&text)),
            Event::CData(text) => code.iter_mut().for_each(|code| code.extend_from_slice(&text)),
            Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fed whole, byte by byte, and cut in two at every place, a document gives one answer.
    fn check(document: impl AsRef<[u8]>, expected: Finding<'_>) {
        let document = document.as_ref();
        let shown = document.escape_ascii();
        for cut in 0..=document.len() {
            let (head, tail) = document.split_at(cut);
            let mut origin = OriginError::default();
            let first = origin.feed(head);
            assert!(
                first == Finding::NeedMore || first == expected,
                "{shown} cut at {cut}: {first:?}"
            );
            origin.feed(tail);
            assert_eq!(origin.finish(), expected, "{shown} cut at {cut}");
        }
        let mut origin = OriginError::default();
        document.iter().for_each(|byte| _ = origin.feed(&[*byte]));
        assert_eq!(origin.finish(), expected, "{shown}");
    }

    fn relayed(code: &str) -> Finding<'_> {
        Finding::Origin(code.as_bytes())
    }

    fn withheld(code: &str) -> Finding<'_> {
        Finding::ProxyCredential(code.as_bytes())
    }

    #[test]
    fn codes() {
        check("<Error><Code>NoSuchKey</Code></Error>", relayed("NoSuchKey"));
        check("<Error><Code>AccessDenied</Code>", relayed("AccessDenied"));
        check(
            "<Error><Code>XAmzContentSHA256Mismatch</Code>",
            relayed("XAmzContentSHA256Mismatch"),
        );
        check(
            "<Error><Code>SignatureDoesNotMatch</Code></Error>",
            withheld("SignatureDoesNotMatch"),
        );
        check(
            "<Error><Code>SignatureDoesNotMatchX</Code></Error>",
            relayed("SignatureDoesNotMatchX"),
        );
        check("<Error><Code>InvalidTokenId</Code></Error>", withheld("InvalidTokenId"));
    }

    #[test]
    fn spellings_of_the_document() {
        let prologue = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        check(
            format!("{prologue}\n<Error>\n  <Code>\n ExpiredToken </Code>"),
            withheld("ExpiredToken"),
        );
        check("\u{feff} <Error><Code>ExpiredToken</Code>", withheld("ExpiredToken"));
        check(
            "<Error xmlns=\"http://a/\"><Code a='b'>ExpiredToken</Code >",
            withheld("ExpiredToken"),
        );
        check("<s:Error xmlns:s='x'><s:Code>ExpiredToken</s:Code>", withheld("ExpiredToken"));
        check("<!-- <Code>A</Code> --><Error><Code>ExpiredToken</Code>", withheld("ExpiredToken"));
        check("<Error><Code><![CDATA[ExpiredToken]]></Code>", withheld("ExpiredToken"));
        check("<Error><Message>a &lt;Code&gt; b</Message><Code>A</Code>", relayed("A"));
        check("<Response><Error><Code>ExpiredToken</Code>", withheld("ExpiredToken"));
        check("<Error><CodeX>A</CodeX><Code>B</Code><Code>C</Code>", relayed("B"));
    }

    #[test]
    fn no_code() {
        check("", Finding::Absent);
        check(" \n", Finding::Absent);
        check("{\"code\":\"SignatureDoesNotMatch\"}", Finding::Absent);
        check("<html><body>502</body></html>", Finding::Absent);
        check("<Error><Code/></Error>", Finding::Absent);
        check("<Error><Code> </Code></Error>", Finding::Absent);
        check("<Error><Code>SignatureDoesNotMatch", Finding::Absent);
        check("<Error></Wrong><Code>A</Code>", Finding::Absent);
        check(b"<\0\xff<<>>", Finding::Absent);
    }

    #[test]
    fn the_answer_comes_as_soon_as_it_can() {
        let mut origin = OriginError::default();
        assert_eq!(origin.feed(b"<Error><Code>ExpiredToken"), Finding::NeedMore);
        assert_eq!(origin.feed(b"</Code>"), withheld("ExpiredToken"));
        assert_eq!(origin.feed(b"<Code>A</Code>"), withheld("ExpiredToken"));
        assert_eq!(OriginError::default().feed(b"not xml"), Finding::Absent);
    }

    #[test]
    fn memory_is_bounded() {
        let mut origin = OriginError::default();
        assert_eq!(origin.feed(&b"<Error>".repeat(LIMIT)), Finding::Absent);
        assert!(origin.seen.len() <= LIMIT);
    }
}
