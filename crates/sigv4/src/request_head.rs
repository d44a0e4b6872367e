//! Splits a serialized HTTP/1.x request head, as a server wrote it for an upstream, into its parts.
//!
//! Nothing is copied, decoded, lower-cased or joined: every part is a slice of the input, so that what is signed
//! later is what was written. The parser is meant for heads that a well-behaved server serialized itself; whatever
//! it does not recognise (an HTTP/2 preface, a binary protocol, a folded or bare-LF line) is an error that says
//! what was found, and never a guess, because a head that two parsers read differently is how requests are
//! smuggled.
//!
//! It tells headers by their names, and does not know what they mean: lengths, codings and repeated names are the caller's business.

mod error;
mod line;
mod names;

pub use error::HeadError;
pub(crate) use line::trim;
pub use names::HeadNames;

use smallvec::SmallVec;

use crate::bytes::{self, Token, Visible};
use crate::header::known::KnownHeader;

/// What every HTTP/2 connection begins with (RFC 9113, 3.4); seen where the upstream protocol is HTTP/2 or gRPC.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// A header of a request.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// Name, in any case.
    pub name: &'a [u8],
    /// Value, without the line's end.
    pub value: &'a [u8],
}

/// A header line of a [`RequestHead`]: its name is a token, and its value, which is trimmed of blanks and tabs, has no control
/// byte but the tab.
#[derive(Clone, Copy, Debug)]
pub struct HeadLine<'a> {
    header: Header<'a>,
    known: Option<KnownHeader>,
    /// Where the line ends, counted from the first header line.
    end: usize,
}

/// Room for the lines of a head, which [`parse`] fills: on the stack, unless there are more than is usual.
pub type HeadLines<'a> = SmallVec<[HeadLine<'a>; 32]>;

/// The parts of a request head, each borrowed from the serialized bytes. [`parse`] alone makes one, so whoever has one
/// need not ask again whether it can be written to a connection.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    method: &'a [u8],
    target: &'a [u8],
    minor_version: u8,
    /// All header lines as they are written, without the blank one.
    text: &'a [u8],
    lines: &'a [HeadLine<'a>],
    /// Which kinds of headers are among them.
    kinds: u32,
    /// What stands in the place of those lines of the same name.
    replaced: &'a [Header<'a>],
}

impl<'a> RequestHead<'a> {
    /// One or more token characters, case as written.
    pub fn method(&self) -> &'a [u8] {
        self.method
    }

    /// The request target as written: no blanks, no control bytes; not decoded.
    pub fn target(&self) -> &'a [u8] {
        self.target
    }

    /// The same head with another target. None for one that is empty or has blanks or control bytes.
    pub fn with_target(self, target: &'a [u8]) -> Option<Self> {
        let is_valid = !target.is_empty() && bytes::all::<Visible>(target);
        is_valid.then_some(Self { target, ..self })
    }

    /// The same head with these headers in the place of those of the same name, `_` being `-` in it, and of the parameters of
    /// a presigned request that stand for such. [`headers`](Self::headers) still gives what was written. None for one that
    /// cannot stand in a head.
    pub fn with_replaced(self, replaced: &'a [Header<'a>]) -> Option<Self> {
        let is_valid = |header: &Header<'_>| {
            crate::header::is_token(header.name) && !header.value.iter().any(u8::is_ascii_control)
        };
        replaced.iter().all(is_valid).then_some(Self { replaced, ..self })
    }

    /// What [`with_replaced`](Self::with_replaced) has put in the place of others.
    pub(crate) fn replaced(&self) -> &'a [Header<'a>] {
        self.replaced
    }

    /// Whether another header stands in the place of those of that name.
    #[inline]
    pub(crate) fn replaces(&self, name: &[u8]) -> bool {
        // Of nearly all requests none.
        !self.replaced.is_empty()
            && self.replaced.iter().any(|own| crate::header::is_same(own.name, name))
    }

    /// `0` or `1`: the minor version of HTTP/1.
    pub fn minor_version(&self) -> u8 {
        self.minor_version
    }

    /// The headers in their order, repeated names included.
    ///
    /// Names keep their case; values are trimmed of blanks and tabs at both ends and are otherwise as written.
    pub fn headers(&self) -> impl ExactSizeIterator<Item = Header<'a>> + Clone {
        self.lines.iter().map(|line| line.header)
    }

    /// The same, each with the header that it is, if there is a rule for that.
    pub(crate) fn known_headers(
        &self,
    ) -> impl ExactSizeIterator<Item = (Header<'a>, Option<KnownHeader>)> + Clone {
        self.lines.iter().map(|line| (line.header, line.known))
    }

    /// Those of them that name the source of a copy or a rename: none in nearly all requests.
    pub fn sources(&self) -> impl Iterator<Item = Header<'a>> + Clone {
        let is_source =
            |known| matches!(known, Some(KnownHeader::CopySource | KnownHeader::RenameSource));
        let has_any = self.has(KnownHeader::CopySource) || self.has(KnownHeader::RenameSource);
        let lines = if has_any { self.lines } else { &[] };
        lines.iter().filter(move |line| is_source(line.known)).map(|line| line.header)
    }

    /// The values of those that state the body's length: one where it has a stated one.
    pub fn content_lengths(&self) -> impl Iterator<Item = &'a [u8]> {
        let lines = if self.has(KnownHeader::ContentLength) { self.lines } else { &[] };
        let is_length = |line: &&HeadLine<'_>| line.known == Some(KnownHeader::ContentLength);
        lines.iter().filter(is_length).map(|line| line.header.value)
    }

    /// Whether one of them says that the body is in a transfer coding, which ends by itself.
    pub fn has_transfer_coding(&self) -> bool {
        self.has(KnownHeader::TransferEncoding)
    }

    /// Whether a header of that kind is among them.
    #[inline]
    pub(crate) fn has(&self, known: KnownHeader) -> bool {
        self.kinds & bit(known) != 0
    }

    /// The header lines from number `first` up to, not including, number `end`, as they are written, each with its CRLF.
    /// Nothing where there are no such lines.
    pub fn text(&self, first: usize, end: usize) -> &'a [u8] {
        let end_of = |count: usize| match count.checked_sub(1) {
            Some(last) => self.lines.get(last).map(|line| line.end),
            None => Some(0),
        };
        let (Some(start), Some(end)) = (end_of(first), end_of(end)) else { return b"" };
        self.text.get(start..end).unwrap_or_default()
    }
}

/// Splits `bytes` into the request head and what follows its blank line, the body's beginning.
///
/// The head is `method SP target SP "HTTP/1.0"|"HTTP/1.1" CRLF *( name ":" value CRLF ) CRLF` (RFC 9112, 2.1 and 5),
/// with nothing in front of it.
///
/// ```
/// let mut lines = sigv4::request_head::HeadLines::new();
/// let (head, body) = sigv4::request_head::parse(b"PUT /b/k HTTP/1.1\r\nHost: a\r\n\r\ndata", &mut lines)?;
/// assert_eq!((head.method(), head.target(), head.minor_version()), (&b"PUT"[..], &b"/b/k"[..], 1));
/// let host = head.headers().next().unwrap();
/// assert_eq!((host.name, host.value), (&b"Host"[..], &b"a"[..]));
/// assert_eq!(body, b"data");
/// # Ok::<(), sigv4::request_head::HeadError>(())
/// ```
///
/// # Errors
///
/// [`HeadError`], with the number of the line at fault; [`HeadError::Truncated`] when `bytes` end before the blank
/// line.
pub fn parse<'l, 'a: 'l>(
    bytes: &'a [u8],
    lines: &'l mut HeadLines<'a>,
) -> Result<(RequestHead<'l>, &'a [u8]), HeadError> {
    parse_next(bytes, lines, &mut HeadNames::default())
}

/// The same for who parses many heads, most of which have the names of the one before.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_next<'l, 'a: 'l>(
    bytes: &'a [u8],
    lines: &'l mut HeadLines<'a>,
    names: &mut HeadNames,
) -> Result<(RequestHead<'l>, &'a [u8]), HeadError> {
    let (line, text) = match split_usual_start_line(bytes) {
        Some(split) => split,
        None => split_start_line(bytes)?,
    };
    let StartLine { method, target, minor_version } = line;

    lines.clear();
    let (mut rest, mut kinds) = (text, 0);
    let (mut kept, mut are_found) = (names.each(), true);
    loop {
        let found = kept.next().and_then(|kept| kept.find(rest));
        let split = match &found {
            Some(found) => line::split_value(found.name, found.rest),
            None => line::split_usual(rest),
        };
        let (header, after) = match split {
            Some(split) => split,
            None => {
                if let Some(body) = rest.strip_prefix(b"\r\n") {
                    match are_found {
                        true => names.were_found(),
                        false => names.were_not_found(lines),
                    }
                    let length = text.len().saturating_sub(rest.len());
                    let text = text.get(..length).unwrap_or_default();
                    let replaced = &[];
                    let head =
                        RequestHead { method, target, minor_version, text, lines, kinds, replaced };
                    return Ok((head, body));
                }
                // The request line and the lines that were taken come before it.
                let fault = || line::fault(rest, lines.len().saturating_add(2));
                line::split(rest).ok_or_else(fault)?
            }
        };
        let known = match found {
            Some(found) => found.known,
            None => {
                // Lines behind another one are at other places.
                (kept, are_found) = ([].iter(), false);
                KnownHeader::of(header.name)
            }
        };
        kinds |= known.map_or(0, bit);
        lines.push(HeadLine { header, known, end: text.len().saturating_sub(after.len()) });
        rest = after;
    }
}

/// The first line of a head.
struct StartLine<'a> {
    method: &'a [u8],
    target: &'a [u8],
    minor_version: u8,
}

/// Cuts the first line off as servers write it. None for anything else.
#[inline]
fn split_usual_start_line(bytes: &[u8]) -> Option<(StartLine<'_>, &[u8])> {
    let (method, rest) = bytes::cut_usual::<Token, 1>(bytes, b" ")?;
    let (target, text) = bytes::cut_usual::<Visible, 11>(rest, b" HTTP/1.1\r\n")?;
    let line = StartLine { method, target, minor_version: 1 };
    (!method.is_empty() && !target.is_empty()).then_some((line, text))
}

/// The same of any. Exactly two single blanks: a third part or a doubled blank is read differently by different servers.
#[inline(never)]
fn split_start_line(bytes: &[u8]) -> Result<(StartLine<'_>, &[u8]), HeadError> {
    if bytes.starts_with(HTTP2_PREFACE) {
        return Err(HeadError::Http2);
    }
    let Some((line, text)) = line::split_line(bytes) else {
        return Err(line::fault_of_line(bytes, 1));
    };
    let length = bytes::length::<Token>(line);
    let (method, rest) = line.split_at_checked(length).unwrap_or((line, b""));
    if method.is_empty() || !(rest.is_empty() || rest.starts_with(b" ")) {
        return Err(HeadError::Method);
    }
    let rest = rest.get(1..).unwrap_or_default();
    let (target, minor_version) = match rest.split_last_chunk::<9>() {
        Some((target, b" HTTP/1.0")) => (target, 0),
        Some((target, b" HTTP/1.1")) => (target, 1),
        _ if rest.is_empty() => return Err(HeadError::Target),
        _ => return Err(HeadError::Version),
    };
    if target.is_empty() || !bytes::all::<Visible>(target) {
        return Err(HeadError::Target);
    }
    Ok((StartLine { method, target, minor_version }, text))
}

/// The place of a kind of headers among the kinds of a head.
#[inline]
fn bit(known: KnownHeader) -> u32 {
    1u32.wrapping_shl(known as u32)
}

#[cfg(test)]
mod tests;
