//! The error document.
//!
//! `<?xml …?>`, newline, `<Error>` with code, message, the extra members, the resource and the two ids; no
//! namespace. It is well-formed whatever bytes the client chose to have reflected: markup is escaped, what XML 1.0
//! cannot express (2.2 `Char`) is dropped, and bytes that are no UTF-8 become U+FFFD.

use quick_xml::escape::escape;

use crate::S3Error;

/// Longest resource that is shown, in bytes of the request target.
const MAX_RESOURCE: usize = 4 * 1024;

impl S3Error {
    /// Appends the document to `out`.
    ///
    /// `resource` is the path that was asked for (left out if empty). `request_id` and `host_id` are those that the
    /// response's `x-amz-request-id` and `x-amz-id-2` show and the log knows. A response to HEAD has no body: don't
    /// write one.
    pub fn write_xml(&self, resource: &[u8], request_id: &str, host_id: &str, out: &mut Vec<u8>) {
        let values = self.members().map(|(name, value)| value.len().saturating_add(name.len()));
        // With room for the tags, and for what every document has.
        out.reserve(values.fold(1024, |sum, length| sum.saturating_add(length)));
        out.extend_from_slice(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
        element("Code", self.code().as_bytes(), out);
        element("Message", self.message().as_bytes(), out);
        for (name, value) in self.members() {
            element(name, value, out);
        }
        if !resource.is_empty() {
            element("Resource", resource.get(..MAX_RESOURCE).unwrap_or(resource), out);
        }
        element("RequestId", request_id.as_bytes(), out);
        element("HostId", host_id.as_bytes(), out);
        out.extend_from_slice(b"</Error>");
    }
}

pub(crate) fn element(name: &str, value: &[u8], out: &mut Vec<u8>) {
    tag(b"<", name, out);
    text(value, out);
    tag(b"</", name, out);
}

fn tag(begin: &[u8], name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(begin);
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

/// Writes the text of an element.
pub(crate) fn text(value: &[u8], out: &mut Vec<u8>) {
    // Most values are hexadecimal digits and the like, which stand for themselves. All bytes are looked at, which becomes
    // vector instructions: a refused signature is answered with two kilobytes of them.
    if value.iter().fold(true, |all, &byte| all & is_plain(byte)) {
        return out.extend_from_slice(value);
    }
    for chunk in value.utf8_chunks() {
        for run in chunk.valid().split(is_illegal) {
            // A bare CR would be read as a LF (XML 1.0, 2.11), and a canonical request could then not be compared.
            for (at, text) in run.split('\r').enumerate() {
                if at > 0 {
                    out.extend_from_slice(b"&#13;");
                }
                out.extend_from_slice(escape(text).as_bytes());
            }
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Printable ASCII that is no markup, blanks and line feeds.
fn is_plain(byte: u8) -> bool {
    ((byte.wrapping_sub(b' ') <= b'~' - b' ') | (byte == b'\n'))
        & (byte != b'<')
        & (byte != b'>')
        & (byte != b'&')
        & (byte != b'\'')
        & (byte != b'"')
}

/// Whether XML 1.0 has no way to write this character, not even as a reference.
fn is_illegal(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use crate::ErrorCode;

    use super::*;

    fn document(error: &S3Error, resource: &[u8]) -> String {
        let mut out = Vec::new();
        error.write_xml(resource, "0123456789ABCDEF", "aG9zdA==", &mut out);
        String::from_utf8(out).unwrap()
    }

    /// What a parser reads where `value` was reflected as a member and as the resource.
    fn check(value: &[u8], expected: &str) {
        let text = document(
            &S3Error::new(ErrorCode::InvalidArgument).with_member("ArgumentValue", value),
            value,
        );
        let parsed =
            roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        for name in ["ArgumentValue", "Resource"] {
            let node = parsed.descendants().find(|node| node.has_tag_name(name));
            let read = node.map(|node| node.text().unwrap_or_default());
            assert_eq!(
                read,
                if name == "Resource" && value.is_empty() { None } else { Some(expected) }
            );
        }
    }

    #[test]
    fn shape() {
        assert_eq!(
            document(&S3Error::access_denied().with_member("HeadersNotSigned", "host"), b"/b/k"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message>\
             <HeadersNotSigned>host</HeadersNotSigned><Resource>/b/k</Resource><RequestId>0123456789ABCDEF</RequestId>\
             <HostId>aG9zdA==</HostId></Error>"
        );
    }

    #[test]
    fn reflected_values() {
        check(b"", "");
        check(b"plain", "plain");
        check(b"<Code>&amp;]]>\"'</Code>", "<Code>&amp;]]>\"'</Code>");
        check(b"GET\n/\n\nhost:a\r\n\tb", "GET\n/\n\nhost:a\r\n\tb");
        check(b"a\0b\x01\x08\x0b\x0c\x0e\x1fc\x7f", "abc\x7f");
        check("ä\u{fffe}\u{ffff}\u{10ffff}".as_bytes(), "ä\u{10ffff}");
        check(b"a\xffb\xc3", "a\u{fffd}b\u{fffd}");
        check(b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}");
    }

    #[test]
    fn any_byte_alone_and_between_markup_is_well_formed() {
        for byte in 0..=u8::MAX {
            for value in [vec![byte], vec![b'<', byte, b'&'], vec![0xe2, byte, 0x80]] {
                let text = document(
                    &S3Error::access_denied().with_member("AWSAccessKeyId", &value),
                    &value,
                );
                roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            }
        }
    }

    #[test]
    fn size_is_bounded() {
        let error = sigv4::Error::Signature(sigv4::SignatureError::Mismatch {
            access_key: vec![b'&'; 1 << 20],
            string_to_sign: vec![0xff; 1 << 20],
            provided: vec![b'<'; 1 << 20],
            canonical_request: vec![b'"'; 1 << 20],
        });
        let text = document(&S3Error::from_sigv4(&error), &vec![b'&'; 1 << 20]);
        assert!(text.len() < 600 * 1024, "{}", text.len());
        roxmltree::Document::parse(&text).unwrap();
    }
}
