//! A whole aws-chunked body read at once, by the grammar of 3.2 line by line: the second opinion for the decoder.

use std::ops::Range;

use sha2::{Digest, Sha256};
use sigv4::aws_chunked::{Framing, MAX_LINE, MAX_TRAILER_BYTES, MAX_TRAILER_LINES};

use crate::signer;

/// A body that follows the grammar; places are byte offsets in it.
#[derive(Debug, Default)]
pub struct Frames {
    /// Where the signatures of the chunks stand, with where their data does; the last one has none.
    pub chunks: Vec<(Option<Range<usize>>, Range<usize>)>,
    /// Names in lower case, and trimmed values.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Where the signature of the trailer stands.
    pub trailer_signature: Option<Range<usize>>,
    /// Whether a trailer ends in LF CR LF, as some clients write it. Not every framing need take that.
    pub has_line_feed: bool,
}

/// Reads `bytes`; none if they are no body of this framing, or not all of one.
pub fn read(framing: Framing, bytes: &[u8]) -> Option<Frames> {
    let mut frames = Frames::default();
    let mut at = 0;
    loop {
        let line = line(bytes, &mut at)?;
        let digits = line.clone().take_while(|&at| bytes[at].is_ascii_hexdigit()).count();
        let (size, extension) = bytes[line.clone()].split_at(digits);
        if !(1..=16).contains(&digits) {
            return None;
        }
        let size = u64::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        let signature = if framing.is_signed() {
            signature(extension.strip_prefix(b";chunk-signature=")?)?;
            Some(line.end - 64..line.end)
        } else {
            extension.is_empty().then_some(())?;
            None
        };
        let end = at.checked_add(usize::try_from(size).ok()?)?;
        bytes.get(at..end)?;
        frames.chunks.push((signature, at..end));
        at = end;
        if size == 0 {
            break;
        }
        bytes[at..].starts_with(b"\r\n").then_some(())?;
        at += 2;
    }
    if framing != Framing::Signed {
        trailers(framing, bytes, &mut at, &mut frames)?;
    }
    let rest = &bytes[at..];
    let may_be_absent = framing != Framing::SignedTrailer;
    (rest == b"\r\n" || rest.is_empty() && may_be_absent).then_some(frames)
}

/// All trailer lines, up to the empty one.
fn trailers(framing: Framing, bytes: &[u8], at: &mut usize, frames: &mut Frames) -> Option<()> {
    let start = *at;
    let mut lines = 0;
    while !bytes[*at..].is_empty() && !bytes[*at..].starts_with(b"\r\n") {
        let length = bytes[*at..].windows(2).position(|window| window == b"\r\n")?;
        let line = *at..*at + length;
        *at = line.end + 2;
        lines += 1;
        if length + 2 > MAX_LINE || lines > MAX_TRAILER_LINES || *at - start > MAX_TRAILER_BYTES {
            return None;
        }
        let text = &bytes[line.clone()];
        let plain = text.strip_suffix(b"\n").unwrap_or(text);
        frames.has_line_feed |= plain.len() < text.len();
        let colon = plain.iter().position(|&b| b == b':')?;
        let name = plain[..colon].to_ascii_lowercase();
        let is_token = |&b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        let value = trim(&plain[colon + 1..]);
        let is_text = |&b: &u8| b >= b' ' && b != 0x7f;
        if name.is_empty() || !name.iter().all(is_token) || !value.iter().all(is_text) {
            return None;
        }
        if framing == Framing::SignedTrailer && name == b"x-amz-trailer-signature" {
            signature(&text[colon + 1..])?;
            frames.trailer_signature = Some(line.end - 64..line.end);
            return Some(());
        }
        frames.trailers.push((String::from_utf8(name).ok()?, value.to_vec()));
    }
    (framing == Framing::UnsignedTrailer).then_some(())
}

fn line(bytes: &[u8], at: &mut usize) -> Option<Range<usize>> {
    let length = bytes[*at..].iter().position(|&b| b == b'\n')?;
    let line = *at..(*at + length).checked_sub(1).filter(|end| end >= at)?;
    (bytes[line.end] == b'\r' && length < MAX_LINE).then_some(())?;
    *at += length + 1;
    Some(line)
}

fn signature(text: &[u8]) -> Option<()> {
    let is_digit = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == 64 && text.iter().all(is_digit)).then_some(())
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

impl Frames {
    /// The object.
    pub fn data(&self, bytes: &[u8]) -> Vec<u8> {
        self.chunks.iter().flat_map(|(_, data)| &bytes[data.clone()]).copied().collect()
    }

    /// The body with what `field` makes of each hash in the place of a signature; it learns whether it is the trailer's.
    pub fn with_fields(
        &self,
        bytes: &[u8],
        mut field: impl FnMut(bool, &str) -> String,
    ) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for (place, data) in &self.chunks {
            let Some(place) = place else { continue };
            let hash = hex::encode(Sha256::digest(&bytes[data.clone()]));
            out[place.clone()].copy_from_slice(field(false, &hash).as_bytes());
        }
        if let Some(place) = &self.trailer_signature {
            let mut block = Vec::new();
            for (name, value) in &self.trailers {
                block.extend([name.as_bytes(), b":", value, b"\n"].concat());
            }
            if block.is_empty() {
                block.push(b'\n');
            }
            let hash = hex::encode(Sha256::digest(&block));
            out[place.clone()].copy_from_slice(field(true, &hash).as_bytes());
        }
        out
    }

    /// The body as signed by whoever has this secret, after a request with this signature (3.3).
    pub fn signed(
        &self,
        bytes: &[u8],
        secret: &str,
        date: &str,
        scope: &str,
        seed: &str,
    ) -> Vec<u8> {
        let mut previous = seed.to_owned();
        self.with_fields(bytes, |is_trailer, hash| {
            let empty = hex::encode(Sha256::digest(b""));
            let text = if is_trailer {
                format!("AWS4-HMAC-SHA256-TRAILER\n{date}\n{scope}\n{previous}\n{hash}")
            } else {
                format!("AWS4-HMAC-SHA256-PAYLOAD\n{date}\n{scope}\n{previous}\n{empty}\n{hash}")
            };
            previous = signer::sign(secret.as_bytes(), text.as_bytes()).unwrap();
            previous.clone()
        })
    }
}

/// CRC-32 bit by bit, as S3 writes it.
pub fn crc32(data: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let crc = !data.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    });
    let digit = |number: u32| char::from(DIGITS[(number & 63) as usize]);
    let first = (0..5).map(|at| digit(crc >> (26 - 6 * at))).collect::<String>();
    format!("{first}{}==", digit(crc << 4))
}
