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
    let end = bytes.iter().position(|&byte| byte == b'\n');
    let (text, rest) = end.and_then(|end| bytes.split_at_checked(end)).unwrap_or((bytes, &[]));
    if text.contains(&0) {
        return Err(HeadError::Nul { line });
    }
    if end.is_none() {
        return Err(HeadError::Truncated);
    }
    let text = text.strip_suffix(b"\r").ok_or(HeadError::BareLineFeed { line })?;
    if text.contains(&b'\r') {
        return Err(HeadError::BareCarriageReturn { line });
    }
    Ok((text, rest.get(1..).unwrap_or_default()))
}

/// Exactly two single blanks: a third part or a doubled blank is read differently by different servers.
fn split_request_line(line: &[u8]) -> Result<(&[u8], &[u8], u8), HeadError> {
    let mut parts = line.split(|&byte| byte == b' ');
    let method = parts.next().unwrap_or_default();
    if method.is_empty() || !method.iter().all(|&byte| is_token(byte)) {
        return Err(HeadError::Method);
    }
    let target = parts.next().unwrap_or_default();
    if target.is_empty() || target.iter().any(|&byte| byte <= b' ' || byte == 0x7f) {
        return Err(HeadError::Target);
    }
    let minor_version = match (parts.next(), parts.next()) {
        (Some(b"HTTP/1.0"), None) => 0,
        (Some(b"HTTP/1.1"), None) => 1,
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
    if name.is_empty() || !name.iter().all(|&byte| is_token(byte)) {
        return Err(HeadError::Name { line: number });
    }
    Ok(())
}

/// `tchar` of RFC 9110, 5.6.2. A blank before the colon is not one, which matters: some servers drop such a header,
/// some obey it.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
