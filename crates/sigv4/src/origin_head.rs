//! The head toward an origin while it is written: each line goes out at once, and those that will be signed are noted.

use sha2::{Digest as _, Sha256};

use crate::canonical_request::{canonical_value, write_end, write_target};
use crate::header::{self, is_amz, trim};
use crate::hex_text;
use crate::query::Span;
use crate::resign::{ResignError, Unwrapped};
use crate::scan;
use crate::scratch::Lines;
use crate::sink::{Gathered, Sink as _};
use crate::string_to_sign::{ALGORITHM, StringToSign};
use crate::{Header, OriginCredential, Payload, Timestamp};

/// What becomes of a header of the client, or of one that the server added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The Connection header: looked into.
    Connection,
    /// Not sent: authentication that is replaced, the connection's own business, or a way to change the method.
    Drop,
    /// Sent, but not signed: others on the way may change it.
    Forward,
    /// Sent and signed.
    Sign,
}

/// Decides by name. The length comes first, so that most names are compared with one or none.
pub(crate) fn fate(name: &[u8]) -> Fate {
    if is_amz(name) {
        return if REPLACED.iter().any(|own| is_same(name, own)) { Fate::Drop } else { Fate::Sign };
    }
    let (fate, names): (Fate, &[&str]) = match name.len() {
        2 => (Fate::Drop, &["te"]),
        4 => (Fate::Drop, &[header::HOST, header::DATE]),
        6 => (Fate::Drop, &["cookie", "expect"]),
        7 => (Fate::Drop, &["trailer", "upgrade"]),
        10 if header::is(name, header::CONNECTION) => return Fate::Connection,
        10 => (Fate::Drop, &["keep-alive"]),
        11 => (Fate::Sign, &[header::CONTENT_MD5]),
        12 => (Fate::Sign, &[header::CONTENT_TYPE]),
        13 => (Fate::Drop, &[header::AUTHORIZATION, "x-http-method"]),
        14 => (Fate::Sign, &[header::CONTENT_LENGTH]),
        16 => (Fate::Sign, &[header::CONTENT_ENCODING]),
        17 => (Fate::Drop, &["x-method-override"]),
        22 => (Fate::Drop, &["x-http-method-override"]),
        _ => (Fate::Forward, &[]),
    };
    let is_proxy = || name.get(..6).is_some_and(|front| front.eq_ignore_ascii_case(b"proxy-"));
    if names.iter().any(|own| is_same(name, own)) {
        fate
    } else if is_proxy() {
        Fate::Drop
    } else {
        Fate::Forward
    }
}

/// `x-amz-*` headers of the client's that are never sent: ours take their place.
const REPLACED: [&str; 5] = [
    header::X_AMZ_CONTENT_SHA256,
    header::X_AMZ_DATE,
    header::X_AMZ_REGION_SET,
    header::X_AMZ_S3SESSION_TOKEN,
    header::X_AMZ_SECURITY_TOKEN,
];

/// As [`header::is`], but `_` is `-`, as it is for origins behind CGI-like interfaces.
fn is_same(name: &[u8], lower: &str) -> bool {
    let lower = lower.as_bytes();
    let dash = |b: &u8| if *b == b'_' { b'-' } else { b.to_ascii_lowercase() };
    // Nearly all names have no `_`, and need no look at each byte.
    name.len() == lower.len()
        && (scan::is_but_for_case(name, lower)
            || (name.contains(&b'_') && name.iter().map(dash).eq(lower.iter().copied())))
}

/// Method and canonical target.
pub(crate) struct Target<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) path: &'a [u8],
    pub(crate) query: &'a [u8],
}

/// Writes a head.
pub(crate) struct OriginHead<'b> {
    out: &'b mut Vec<u8>,
    lines: &'b mut Lines,
}

impl<'b> OriginHead<'b> {
    pub(crate) fn new(out: &'b mut Vec<u8>, lines: &'b mut Lines) -> Self {
        out.clear();
        Self { out, lines }
    }

    pub(crate) fn request_line(&mut self, target: &Target<'_>, http_minor: u8) {
        self.out.put(target.method);
        self.out.put(b" ");
        self.out.put(target.path);
        if !target.query.is_empty() {
            self.out.put(b"?");
            self.out.put(target.query);
        }
        self.out.put(if http_minor == 0 { b" HTTP/1.0\r\n" } else { b" HTTP/1.1\r\n" });
    }

    /// Writes a line that is signed; the value is trimmed.
    pub(crate) fn signed(&mut self, name: &[u8], value: &[u8]) {
        self.line(name, value);
        let text = &mut self.lines.text;
        let start = text.len();
        text.extend_from_slice(name);
        let middle = text.len();
        text.get_mut(start..middle).unwrap_or_default().make_ascii_lowercase();
        canonical_value(value, text);
        let end = text.len();
        self.lines.spans.push([Span::new(start, middle), Span::new(middle, end)]);
    }

    /// Writes the headers that stay. Where framing is taken off, those that describe it do not.
    pub(crate) fn client_headers(
        &mut self,
        headers: &[Header<'_>],
        unwrap: Option<&Unwrapped>,
    ) -> Result<(), ResignError> {
        let nominates = nominations(headers)?;
        for header in headers {
            let (name, value) = (header.name, trim(header.value));
            if nominates && is_nominated(headers, name) {
                continue;
            }
            match fate(name) {
                Fate::Drop => (),
                Fate::Connection => self.connection(value),
                _ if unwrap.is_some_and(|unwrap| describes_framing(name, unwrap)) => (),
                Fate::Sign if unwrap.is_some() && header::is(name, header::CONTENT_ENCODING) => {
                    self.content_encoding(name, value);
                }
                Fate::Sign => self.signed(name, value),
                Fate::Forward => self.line(name, value),
            }
        }
        Ok(())
    }

    /// Writes the headers of a body whose framing was taken off.
    pub(crate) fn unwrapped(&mut self, unwrap: &Unwrapped) {
        self.signed(b"Content-Length", unwrap.decoded_length.to_string().as_bytes());
        if let Some((name, value)) = &unwrap.checksum {
            self.signed(name, value);
        }
    }

    /// Writes the Authorization line; the answer is the signature.
    pub(crate) fn sign(
        &mut self,
        target: &Target<'_>,
        payload: &Payload,
        origin: &OriginCredential,
        now: Timestamp,
    ) -> [u8; 64] {
        let hash = self.hash(target, payload);
        let scope = origin.scope(&now);
        let string = StringToSign { label: ALGORITHM, date: now, scope, chain: &[], hash: &hash };
        let signature = origin.signing_key(now).sign(&string);

        self.out.put(b"Authorization: AWS4-HMAC-SHA256 Credential=");
        self.out.put(origin.access_key());
        self.out.put(b"/");
        scope.write(self.out);
        self.out.put(b", SignedHeaders=");
        self.out.put(&self.lines.names);
        self.out.put(b", Signature=");
        self.out.put(&signature);
        self.out.put(b"\r\n");
        signature
    }

    /// Writes the blank line.
    pub(crate) fn end(self) {
        self.out.put(b"\r\n");
    }

    /// Hashes the canonical request, and leaves the list of signed names.
    fn hash(&mut self, target: &Target<'_>, payload: &Payload) -> [u8; 64] {
        let Lines { text, spans, names } = &mut *self.lines;
        // Lines of one name stay in the order in which they were written.
        spans.sort_unstable_by(|[a, _], [b, _]| a.of(text).cmp(b.of(text)).then(a.cmp(b)));
        let mut sha256 = Gathered::new(Sha256::new());
        write_target(&mut sha256, target.method, target.path, target.query);
        let mut previous: &[u8] = b"";
        for [name, value] in spans.iter() {
            let name = name.of(text);
            if name == previous {
                sha256.put(b",");
            } else {
                if !previous.is_empty() {
                    sha256.put(b"\n");
                    names.push(b';');
                }
                names.extend_from_slice(name);
                sha256.put(name);
                sha256.put(b":");
                previous = name;
            }
            sha256.put(value.of(text));
        }
        sha256.put(b"\n");
        write_end(&mut sha256, names, payload.line());
        hex_text::encode(&sha256.finish().finalize().into())
    }

    fn line(&mut self, name: &[u8], value: &[u8]) {
        self.out.put(name);
        self.out.put(b": ");
        self.out.put(value);
        self.out.put(b"\r\n");
    }

    /// Keeps what the server says about its own connection, and nothing else.
    fn connection(&mut self, value: &[u8]) {
        for option in ["close", "keep-alive"] {
            if tokens(value).any(|token| header::is(token, option)) {
                self.line(b"Connection", option.as_bytes());
                return;
            }
        }
    }

    /// Writes Content-Encoding without `aws-chunked`, if anything stays (field rule: only that token goes).
    fn content_encoding(&mut self, name: &[u8], value: &[u8]) {
        let is_framing = |token: &[u8]| header::is(token, "aws-chunked");
        if !tokens(value).any(is_framing) {
            return self.signed(name, value);
        }
        let kept: Vec<_> = tokens(value).filter(|token| !is_framing(token)).collect();
        if !kept.is_empty() {
            self.signed(name, &kept.join(b", ".as_slice()));
        }
    }
}

fn describes_framing(name: &[u8], unwrap: &Unwrapped) -> bool {
    [
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::X_AMZ_DECODED_CONTENT_LENGTH,
        header::X_AMZ_TRAILER,
    ]
    .iter()
    .any(|own| header::is(name, own))
        || unwrap.checksum.as_ref().is_some_and(|(own, _)| name.eq_ignore_ascii_case(own))
}

/// Whether a Connection header lists other headers.
///
/// # Errors
///
/// It lists one that must arrive: after verification, `x-amz-acl` must not vanish because somebody called it hop-by-hop.
fn nominations(headers: &[Header<'_>]) -> Result<bool, ResignError> {
    let mut found = false;
    for header in headers.iter().filter(|header| header::is(header.name, header::CONNECTION)) {
        for token in tokens(header.value) {
            let must_arrive = is_amz(token)
                || token.get(..8).is_some_and(|front| front.eq_ignore_ascii_case(b"content-"))
                || [header::HOST, header::AUTHORIZATION, header::TRANSFER_ENCODING]
                    .iter()
                    .any(|own| header::is(token, own));
            if must_arrive {
                return Err(ResignError::ConnectionNamesHeader { name: token.to_vec() });
            }
            found |= !header::is(token, "close") && !header::is(token, "keep-alive");
        }
    }
    Ok(found)
}

fn is_nominated(headers: &[Header<'_>], name: &[u8]) -> bool {
    let mut connection = headers.iter().filter(|h| header::is(h.name, header::CONNECTION));
    connection.any(|header| tokens(header.value).any(|token| token.eq_ignore_ascii_case(name)))
}

/// The non-empty members of a comma-separated list.
fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&b| b == b',').map(trim).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fates() {
        let check = |names: &[&str], expected: Fate| {
            for name in names {
                assert_eq!(fate(name.as_bytes()), expected, "{name}");
                assert_eq!(fate(name.to_ascii_uppercase().as_bytes()), expected, "{name}");
            }
        };
        check(
            &[
                "authorization",
                "host",
                "date",
                "x-amz-date",
                "x_amz_date",
                "x-amz-content-sha256",
                "x-amz-security-token",
                "x-amz-s3session-token",
                "x-amz-region-set",
                "keep-alive",
                "proxy-authorization",
                "proxy-connection",
                "te",
                "trailer",
                "expect",
                "cookie",
                "upgrade",
                "x-http-method-override",
                "x_http_method_override",
                "x-method-override",
                "x-http-method",
            ],
            Fate::Drop,
        );
        check(
            &[
                "x-amz-acl",
                "x-amz-meta-a",
                "x-amz-trailer",
                "x_amz_acl",
                "content-type",
                "content-md5",
                "content-encoding",
                "content-length",
            ],
            Fate::Sign,
        );
        check(
            &[
                "user-agent",
                "range",
                "if-match",
                "accept-encoding",
                "x-forwarded-for",
                "x-amzn-trace-id",
                "transfer-encoding",
                "proxyfoo",
                "expires",
                "origin",
                "cache-control",
                "x",
            ],
            Fate::Forward,
        );
        check(&["connection"], Fate::Connection);
    }
}
