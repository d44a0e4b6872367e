//! The walk over header lines that [`parse`](crate::parse) has checked.

use std::iter::FusedIterator;

use memchr::memchr;

/// Iterates over the `(name, value)` pairs of a [`Head`](crate::Head).
#[derive(Clone, Debug)]
pub struct Headers<'a> {
    rest: &'a [u8],
}

impl<'a> Headers<'a> {
    pub(crate) fn new(fields: &'a [u8]) -> Self {
        Self { rest: fields }
    }
}

impl<'a> Iterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // The lines were checked: the only LF of each is its end, and a CR stands before it.
        let end = memchr(b'\n', self.rest)?;
        let (line, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest.get(1..).unwrap_or_default();
        let (name, value) = split_field(line)?;
        Some((name, trim(value)))
    }
}

impl FusedIterator for Headers<'_> {}

/// Splits at the first colon.
pub(crate) fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    Some((name, value.get(1..)?))
}

/// Takes blanks and tabs off both ends (`OWS` of RFC 9110, 5.6.3), and the CR that ends the line.
fn trim(value: &[u8]) -> &[u8] {
    let mut value = value.strip_suffix(b"\r").unwrap_or(value);
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
