//! The canonical request: what of a request is signed, in a form on which both sides agree (2.1).

use crate::bytes::{self, Solid};

use crate::Header;
use crate::bytes::hex;
use crate::canonical::TextSink;
use crate::canonical::sha256::TextHash;
use crate::canonical::signed_headers::{Index, SignedHeaders};
use crate::canonical::signed_lines::SignedLines;
use crate::header::trim;

/// `method \n path \n query \n (name:value\n)* \n names \n payload`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CanonicalRequest<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) path: &'a [u8],
    pub(crate) query: &'a [u8],
    pub(crate) headers: &'a [Header<'a>],
    pub(crate) signed_headers: SignedHeaders<'a>,
    /// Where the signed headers stand, if that is known.
    pub(crate) lines: Option<SignedLines>,
    pub(crate) payload: &'a [u8],
}

impl CanonicalRequest<'_> {
    /// Writes the text. The answer is whether every listed header was there: one that is absent is a mismatch, whatever
    /// was signed in its place (2.4).
    pub(crate) fn write(&self, sink: &mut impl TextSink) -> bool {
        write_target(sink, self.method, self.path, self.query);
        let complete = match &self.lines {
            Some(lines) => {
                for (name, place) in self.signed_headers.names().zip(lines.places()) {
                    sink.put(name);
                    sink.put(b":");
                    if let Some(header) = self.headers.get(place) {
                        canonical_value(header.value, sink);
                    }
                    sink.put(b"\n");
                }
                true
            }
            None => self.write_each(sink),
        };
        write_end(sink, self.signed_headers.text(), self.payload);
        complete
    }

    /// Writes the headers that are signed, of any number.
    #[inline(never)]
    fn write_each(&self, sink: &mut impl TextSink) -> bool {
        let index = Index::of(&self.signed_headers, self.headers.len());
        let mut complete = true;
        if index.is_used() {
            let mut lines = self.indexed(&index).into_iter().peekable();
            for (number, name) in self.signed_headers.names().enumerate() {
                let mut own = std::iter::from_fn(|| lines.next_if(|(place, _)| *place == number));
                complete &= write_lines(sink, name, &mut own.by_ref().map(|(_, value)| value));
            }
        } else {
            for name in self.signed_headers.names() {
                let own = |header: &&Header<'_>| bytes::eq_ignore_ascii_case(header.name, name);
                let mut values = self.headers.iter().filter(own).map(|header| header.value);
                complete &= write_lines(sink, name, &mut values);
            }
        }
        complete
    }

    /// The headers that are signed, each with its name's place in the list, by which they are sorted: so that a head of very
    /// many is not walked once for each name.
    fn indexed(&self, index: &Index<'_>) -> Vec<(usize, &[u8])> {
        let place = |header: &Header<'_>| index.place(header.name);
        let lines = self.headers.iter();
        let mut lines: Vec<_> =
            lines.filter_map(|header| place(header).map(|place| (place, header.value))).collect();
        // Stable: values of one name keep their order.
        lines.sort_by_key(|(place, _)| *place);
        lines
    }

    /// The lower-case hex of the text's SHA-256, and whether every listed header was there.
    pub(crate) fn hash(&self) -> ([u8; 64], bool) {
        let mut text = RequestHash::new();
        let complete = self.write(&mut text);
        (hex::encode(&text.finish()), complete)
    }
}

/// Canonical requests have 250 to 600 bytes.
pub(crate) type RequestHash = TextHash<9>;

/// Writes the lines before the headers.
pub(crate) fn write_target(sink: &mut impl TextSink, method: &[u8], path: &[u8], query: &[u8]) {
    sink.put(method);
    sink.put(b"\n");
    sink.put(path);
    sink.put(b"\n");
    sink.put(query);
    sink.put(b"\n");
}

/// Writes a name with all of its values; false if there are none.
#[inline]
fn write_lines<'a>(
    sink: &mut impl TextSink,
    name: &[u8],
    values: &mut impl Iterator<Item = &'a [u8]>,
) -> bool {
    sink.put(name);
    let mut separator: &[u8] = b":";
    for value in values {
        sink.put(separator);
        canonical_value(value, sink);
        separator = b",";
    }
    let found = separator != b":";
    if !found {
        sink.put(b":");
    }
    sink.put(b"\n");
    found
}

/// Writes the lines after the headers.
pub(crate) fn write_end(sink: &mut impl TextSink, signed_headers: &[u8], payload: &[u8]) {
    sink.put(b"\n");
    sink.put(signed_headers);
    sink.put(b"\n");
    sink.put(payload);
}

/// Writes a value trimmed, each run of blanks and tabs as one blank, also between quotes (2.4).
pub(crate) fn canonical_value(value: &[u8], sink: &mut impl TextSink) {
    let is_blank = |b: &u8| matches!(b, b' ' | b'\t');
    if bytes::all::<Solid>(value) {
        return sink.put(value);
    }
    let (mut rest, mut from) = (trim(value), 0);
    while let Some(at) = rest.iter().skip(from).position(is_blank) {
        let start = from.saturating_add(at);
        let (front, back) = rest.split_at(start);
        let run = back.iter().take_while(|b| is_blank(b)).count();
        if run == 1 && back.first() == Some(&b' ') {
            from = start.saturating_add(1);
            continue;
        }
        sink.put(front);
        sink.put(b" ");
        rest = back.get(run..).unwrap_or_default();
        from = 0;
    }
    sink.put(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let check = |value: &str, expected: &str| {
            let mut out = Vec::new();
            canonical_value(value.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{value:?}");
        };
        check("", "");
        check(" \t ", "");
        check("a", "a");
        check("a b c", "a b c");
        check(" a  b\tc \t d ", "a b c d");
        check("\"a   b\"", "\"a b\"");
        check("a b  c d", "a b c d");
    }
}
