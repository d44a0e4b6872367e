//! One line of a head: a header, or why it is none.

use crate::bytes::{self, Text, Token};

use crate::request_head::{HeadError, Header};

/// Cuts a line off, without its CRLF. None if another control byte comes first, or none at all.
pub(crate) fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes.split_at_checked(bytes::length::<Text>(bytes))? {
        (line, [b'\r', b'\n', rest @ ..]) => Some((line, rest)),
        _ => None,
    }
}

/// Cuts a header line off as servers write it: one blank before the value. None for anything else, and for lines that are rare.
#[inline(always)]
pub(crate) fn split_usual(bytes: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let (name, rest) = bytes::cut_usual::<Token, 2>(bytes, b": ")?;
    if name.is_empty() { None } else { split_value(name, rest) }
}

/// The header of that name whose value `bytes` begin with, likewise.
#[inline(always)]
pub(crate) fn split_value<'a>(name: &'a [u8], bytes: &'a [u8]) -> Option<(Header<'a>, &'a [u8])> {
    let (value, rest) = bytes::cut_usual::<Text, 2>(bytes, b"\r\n")?;
    Some((Header { name, value: trim(value) }, rest))
}

/// Cuts a header line off: `name ":" OWS value OWS CRLF` (RFC 9112, 5). None for anything else.
#[inline(never)]
pub(crate) fn split(bytes: &[u8]) -> Option<(Header<'_>, &[u8])> {
    let (name, rest) = bytes.split_at_checked(bytes::length::<Token>(bytes))?;
    let rest = match rest {
        // What servers write between colon and value; the rest is rare.
        [b':', b' ', rest @ ..] | [b':', rest @ ..] if !name.is_empty() => rest,
        _ => return None,
    };
    let (value, rest) = split_line(rest)?;
    Some((Header { name, value: trim(value) }, rest))
}

/// `value` without blanks and tabs at its ends (`OWS` of RFC 9110, 5.6.3); nginx trims blanks only.
#[inline]
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    match value {
        // Nearly all come without.
        [first, .., last] if *first > b' ' && *last > b' ' => value,
        _ => trim_ends(value),
    }
}

#[inline(never)]
fn trim_ends(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// Why the first line of `bytes`, which is number `line`, is no header.
#[cold]
pub(crate) fn fault(bytes: &[u8], line: usize) -> HeadError {
    let text = first_line(bytes);
    if text.contains(&0) || !text.ends_with(b"\r\n") || has_bare_carriage_return(text) {
        fault_of_line(bytes, line)
    } else if text.starts_with(b" ") || text.starts_with(b"\t") {
        HeadError::Folded { line }
    } else if !text.contains(&b':') {
        HeadError::MissingColon { line }
    } else if text.get(bytes::length::<Token>(text)) == Some(&b':') && !text.starts_with(b":") {
        HeadError::Control { line }
    } else {
        HeadError::Name { line }
    }
}

/// Why the first line of `bytes`, which is number `line`, does not end as a line does.
#[cold]
pub(crate) fn fault_of_line(bytes: &[u8], line: usize) -> HeadError {
    let text = first_line(bytes);
    if text.contains(&0) {
        HeadError::Nul { line }
    } else if !text.ends_with(b"\n") {
        HeadError::Truncated
    } else if !text.ends_with(b"\r\n") {
        HeadError::BareLineFeed { line }
    } else if has_bare_carriage_return(text) {
        HeadError::BareCarriageReturn { line }
    } else {
        HeadError::Control { line }
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    bytes.split_inclusive(|&byte| byte == b'\n').next().unwrap_or_default()
}

/// Of a line that ends in CRLF.
fn has_bare_carriage_return(text: &[u8]) -> bool {
    text.iter().filter(|&&byte| byte == b'\r').count() > 1
}
