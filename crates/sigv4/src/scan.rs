//! Questions to all bytes of a text, eight at a time: they are asked of every header of every request.

/// Ones in the lowest bit of each byte.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// Ones in the highest bit of each byte.
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Whether any byte is a control byte, the tab among them: below 0x20, or 0x7f.
pub(crate) fn has_control_or_tab(text: &[u8]) -> bool {
    any(text, |word| below(word, 0x20) | below(word ^ ONES.wrapping_mul(0x7f), 1))
}

/// Whether any byte is a blank, a tab or another control byte below 0x21.
pub(crate) fn has_blank(text: &[u8]) -> bool {
    any(text, |word| below(word, 0x21))
}

/// Whether `text` is `lower`, which has no upper-case letters, but for the case of letters.
#[inline]
pub(crate) fn is_but_for_case(text: &[u8], lower: &[u8]) -> bool {
    text.len() == lower.len() && is_same(text, lower)
}

/// The same for texts of one length.
fn is_same(text: &[u8], lower: &[u8]) -> bool {
    let (Some(last), Some(lower_last)) = (text.last_chunk::<8>(), lower.last_chunk::<8>()) else {
        return text.eq_ignore_ascii_case(lower);
    };
    // The last word overlaps with the one before it where the length is no multiple of eight.
    let mut different = to_lower(u64::from_ne_bytes(*last)) ^ u64::from_ne_bytes(*lower_last);
    for (word, own) in text.chunks_exact(8).zip(lower.chunks_exact(8)) {
        let word = word.try_into().map_or(0, u64::from_ne_bytes);
        different |= to_lower(word) ^ own.try_into().map_or(0, u64::from_ne_bytes);
    }
    different == 0
}

/// Upper-case letters of ASCII made lower-case.
fn to_lower(word: u64) -> u64 {
    // Sums of seven bits each do not reach the next byte.
    let low = word & !HIGH;
    let from_a = low.wrapping_add(ONES.wrapping_mul(u64::from(0x80 - b'A')));
    let after_z = low.wrapping_add(ONES.wrapping_mul(u64::from(0x7f - b'Z')));
    word | ((from_a & !after_z & !word & HIGH) >> 2)
}

/// Where a byte first stands.
pub(crate) fn find(text: &[u8], byte: u8) -> Option<usize> {
    let sought = ONES.wrapping_mul(u64::from(byte));
    let mut words = text.chunks_exact(8);
    let mut before = 0usize;
    for word in &mut words {
        // Little-endian, so that the lowest bit is of the first byte.
        let word = word.try_into().map_or(0, u64::from_le_bytes);
        let found = below(word ^ sought, 1);
        if found != 0 {
            let bits = usize::try_from(found.trailing_zeros()).unwrap_or(0);
            return Some(before.wrapping_add(bits >> 3));
        }
        before = before.wrapping_add(8);
    }
    let rest = words.remainder().iter().position(|&b| b == byte)?;
    Some(before.wrapping_add(rest))
}

/// What stands before the first such byte, and what stands behind it.
pub(crate) fn cut(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (front, back) = text.split_at_checked(find(text, byte)?)?;
    Some((front, back.get(1..)?))
}

/// Not zero if any byte of the word is below `limit`, which is at most 0x80. (Of the bits that are set, the lowest one is
/// right; a borrow may set others.)
fn below(word: u64, limit: u64) -> u64 {
    word.wrapping_sub(ONES.wrapping_mul(limit)) & !word & HIGH
}

fn any(text: &[u8], mark: impl Fn(u64) -> u64) -> bool {
    let mut words = text.chunks_exact(8);
    let mut found = 0;
    for word in &mut words {
        found |= mark(word.try_into().map_or(0, u64::from_ne_bytes));
    }
    let rest = words.remainder();
    if !rest.is_empty() {
        // What fills up the last word is neither blank nor control byte.
        let mut last = [b'a'; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        found |= mark(u64::from_ne_bytes(last));
    }
    found != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place() {
        for length in 1..20 {
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut text = vec![b'z'; length];
                    text[at] = byte;
                    assert_eq!(has_control_or_tab(&text), byte < 0x20 || byte == 0x7f, "{text:?}");
                    assert_eq!(has_blank(&text), byte <= 0x20, "{text:?}");
                    text.fill(0xff);
                    text[at] = byte;
                    assert_eq!(has_control_or_tab(&text), byte < 0x20 || byte == 0x7f, "{text:?}");
                }
            }
        }
        assert!(!has_blank(b"") && !has_control_or_tab(b""));
    }

    #[test]
    fn case_of_every_byte_at_every_place() {
        for length in 0..20 {
            let lower: Vec<u8> = (0..length).map(|i| b"a-z0{"[i % 5]).collect();
            assert!(is_but_for_case(&lower, &lower) && !is_but_for_case(b"y", &lower));
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut text = lower.clone();
                    text[at] = byte;
                    let expected = text.eq_ignore_ascii_case(&lower);
                    assert_eq!(is_but_for_case(&text, &lower), expected, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn first_of_every_byte_at_every_place() {
        for length in 0..20 {
            for byte in [0, 1, b',', 0x7f, 0x80, 0xff] {
                assert_eq!(find(&vec![b'z'; length], byte), None);
                for at in 0..length {
                    let mut text = vec![byte ^ 1; length];
                    text[at..].fill(byte);
                    assert_eq!(find(&text, byte), Some(at), "{text:?}");
                }
            }
        }
        assert_eq!(cut(b"a;b;", b';'), Some((b"a".as_slice(), b"b;".as_slice())));
        assert_eq!(cut(b";", b';'), Some((b"".as_slice(), b"".as_slice())));
    }
}
