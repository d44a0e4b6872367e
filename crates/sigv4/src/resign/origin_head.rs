//! The head toward an origin while it is written: what stays is copied, and what will be signed is noted.

use std::cmp::Ordering;

use crate::bytes;
use crate::request_head::RequestHead;
use smallvec::SmallVec;

use crate::bytes::hex;
use crate::canonical::TextSink as _;
use crate::canonical::canonical_request::{RequestHash, canonical_value, write_end, write_target};
use crate::header::known::KnownHeader;
use crate::resign::body_headers::BodyHeaders;
use crate::resign::connection::{Nominated, kept};
use crate::resign::disposition::{Disposition, disposition, disposition_of};
use crate::{OriginCredential, Permit, ResignError, Timestamp, header};

/// Method and canonical target.
pub(crate) struct RequestLine<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) path: &'a [u8],
    pub(crate) query: &'a [u8],
}

/// Writes a head.
pub(crate) struct OriginHead<'b, 'a> {
    out: &'b mut Vec<u8>,
    signed: SmallVec<[Signed<'a>; 16]>,
}

/// The name of the header that declares the payload.
const PAYLOAD_NAME: &[u8] = header::X_AMZ_CONTENT_SHA256.as_bytes();

/// A header that will be signed.
struct Signed<'a> {
    name: &'a [u8],
    value: &'a [u8],
    /// Whether the name is in lower case, and the value has no blanks to be made one.
    is_canonical: bool,
    /// Lines of one name are signed in the order in which they are written.
    number: usize,
}

impl<'b, 'a> OriginHead<'b, 'a> {
    /// An empty head, to be begun with [`begin`](Self::begin).
    pub(crate) fn new(out: &'b mut Vec<u8>) -> Self {
        out.clear();
        Self { out, signed: SmallVec::new() }
    }

    /// Writes the request line and the origin's Host.
    pub(crate) fn begin(&mut self, line: &RequestLine<'_>, http_minor: u8, authority: &'a [u8]) {
        let out = &mut *self.out;
        out.put(line.method);
        out.put(b" ");
        out.put(line.path);
        if !line.query.is_empty() {
            out.put(b"?");
            out.put(line.query);
        }
        out.put(if http_minor == 0 { b" HTTP/1.0\r\nHost: " } else { b" HTTP/1.1\r\nHost: " });
        out.put(authority);
        out.put(b"\r\n");
        self.note(header::HOST.as_bytes(), authority, true);
    }

    /// Writes a line, and notes it to be signed.
    pub(crate) fn signed(&mut self, name: &'a [u8], value: &'a [u8]) {
        self.line(name, value);
        self.note(name, value, false);
    }

    /// The same for a name in lower case and a value without blanks.
    pub(crate) fn signed_word(&mut self, name: &'a [u8], word: &'a [u8]) {
        self.line(name, word);
        self.note(name, word, true);
    }

    /// Writes the headers that stay, neighbours in one piece. Where framing is taken off, those that describe it go.
    ///
    /// The answer is whether the line that declares the payload is among them: it stays where `payload` is what it says.
    pub(crate) fn client_headers(
        &mut self,
        head: &RequestHead<'a>,
        permit: &Permit,
        unwrap: Option<&'a BodyHeaders<'a>>,
        payload: Option<&[u8]>,
    ) -> Result<bool, ResignError> {
        let nominated = Nominated::of(head)?;
        // Of nearly all requests all headers are what their names say.
        let has_others = !nominated.is_empty()
            || permit.drops_any()
            || !head.replaced().is_empty()
            || unwrap.is_some();
        let is_other = |name: &[u8]| {
            nominated.has(name)
                || permit.drops(name)
                || head.replaces(name)
                || unwrap.is_some_and(|unwrap| unwrap.describes(name))
        };
        let (mut first, mut has_payload) = (0, false);
        for (number, (header, known)) in head.known_headers().enumerate() {
            let (name, value) = (header.name, header.value);
            let disposition = match known {
                _ if has_others && is_other(name) => Disposition::Drop,
                Some(KnownHeader::ContentSha256)
                    if Some(value) == payload && is_payload_name(name) =>
                {
                    has_payload = true;
                    self.note(name, value, name == PAYLOAD_NAME);
                    continue;
                }
                _ => disposition_of(known, name),
            };
            match disposition {
                Disposition::Sign => self.note(name, value, false),
                Disposition::Forward => (),
                Disposition::Connection | Disposition::Drop => {
                    if first < number {
                        self.out.put(head.text(first, number));
                    }
                    first = number.wrapping_add(1);
                    if disposition == Disposition::Connection {
                        kept(value).into_iter().for_each(|option| self.line(name, option));
                    }
                }
            }
        }
        self.out.put(head.text(first, head.headers().len()));
        let replaced = head.replaced().iter();
        replaced
            .filter(|header| disposition(header.name) == Disposition::Sign)
            .for_each(|header| self.signed(header.name, header.value));
        if let Some(unwrap) = unwrap {
            unwrap.own_headers().for_each(|(name, value)| self.signed(name, value));
        }
        Ok(has_payload)
    }

    /// Writes the lines of date and Authorization; the answer is the signature.
    pub(crate) fn sign(
        &mut self,
        line: &RequestLine<'_>,
        payload: &[u8],
        credential: &OriginCredential,
        now: &'a Timestamp,
    ) -> [u8; 64] {
        self.note(header::X_AMZ_DATE.as_bytes(), now.as_bytes(), true);
        self.signed.sort_unstable_by(|a, b| {
            cmp_ignore_ascii_case(a.name, b.name).then_with(|| a.number.cmp(&b.number))
        });
        credential.write_lines(now, self.out);
        let hash = self.hash(line, payload);
        let signature = credential.sign(now, &hash);
        self.out.put(b", Signature=");
        self.out.put(&signature);
        self.out.put(b"\r\n");
        signature
    }

    /// Writes the blank line.
    pub(crate) fn end(&mut self) {
        self.out.put(b"\r\n");
    }

    /// Hashes the canonical request, and writes the list of signed names.
    fn hash(&mut self, line: &RequestLine<'_>, payload: &[u8]) -> [u8; 64] {
        let list = self.out.len();
        let out = &mut *self.out;
        let mut sha256 = RequestHash::new();
        write_target(&mut sha256, line.method, line.path, line.query);
        let mut previous: &[u8] = b"";
        for line in &self.signed {
            if previous.eq_ignore_ascii_case(line.name) {
                sha256.put(b",");
            } else {
                if !previous.is_empty() {
                    sha256.put(b"\n");
                    out.put(b";");
                }
                let from = out.len();
                out.put(line.name);
                if line.is_canonical {
                    sha256.put(line.name);
                } else {
                    let name = out.get_mut(from..).unwrap_or_default();
                    name.make_ascii_lowercase();
                    sha256.put(name);
                }
                sha256.put(b":");
                previous = line.name;
            }
            if line.is_canonical {
                sha256.put(line.value);
            } else {
                canonical_value(line.value, &mut sha256);
            }
        }
        sha256.put(b"\n");
        write_end(&mut sha256, out.get(list..).unwrap_or_default(), payload);
        hex::encode(&sha256.finish())
    }

    fn note(&mut self, name: &'a [u8], value: &'a [u8], is_canonical: bool) {
        self.signed.push(Signed { name, value, is_canonical, number: self.signed.len() });
    }

    fn line(&mut self, name: &[u8], value: &[u8]) {
        self.out.put(name);
        self.out.put(b": ");
        self.out.put(value);
        self.out.put(b"\r\n");
    }
}

/// Whether a name is that of the payload's header to every server: none with `_`.
fn is_payload_name(name: &[u8]) -> bool {
    name == PAYLOAD_NAME || bytes::eq_ignore_ascii_case(name, PAYLOAD_NAME)
}

/// Compares names as if they were lower-case, eight bytes at a time: thousands of hostile names begin alike.
fn cmp_ignore_ascii_case(mut a: &[u8], mut b: &[u8]) -> Ordering {
    while let (Some((word, after)), Some((other, behind))) =
        (a.split_first_chunk(), b.split_first_chunk())
    {
        let order = bytes::lower(*word).cmp(&bytes::lower(*other));
        if order.is_ne() {
            return order;
        }
        (a, b) = (after, behind);
    }
    let lower = |byte: &u8| byte.to_ascii_lowercase();
    match (a.first().map(lower), b.first().map(lower)) {
        (Some(a), Some(b)) if a != b => return a.cmp(&b),
        _ => (),
    }
    a.iter().map(lower).cmp(b.iter().map(lower))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_names() {
        let names = ["a", "Ab", "content-Length", "content-Type", "hosT", "x-amz-a", "x-amz-aB"];
        for (i, a) in names.iter().enumerate() {
            for (j, b) in names.iter().enumerate() {
                let found = cmp_ignore_ascii_case(a.as_bytes(), b.to_ascii_uppercase().as_bytes());
                assert_eq!(found, i.cmp(&j), "{a} {b}");
            }
        }
    }
}
