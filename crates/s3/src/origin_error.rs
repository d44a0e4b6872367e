//! Whether an origin's error may be shown to a client.
//!
//! Some errors speak of the credential that the request came with. At the origin that is the proxy's, so such a document
//! would tell the client the origin's key id, host, canonical request or region, about a fault that the client cannot
//! mend. It must never be relayed, in whatever form it comes; [`Finding::ProxyCredential`] says so, and
//! [`S3Error::origin_refused_credentials`](crate::S3Error::origin_refused_credentials) is sent instead.
//!
//! What passes is a whole, well-formed S3 error document of moderate size whose code, members and text are none of that.
//! Anything else is [`Finding::Doubt`]: that a refusal cannot be read here does not mean that a client cannot read it.

mod chunks;
mod code;
mod document;
mod known;

pub use self::chunks::Chunks;
pub use self::code::{Code, CodeReader, DocumentFraming, asks_to_slow_down, refuses_key};
use self::document::Document;
pub use self::known::{code_in, known_code};

/// Largest document that is judged, in bytes, packed and unpacked. S3's have some hundreds, those with a canonical request a
/// few thousands; more must not be kept in memory.
pub const LIMIT: usize = 64 * 1024;

/// Codes about the credential, the signature or the account of whoever asks, besides those of an origin that does not take
/// our key ([`refuses_key`]): a client's own request can cause these with a good key.
///
/// Not among them, because they are about what the client sent or about its bucket: `AccessDenied` (the origin's
/// policy for this key and object), `XAmzContentSHA256Mismatch` and `BadDigest` (the client's own claims, which the
/// origin checks for us), `InvalidArgument`, `InvalidRequest`.
const PROXY_CREDENTIAL: &[&[u8]] = &[
    b"AuthorizationQueryParametersError",
    b"MissingAuthenticationToken",
    b"MissingSecurityHeader",
    b"MissingSecurityElement",
    b"RegionSetMismatch",
    b"CredentialsNotSupported",
    b"TokenCodeInvalidError",
    b"UnauthorizedAccess",
    b"MissingFields",
    b"InvalidRegion",
];

/// Parts of names, in lower case, that make any other code one of those. Vendors have codes of their own, and a code that
/// is withheld in error is told from the log; one that passes in error is not.
const TELLTALE: [&[u8]; 14] = [
    b"signature",
    b"accesskey",
    b"secretkey",
    b"token",
    b"credential",
    b"security",
    b"auth",
    b"expired",
    b"skew",
    b"account",
    b"signedup",
    b"optin",
    b"principal",
    b"suspended",
];

/// Parts of the names of members that show what was signed, and by whom.
const TELLTALE_MEMBERS: [&[u8]; 5] =
    [b"accesskey", b"stringtosign", b"signature", b"canonicalrequest", b"token"];

/// What a refusal says where it explains whose rights are lacking (AWS names the ARN, Google the service account).
const TELLTALE_WORDS: [&[u8]; 7] =
    [b"arn:", b"@", b"accesskey", b"access key", b"user:", b"account", b"principal"];

/// Shorter key ids may be anything's name, and are not looked for in a document.
const SHORTEST_KEY: usize = 8;

/// What the bytes so far say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Finding<'a> {
    /// Nothing can be said yet: withhold what came, and feed more.
    NeedMore,
    /// An S3 error document that a client may see, with its code.
    Origin(&'a [u8]),
    /// `AccessDenied`, in words about whoever signed: a client may have the code, and not the words.
    Denied,
    /// An error about the proxy's own credential, with its code for the log. The document must not be relayed.
    ProxyCredential(&'a [u8]),
    /// No S3 error document that can be judged, and why.
    Doubt(&'static str),
}

/// Collects an origin's error document, and judges it when it is complete.
///
/// Meant for responses with a status of 400 and above to requests that were signed here.
#[derive(Clone, Debug, Default)]
pub struct OriginError {
    encoding: Vec<u8>,
    access_key: Vec<u8>,
    seen: Vec<u8>,
    /// The last code that was found, decoded.
    code: Vec<u8>,
}

impl OriginError {
    /// For a document with this Content-Encoding (none is empty) that answers a request signed with this access key id.
    pub fn new(encoding: impl Into<Vec<u8>>, access_key: impl Into<Vec<u8>>) -> Self {
        Self { encoding: encoding.into(), access_key: access_key.into(), ..Self::default() }
    }

    /// Takes the next bytes of the document; once the answer is not [`NeedMore`](Finding::NeedMore), it stays.
    pub fn feed(&mut self, bytes: &[u8]) -> Finding<'_> {
        self.seen.extend_from_slice(bytes);
        if self.seen.len() > LIMIT { Finding::Doubt(TOO_LARGE) } else { Finding::NeedMore }
    }

    /// All bytes that came, as they came.
    pub fn bytes(&self) -> &[u8] {
        &self.seen
    }

    /// The document is complete: [`NeedMore`](Finding::NeedMore) is no longer an answer.
    pub fn finish(&mut self) -> Finding<'_> {
        if self.seen.len() > LIMIT {
            return Finding::Doubt(TOO_LARGE);
        }
        let text = match document::decode(&self.encoding, &self.seen) {
            Ok(text) => text,
            Err(doubt) => return Finding::Doubt(doubt),
        };
        let names_key = |text: &[u8]| names_key(text, &self.access_key);
        let document = match Document::read(&text) {
            Ok(document) => document,
            Err(_) if names_key(text.as_bytes()) => return Finding::ProxyCredential(SHOWS_KEY),
            Err(doubt) => return Finding::Doubt(doubt),
        };
        let withheld = document.codes.iter().find(|code| is_about_credential(code));
        if let Some(code) = withheld {
            self.code.clone_from(code);
            return Finding::ProxyCredential(&self.code);
        }
        let shows = |name: &Vec<u8>| contains_any(name, &TELLTALE_MEMBERS);
        if document.names.iter().any(shows)
            || names_key(&document.text)
            || names_key(text.as_bytes())
        {
            return Finding::ProxyCredential(SHOWS_KEY);
        }
        match document.code() {
            Some(b"AccessDenied") if contains_any(&document.text, &TELLTALE_WORDS) => {
                Finding::Denied
            }
            Some(code) => {
                self.code = code.to_vec();
                Finding::Origin(&self.code)
            }
            None => Finding::Doubt("it is no S3 error document"),
        }
    }
}

const TOO_LARGE: &str = "it is too large";
/// What the log says in the place of a code, where a document shows the key without one.
pub(crate) const SHOWS_KEY: &[u8] = b"it shows what was signed";

/// Whether an error of this code is about whoever signed the request.
pub fn is_about_credential(code: &[u8]) -> bool {
    refuses_key(code) || PROXY_CREDENTIAL.contains(&code) || contains_any(code, &TELLTALE)
}

/// Whether a header of this name has the code of an error: MinIO answers HEAD with code and message in headers.
pub fn is_code_header(name: &[u8]) -> bool {
    const TAIL: &[u8] = b"error-code";
    let at = name.len().checked_sub(TAIL.len());
    at.and_then(|at| name.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(TAIL))
}

/// The Content-Encoding that a response's headers state, empty if there is none; several headers are one that nobody knows.
pub fn content_encoding<'a>(headers: impl Iterator<Item = (&'a [u8], &'a [u8])>) -> Vec<u8> {
    let codings = headers.filter(|(name, _)| name.eq_ignore_ascii_case(b"content-encoding"));
    codings.map(|(_, value)| value).collect::<Vec<_>>().join(&b", "[..])
}

/// Whether `text` shows this access key id.
pub fn names_key(text: &[u8], access_key: &[u8]) -> bool {
    access_key.len() >= SHORTEST_KEY
        && text.windows(access_key.len()).any(|window| window == access_key)
}

/// Whether one of these lower-case words is in `text`, in any case.
fn contains_any(text: &[u8], words: &[&[u8]]) -> bool {
    let is_in = |word: &&[u8]| text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    words.iter().any(is_in)
}

#[cfg(test)]
mod tests;
