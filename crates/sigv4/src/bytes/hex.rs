//! Hexadecimal text of 32-byte values: hashes and signatures.
//!
//! Written without branches and tables, so that it becomes vector instructions; a handful of these occur in each request.

use crate::bytes::{self, Hex, block};

/// 64 lower-case digits, the wire form of signatures.
pub(crate) fn encode(bytes: &[u8; 32]) -> [u8; 64] {
    let mut text = [0; 64];
    for (digits, bytes) in text.chunks_exact_mut(32).zip(bytes.chunks_exact(16)) {
        if let (Ok(digits), Ok(bytes)) = (<&mut [u8; 32]>::try_from(digits), bytes.try_into()) {
            *digits = block::hex(bytes);
        }
    }
    text
}

/// The value of 64 lower-case digits; none for any other text.
pub(crate) fn decode_lower(text: &[u8]) -> Option<[u8; 32]> {
    let text: &[u8; 64] = text.try_into().ok()?;
    is_lower_hex(text).then(|| value(text))
}

/// Whether all are digits, in lower case: the wire form of signatures.
pub(crate) fn is_lower_hex(text: &[u8; 64]) -> bool {
    text.iter().fold(true, |valid, b| valid & (is_decimal(*b) | is_lower(*b)))
}

/// Whether all are digits, in either case.
pub(crate) fn is_hex(text: &[u8; 64]) -> bool {
    bytes::all::<Hex>(text)
}

/// The value of 64 digits in either case; of any other text, some value.
pub(crate) fn value(text: &[u8; 64]) -> [u8; 32] {
    let nibbles = text.map(digit_value);
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(nibbles.chunks_exact(2)) {
        if let [high, low] = pair {
            *byte = high << 4 | low;
        }
    }
    bytes
}

/// The value of a digit in either case; of any other byte, some value.
pub(crate) fn digit_value(digit: u8) -> u8 {
    // The low half of letters counts from one.
    (digit & 0xf).wrapping_add((digit >> 6).wrapping_mul(9))
}

fn is_decimal(b: u8) -> bool {
    b.wrapping_sub(b'0') < 10
}

fn is_lower(b: u8) -> bool {
    b.wrapping_sub(b'a') < 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits() {
        let bytes: [u8; 32] = std::array::from_fn(|i| (i * 37 + 9) as u8);
        let text = encode(&bytes);
        let mut expected = [0; 64];
        hex::encode_to_slice(bytes, &mut expected).unwrap();
        assert_eq!(text, expected);
        assert_eq!(decode_lower(&text), Some(bytes));
        let upper = text.map(|b| b.to_ascii_uppercase());
        assert!(is_hex(&upper) && value(&upper) == bytes);
        assert_eq!(decode_lower(&upper), None);
        assert_eq!(decode_lower(&text[1..]), None);
        for at in [0, 31, 63] {
            for byte in 0..=255u8 {
                let mut other = text;
                other[at] = byte;
                assert_eq!(is_hex(&other), byte.is_ascii_hexdigit(), "{byte}");
                let lower = byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase();
                assert_eq!(decode_lower(&other).is_some(), lower, "{byte}");
            }
        }
    }
}
