//! What clients are known to sign instead of the canonical request, and what intermediaries are known to change afterwards.
//!
//! Each variant is one difference, named so that it reads after "the signature fits". The list is that of the protocol
//! reference: sections 2.2 to 2.5, and the cases of section 10 that end in a mismatch.

use crate::mismatch::MismatchedRequest;
use crate::mismatch::canonical_parts::CanonicalParts;
use crate::payload::{EMPTY_SHA256, UNSIGNED};
use crate::request::split_target;
use crate::target;
use crate::verify::policy::without_port;

/// Most slashes of a path that are tried as two.
const MAX_SLASHES: usize = 16;

/// A difference, and the canonical request that has it.
pub(crate) struct Variant {
    pub(crate) what: String,
    pub(crate) parts: CanonicalParts,
}

/// The variants of a canonical request that differ from it, `most` of them: each part of a request has its own, so that a
/// stranger chooses their number.
pub(crate) fn variants(
    parts: &CanonicalParts,
    received: &MismatchedRequest<'_>,
    most: usize,
) -> Vec<Variant> {
    let mut variants = Variants { parts, most, found: Vec::new() };
    variants.method();
    variants.host(received);
    variants.path(received);
    variants.query(received);
    variants.headers();
    variants.payload();
    variants.found
}

struct Variants<'a> {
    parts: &'a CanonicalParts,
    most: usize,
    found: Vec<Variant>,
}

impl Variants<'_> {
    fn add(&mut self, what: impl Into<String>, parts: CanonicalParts) {
        if self.is_full() {
            return;
        }
        // The same text under another name says nothing new, so the special cases come before the general ones.
        if parts != *self.parts && !self.found.iter().any(|variant| variant.parts == parts) {
            self.found.push(Variant { what: what.into(), parts });
        }
    }

    /// Whether as many were found as are tried.
    fn is_full(&self) -> bool {
        self.found.len() >= self.most
    }

    fn method(&mut self) {
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
            let sent = self.parts.method.escape_ascii();
            let what = format!("method {method}; the request has {sent}");
            self.add(what, CanonicalParts { method: method.into(), ..self.parts.clone() });
        }
    }

    /// Proxies in front rewrite the Host or drop its port; clients sign a port that they do not send, and the reverse.
    fn host(&mut self, received: &MismatchedRequest<'_>) {
        let Some(host) = self.parts.header("host").map(<[u8]>::to_vec) else { return };
        let name = without_port(&host);
        let with_port = |port: &str| [name, port.as_bytes()].concat();
        let ports = ["", ":80", ":443", ":8080", ":8443", ":9000"].map(with_port);
        let others = received.other_hosts.iter().map(|host| host.to_vec());
        for other in ports.into_iter().chain([host.to_ascii_lowercase()]).chain(others) {
            let what = format!(
                "host \"{}\"; the request has \"{}\"",
                other.escape_ascii(),
                host.escape_ascii()
            );
            self.add(what, self.parts.with_header("host", &other));
        }
    }

    fn path(&mut self, received: &MismatchedRequest<'_>) {
        let (raw, _) = split_target(received.target);
        let canonical = &self.parts.path;
        let mut literal_plus = Vec::new();
        let escaped_plus = replace(raw, b"+", b"%2B");
        if target::canonical_path(&escaped_plus, &mut literal_plus).is_ok() {
            self.add_path("\"+\" in the path as %2B; S3 reads it as a blank", literal_plus);
        }
        let twice = replace(canonical, b"%", b"%25");
        self.add_path("the path encoded twice; S3 encodes it once", twice);
        let mut decoded = Vec::new();
        target::decode(canonical, &mut decoded);
        self.add_path("the path without encoding, or it was encoded again on the way", decoded);
        let normalised = normalised(canonical);
        self.add_path("the path without empty and dot segments; S3 keeps them", normalised);
        self.add_path("the path as sent; S3 encodes it anew", raw.to_vec());
        // Two slashes of which an intermediary left one; which one it was, nobody knows.
        let slashes = canonical.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for (at, _) in slashes.take(MAX_SLASHES) {
            let (front, back) = canonical.split_at_checked(at).unwrap_or_default();
            let path = [front, b"/", back].concat();
            self.add_path("a path with two slashes that became one on the way", path);
        }
    }

    fn add_path(&mut self, what: &str, path: Vec<u8>) {
        self.add(what, CanonicalParts { path, ..self.parts.clone() });
    }

    fn query(&mut self, received: &MismatchedRequest<'_>) {
        let (_, raw) = split_target(received.target);
        let is_signature = |pair: &&[u8]| pair.starts_with(b"X-Amz-Signature=");
        let sent: Vec<_> = raw.split(|&b| b == b'&').filter(|pair| !is_signature(pair)).collect();
        let parts = self.parts;
        let pairs = parts.query.split(|&b| b == b'&').filter(|pair| !pair.is_empty());
        let pairs: Vec<_> = pairs.collect();

        let bare: Vec<_> =
            pairs.iter().map(|pair| pair.strip_suffix(b"=").unwrap_or(pair)).collect();
        self.add_query("the query without \"=\" after names that have no value", &bare);
        let mut joined = pairs.clone();
        joined.sort();
        self.add_query("the query sorted as text; it is sorted by name, then value", &joined);
        let mut literal_plus = Vec::new();
        let escaped_plus = replace(&sent.join(&b'&'), b"+", b"%2B");
        if target::canonical_query(&escaped_plus, &mut literal_plus).is_ok() {
            let what = "\"+\" in the query as %2B; S3 reads it as a blank";
            self.add_query(what, &[&literal_plus]);
        }
        for (left_out, pair) in pairs.iter().enumerate() {
            if self.is_full() {
                return;
            }
            let name = pair.split(|&b| b == b'=').next().unwrap_or_default();
            let others = pairs.iter().enumerate().filter(|(i, _)| *i != left_out);
            let others: Vec<_> = others.map(|(_, pair)| *pair).collect();
            let what = format!("a query without parameter \"{}\"", name.escape_ascii());
            self.add_query(&what, &others);
        }
        self.add_query("the query as sent; it is encoded anew and sorted", &sent);
    }

    fn add_query(&mut self, what: &str, pairs: &[&[u8]]) {
        self.add(what, CanonicalParts { query: pairs.join(&b'&'), ..self.parts.clone() });
    }

    /// Values that intermediaries write anew or take away, and repeated headers of which only one was signed. The values of
    /// headers that are not known are not shown: there are keys among them.
    fn headers(&mut self) {
        let known: [(&str, &[&str]); 3] = [
            ("accept-encoding", &["identity", "gzip", "gzip, deflate", "gzip, deflate, br", ""]),
            ("connection", &["keep-alive", "close"]),
            ("expect", &["100-continue"]),
        ];
        for (name, values) in known {
            for value in values {
                let what = format!("header \"{name}\" with value \"{value}\"");
                self.add(what, self.parts.with_header(name, value.as_bytes()));
            }
        }
        for line in &self.parts.headers {
            let mut halves = line.splitn(2, |&b| b == b':');
            let (name, values) =
                (halves.next().unwrap_or_default(), halves.next().unwrap_or_default());
            let Ok(name) = std::str::from_utf8(name) else { continue };
            // Looked at as far as variants are tried, however many there are.
            for (at, value) in values.split(|&b| b == b',').take(self.most.min(1000)).enumerate() {
                let number = at.saturating_add(1);
                let what = format!("header \"{name}\" with value {number} only of its values");
                self.add(what, self.parts.with_header(name, value.trim_ascii()));
            }
        }
    }

    fn payload(&mut self) {
        for payload in [UNSIGNED, EMPTY_SHA256] {
            let name = payload.escape_ascii();
            let sent = self.parts.payload.escape_ascii();
            let what = format!("payload hash {name}; the request has {sent}");
            self.add(what, CanonicalParts { payload: payload.into(), ..self.parts.clone() });
        }
    }
}

fn replace(text: &[u8], from: &[u8; 1], to: &[u8]) -> Vec<u8> {
    text.split(|b| from.contains(b)).collect::<Vec<_>>().join(to)
}

/// The path as a file system would have it.
fn normalised(path: &[u8]) -> Vec<u8> {
    let mut segments: Vec<&[u8]> = Vec::new();
    for segment in path.split(|&b| b == b'/') {
        match segment {
            b"" | b"." => (),
            b".." => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    let mut normalised = b"/".to_vec();
    normalised.extend(segments.join(&b'/'));
    if path.ends_with(b"/") && !segments.is_empty() {
        normalised.push(b'/');
    }
    normalised
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Explanation, Mechanism};

    #[test]
    fn paths() {
        assert_eq!(normalised(b"/a//b/../c/./d/"), b"/a/c/d/");
        assert_eq!(normalised(b"//"), b"/");
        assert_eq!(normalised(b"/../a"), b"/a");
        assert_eq!(replace(b"a+b+", b"+", b"%2B"), b"a%2Bb%2B");
        assert_eq!(split_target(b"/a?b?c"), (&b"/a"[..], &b"b?c"[..]));
    }

    #[test]
    fn no_variant_is_the_request_itself() {
        let text = b"GET\n/b/a%20b\nacl=\nhost:h\n\nhost\nUNSIGNED-PAYLOAD";
        let parts = CanonicalParts::parse(text).unwrap();
        let explanation = Explanation {
            mechanism: Mechanism::Header,
            access_key: Vec::new(),
            scope: Vec::new(),
            signed_headers: b"host".to_vec(),
            canonical_request: text.to_vec(),
            string_to_sign: Vec::new(),
            signature: Vec::new(),
        };
        let received = MismatchedRequest {
            explanation: &explanation,
            target: b"/b/a+b?acl",
            other_hosts: &[],
            region: None,
        };
        assert_eq!(variants(&parts, &received, 3).len(), 3);
        let variants = variants(&parts, &received, usize::MAX);
        assert!(variants.len() > 15);
        assert!(variants.iter().all(|variant| variant.parts != parts));
    }
}
