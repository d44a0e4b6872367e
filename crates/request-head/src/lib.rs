//! Splits a serialized HTTP/1.x request head, as a server wrote it for an upstream, into its parts.
//!
//! Nothing is copied, decoded, lower-cased or joined: every part is a slice of the input, so that what is signed
//! later is what was written. The parser is meant for heads that a well-behaved server serialized itself; whatever
//! it does not recognise (an HTTP/2 preface, a binary protocol, a folded or bare-LF line) is an error that says
//! what was found, and never a guess, because a head that two parsers read differently is how requests are
//! smuggled.
//!
//! It does not know what a header means: lengths, codings and repeated names are the caller's business.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::unwrap_used
    )
)]

mod error;
mod headers;

pub use error::HeadError;
pub use headers::Headers;

use memchr::{memchr, memchr2};

/// What every HTTP/2 connection begins with (RFC 9113, 3.4); seen where the upstream protocol is HTTP/2 or gRPC.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// The parts of a request head, each borrowed from the serialized bytes.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// The method: one or more token characters, case as written.
    pub method: &'a [u8],
    /// The request target as written: no blanks, no control bytes; not decoded.
    pub target: &'a [u8],
    /// `0` or `1`: the minor version of HTTP/1.
    pub minor_version: u8,
    /// The header lines, each with its CRLF, without the blank line; checked by [`parse`].
    fields: &'a [u8],
}

impl<'a> Head<'a> {
    /// The headers in their order, repeated names included.
    ///
    /// Names keep their case; values are trimmed of blanks and tabs at both ends and are otherwise as written.
    pub fn headers(&self) -> Headers<'a> {
        Headers::new(self.fields)
    }
}

/// Splits `bytes` into the request head and what follows its blank line, the body's beginning.
///
/// The head is `method SP target SP "HTTP/1.0"|"HTTP/1.1" CRLF *( name ":" value CRLF ) CRLF` (RFC 9112, 2.1 and 5),
/// with nothing in front of it.
///
/// ```
/// let (head, body) = request_head::parse(b"PUT /b/k HTTP/1.1\r\nHost: a\r\n\r\ndata")?;
/// assert_eq!((head.method, head.target, head.minor_version), (&b"PUT"[..], &b"/b/k"[..], 1));
/// assert_eq!(head.headers().next(), Some((&b"Host"[..], &b"a"[..])));
/// assert_eq!(body, b"data");
/// # Ok::<(), request_head::HeadError>(())
/// ```
///
/// # Errors
///
/// [`HeadError`], with the number of the line at fault; [`HeadError::Truncated`] when `bytes` end before the blank
/// line.
pub fn parse(bytes: &[u8]) -> Result<(Head<'_>, &[u8]), HeadError> {
    if bytes.starts_with(HTTP2_PREFACE) {
        return Err(HeadError::Http2);
    }
    let (request_line, fields) = split_line(bytes, 1)?;
    let (method, target, minor_version) = split_request_line(request_line)?;

    let mut rest = fields;
    for number in 2.. {
        let (line, after) = split_line(rest, number)?;
        if line.is_empty() {
            let length = fields.len().saturating_sub(rest.len());
            let fields = fields.get(..length).unwrap_or_default();
            return Ok((Head { method, target, minor_version, fields }, after));
        }
        check_field(line, number)?;
        rest = after;
    }
    Err(HeadError::Truncated)
}

/// Cuts the first line off: the line without its CRLF, and what follows.
fn split_line(bytes: &[u8], line: usize) -> Result<(&[u8], &[u8]), HeadError> {
    let end = memchr(b'\n', bytes);
    let (text, rest) = end.and_then(|end| bytes.split_at_checked(end)).unwrap_or((bytes, &[]));
    // In a good line, the first byte of the two kinds is the CR at its end.
    let first = memchr2(0, b'\r', text);
    if let (Some(_), Some(first)) = (end, first) {
        if let Some((line, b"\r")) = text.split_at_checked(first) {
            return Ok((line, rest.get(1..).unwrap_or_default()));
        }
    }
    Err(if text.contains(&0) {
        HeadError::Nul { line }
    } else if end.is_none() {
        HeadError::Truncated
    } else if !text.ends_with(b"\r") {
        HeadError::BareLineFeed { line }
    } else {
        HeadError::BareCarriageReturn { line }
    })
}

/// Exactly two single blanks: a third part or a doubled blank is read differently by different servers.
fn split_request_line<'a>(line: &'a [u8]) -> Result<(&'a [u8], &'a [u8], u8), HeadError> {
    let cut = |text: &'a [u8]| {
        let (front, back) = text.split_at_checked(memchr(b' ', text)?)?;
        Some((front, back.get(1..)?))
    };
    let (method, rest) = cut(line).unwrap_or((line, &[]));
    if method.is_empty() || !is_token(method) {
        return Err(HeadError::Method);
    }
    let (target, version) = cut(rest).unwrap_or((rest, &[]));
    // All bytes are looked at, which becomes vector instructions.
    let is_control = |found: bool, &byte: &u8| found | (byte <= b' ') | (byte == 0x7f);
    if target.is_empty() || target.iter().fold(false, is_control) {
        return Err(HeadError::Target);
    }
    let minor_version = match version {
        b"HTTP/1.0" => 0,
        b"HTTP/1.1" => 1,
        _ => return Err(HeadError::Version),
    };
    Ok((method, target, minor_version))
}

/// The value may hold any byte that is left: nginx lets controls pass, and the verifier has judged them already.
fn check_field(line: &[u8], number: usize) -> Result<(), HeadError> {
    if matches!(line.first(), Some(b' ' | b'\t')) {
        return Err(HeadError::Folded { line: number });
    }
    let (name, _) = headers::split_field(line).ok_or(HeadError::MissingColon { line: number })?;
    if name.is_empty() || !is_token(name) {
        return Err(HeadError::Name { line: number });
    }
    Ok(())
}

/// `tchar` of RFC 9110, 5.6.2. A blank before the colon is not one, which matters: some servers drop such a header,
/// some obey it.
fn is_token(name: &[u8]) -> bool {
    // Without a branch for each byte: names that are no token are rare.
    name.iter().fold(true, |token, &byte| {
        token & TCHAR.get(usize::from(byte)).copied().unwrap_or_default()
    })
}

static TCHAR: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte = 0u8;
    while let Some((is_tchar, after)) = rest.split_first_mut() {
        *is_tchar = byte.is_ascii_alphanumeric()
            || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~');
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
};

#[cfg(test)]
mod tests;
