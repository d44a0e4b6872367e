//! The canonical form of a request target: decode once, encode strictly.
//!
//! Every byte but the unreserved ones is written `%XX` in upper case, whatever way it was sent, so that the string which is
//! verified, the key which is authorised and the target which is forwarded are one and the same (C2). Nothing is
//! normalised: `//`, `.` and `..` are parts of keys. Everything is bytes; keys need not be UTF-8.

use crate::bytes::hex::digit_value;
use crate::bytes::{self, ByteClass, Hex, Path, Unreserved};
use crate::{Error, TargetError};

/// Appends the canonical form of a raw path (2.2).
///
/// A raw `+` is a blank, as S3 reads it, and becomes `%20`. An empty path is `/`.
///
/// ```
/// let mut path = Vec::new();
/// sigv4::target::canonical_path(b"/media/a+b%7e$//%c3%a9", &mut path)?;
/// assert_eq!(path, b"/media/a%20b~%24//%C3%A9");
/// # Ok::<(), sigv4::Error>(())
/// ```
///
/// # Errors
///
/// [`TargetError`]: a broken escape, a NUL, or a path that does not begin with a slash.
pub fn canonical_path(raw: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    match raw.first() {
        None => {
            out.push(b'/');
            Ok(())
        }
        Some(b'/') => {
            let has_nul = recode::<Path>(raw, out)?;
            if has_nul { Err(Error::Target(TargetError::Nul)) } else { Ok(()) }
        }
        Some(_) => Err(Error::Target(TargetError::NotOriginForm)),
    }
}

/// Appends the bytes that a canonical text stands for.
///
/// A `%` that begins no escape is copied; canonical text has none.
pub fn decode(canonical: &[u8], out: &mut Vec<u8>) {
    let mut rest = canonical;
    loop {
        let plain = bytes::find(rest, b'%').unwrap_or(rest.len());
        let (run, tail) = rest.split_at(plain);
        out.extend_from_slice(run);
        match tail {
            [] => return,
            [percent, high, low, after @ ..] => match escaped(*high, *low) {
                Some(byte) => {
                    out.push(byte);
                    rest = after;
                }
                None => {
                    out.push(*percent);
                    rest = tail.get(1..).unwrap_or_default();
                }
            },
            short => {
                out.extend_from_slice(short);
                return;
            }
        }
    }
}

/// Appends the strict encoding of arbitrary bytes, as it stands in a canonical query: `/` becomes `%2F`.
pub fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    for &byte in bytes {
        put::<Unreserved>(byte, out);
    }
}

/// Whether the first segment of a raw path has an escaped slash.
pub(crate) fn has_escaped_slash_in_bucket(raw: &[u8]) -> bool {
    let segment = raw.split(|&b| b == b'/').nth(1).unwrap_or_default();
    segment.contains(&b'%') && segment.windows(3).any(|w| w.eq_ignore_ascii_case(b"%2f"))
}

/// Length of canonical text when decoded, in bytes.
pub(crate) fn decoded_len(canonical: &[u8]) -> usize {
    let escapes = canonical.iter().filter(|&&b| b == b'%').count();
    canonical.len().saturating_sub(escapes.saturating_mul(2))
}

/// Appends a strictly encoded query name or value.
pub(crate) fn recode_query(raw: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    recode::<Unreserved>(raw, out).map(|_| ())
}

/// Whether what follows a `%` makes a canonical escape: in upper case, of a byte that has to be escaped.
pub(crate) fn is_canonical_escape(after: &[u8]) -> bool {
    let [high, low, ..] = *after else { return false };
    !high.is_ascii_lowercase()
        && !low.is_ascii_lowercase()
        && escaped(high, low).is_some_and(|byte| !bytes::is::<Unreserved>(byte))
}

/// Appends `raw` with all bytes escaped but the plain ones. The answer is whether there was a NUL.
fn recode<Plain: ByteClass>(raw: &[u8], out: &mut Vec<u8>) -> Result<bool, Error> {
    let mut has_nul = false;
    let mut rest = raw;
    loop {
        let (copied, tail) = rest.split_at(bytes::length::<Plain>(rest));
        out.extend_from_slice(copied);
        let byte;
        (byte, rest) = match tail {
            [] => return Ok(has_nul),
            [b'%', high, low, after @ ..] => match escaped(*high, *low) {
                Some(byte) => (byte, after),
                None => return Err(Error::Target(TargetError::BrokenEscape)),
            },
            [b'%', ..] => return Err(Error::Target(TargetError::BrokenEscape)),
            [b'+', after @ ..] => (b' ', after),
            [byte, after @ ..] => (*byte, after),
        };
        has_nul |= byte == 0;
        put::<Plain>(byte, out);
    }
}

fn put<Plain: ByteClass>(byte: u8, out: &mut Vec<u8>) {
    if bytes::is::<Plain>(byte) {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'%', upper_digit(byte >> 4), upper_digit(byte & 0xf)]);
    }
}

/// The byte that two hexadecimal digits stand for.
pub(crate) fn escaped(high: u8, low: u8) -> Option<u8> {
    let is_escape = bytes::is::<Hex>(high) && bytes::is::<Hex>(low);
    is_escape.then(|| digit_value(high) << 4 | digit_value(low))
}

fn upper_digit(nibble: u8) -> u8 {
    nibble.wrapping_add(if nibble < 10 { b'0' } else { b'A' - 10 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(raw: &str) -> Result<String, Error> {
        let mut out = Vec::new();
        canonical_path(raw.as_bytes(), &mut out).map(|()| String::from_utf8(out).unwrap())
    }

    fn fault(raw: &str) -> Option<TargetError> {
        match path(raw) {
            Err(Error::Target(reason)) => Some(reason),
            _ => None,
        }
    }

    #[test]
    fn all_bytes_are_recoded() {
        for byte in 0..=255u8 {
            let escape = format!("%{byte:02x}");
            let mut out = Vec::new();
            recode_query(escape.as_bytes(), &mut out).unwrap();
            let mut back = Vec::new();
            decode(&out, &mut back);
            assert_eq!(back, [byte]);
            let mut direct = Vec::new();
            encode(&[byte], &mut direct);
            assert_eq!(direct, out);
            assert_eq!(decoded_len(&out), 1);
        }
    }

    #[test]
    fn paths() {
        assert_eq!(path("").as_deref(), Ok("/"));
        assert_eq!(path("//a/./../%2E%2e/").as_deref(), Ok("//a/./../../"));
        assert_eq!(path("/k%2Fl%2fm").as_deref(), Ok("/k/l/m"));
        assert_eq!(path("/%2500").as_deref(), Ok("/%2500"));
        for broken in ["/%", "/%2", "/%zz", "/%2g", "/%+1", "/a%"] {
            assert_eq!(fault(broken), Some(TargetError::BrokenEscape), "{broken}");
        }
        assert_eq!(fault("/%00"), Some(TargetError::Nul));
        assert_eq!(fault("/a\0"), Some(TargetError::Nul));
        for other in ["*", "a/b", "http://h/", "%2F"] {
            assert_eq!(fault(other), Some(TargetError::NotOriginForm), "{other}");
        }
    }

    #[test]
    fn escaped_slash_counts_in_the_bucket_only() {
        assert!(has_escaped_slash_in_bucket(b"/a%2fb/c"));
        assert!(has_escaped_slash_in_bucket(b"/%2F"));
        assert!(!has_escaped_slash_in_bucket(b"/a/b%2Fc"));
        assert!(!has_escaped_slash_in_bucket(b"//%2Fc"));
        assert!(!has_escaped_slash_in_bucket(b"/a%252F/"));
    }
}
