//! The three kinds of lines in an `aws-chunked` body.
//!
//! Each line keeps its raw bytes, so that a frame can be given on as it came. In both lines that
//! hold a signature the 64 digits stand right before the CRLF, which is all that
//! [`replace_signature`] needs to know.

use std::ops::Range;

use crate::bytes::{self, Hex, Text};

use super::{FrameError, SIGNATURE_LEN, TrailerError};
use crate::bytes::hex;
use crate::header::{is_token, trim};

/// Name of the trailer line that holds the trailer's signature.
const TRAILER_SIGNATURE: &[u8] = b"x-amz-trailer-signature";

/// The one chunk extension that exists.
const CHUNK_SIGNATURE: &[u8] = b";chunk-signature=";

/// Most hex digits of a chunk size: what 64 bits hold.
const MAX_SIZE_DIGITS: usize = 16;

/// A chunk's header line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkHeader<'a> {
    /// The line as sent, CRLF included.
    pub raw: &'a [u8],
    /// Bytes of data that follow; 0 marks the last chunk.
    pub size: u64,
    /// The signature that the client claims, in the signed modes.
    pub signature: Option<&'a [u8; SIGNATURE_LEN]>,
}

impl<'a> ChunkHeader<'a> {
    /// Reads `raw`, which ends in CRLF; `line` is `raw` without it.
    pub(super) fn parse(raw: &'a [u8], line: &'a [u8], signed: bool) -> Result<Self, FrameError> {
        let digits = bytes::length::<Hex>(line);
        let (token, extension) = line.split_at_checked(digits).ok_or(FrameError::ChunkSize)?;
        let size = chunk_size(token).ok_or(FrameError::ChunkSize)?;
        let signature = if signed {
            let claimed = extension.strip_prefix(CHUNK_SIGNATURE).and_then(signature);
            Some(claimed.ok_or(FrameError::ChunkSignature)?)
        } else if extension.is_empty() {
            None
        } else {
            return Err(FrameError::ChunkSize);
        };
        Ok(Self { raw, size, signature })
    }
}

/// A trailer line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trailer<'a> {
    /// The line as sent, CRLF included.
    pub raw: &'a [u8],
    /// The name as sent, in any case.
    pub name: &'a [u8],
    /// The value without blanks around it.
    pub value: &'a [u8],
}

impl<'a> Trailer<'a> {
    /// Reads `raw`, which ends in CRLF; `line` is `raw` without it.
    pub(super) fn parse(raw: &'a [u8], line: &'a [u8]) -> Result<Self, TrailerError> {
        // minio-go, and an example in AWS's documentation, end the line with LF CRLF.
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let (name, value) = bytes::cut(line, b':').ok_or(TrailerError::Line)?;
        // A CR stays, and is refused below.
        let value = trim(value);
        // The value becomes a line of a string to sign, and perhaps a header: no byte of it may end
        // that line.
        let is_line = bytes::all::<Text>(value) && bytes::find(value, b'\t').is_none();
        if !is_token(name) || !is_line {
            return Err(TrailerError::Line);
        }
        Ok(Self { raw, name, value })
    }

    /// The line as sent but for the LF before its CRLF, if it has one.
    pub(super) fn without_line_feed(&self) -> Option<&'a [u8]> {
        self.raw.strip_suffix(b"\n\r\n")
    }

    /// The signature line that this line is, if it is one.
    pub(super) fn into_signature(self) -> Option<Result<TrailerSignature<'a>, FrameError>> {
        if !self.name.eq_ignore_ascii_case(TRAILER_SIGNATURE) {
            return None;
        }
        // Taken from the raw line: blanks around the digits would move them away from the place
        // where they are replaced.
        let digits =
            self.raw.strip_suffix(b"\r\n").and_then(|line| line.split_at_checked(self.name.len()));
        let digits = digits.and_then(|(_, rest)| rest.strip_prefix(b":")).and_then(signature);
        let Some(digits) = digits else { return Some(Err(FrameError::TrailerSignature)) };
        Some(Ok(TrailerSignature { raw: self.raw, signature: digits }))
    }
}

/// The line that signs the trailer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailerSignature<'a> {
    /// The line as sent, CRLF included.
    pub raw: &'a [u8],
    /// The signature that the client claims.
    pub signature: &'a [u8; SIGNATURE_LEN],
}

/// Puts `digits` where the signature stands in `line`, a raw line that ends in a signature and
/// CRLF.
///
/// A shorter line is left alone; there is none, since both lines that hold a signature were parsed
/// as such.
pub(super) fn replace_signature(line: &mut [u8], digits: &[u8; SIGNATURE_LEN]) {
    if let Some(field) = signature_field(line.len()).and_then(|field| line.get_mut(field)) {
        field.copy_from_slice(digits);
    }
}

/// Where the signature stands in a raw line of this length that ends in one and CRLF.
pub(super) fn signature_field(line: usize) -> Option<Range<usize>> {
    let end = line.checked_sub(b"\r\n".len())?;
    Some(end.checked_sub(SIGNATURE_LEN)?..end)
}

/// Makes the header line at the start of `line` longer by a byte that says nothing, a zero before the size. False if the size
/// has all the digits that it may have.
pub(super) fn lengthen_header(line: &mut Vec<u8>) -> bool {
    let has_room = bytes::length::<Hex>(line) < MAX_SIZE_DIGITS;
    if has_room {
        line.insert(0, b'0');
    }
    has_room
}

/// `text` if it is a signature in wire form; upper-case digits are not.
fn signature(text: &[u8]) -> Option<&[u8; SIGNATURE_LEN]> {
    let digits = <&[u8; SIGNATURE_LEN]>::try_from(text).ok()?;
    hex::is_lower_hex(digits).then_some(digits)
}

fn chunk_size(token: &[u8]) -> Option<u64> {
    if token.is_empty() || token.len() > MAX_SIZE_DIGITS {
        return None;
    }
    token.iter().try_fold(0u64, |size, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        size.checked_mul(16)?.checked_add(u64::from(digit))
    })
}
