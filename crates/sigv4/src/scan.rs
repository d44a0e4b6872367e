//! Questions to all bytes of a text, eight at a time: they are asked of every header of every request.

/// Ones in the lowest bit of each byte.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// Ones in the highest bit of each byte.
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Whether any byte is a control byte, the tab among them: below 0x20, or 0x7f.
pub(crate) fn has_control_or_tab(text: &[u8]) -> bool {
    let is_control = |byte: u8| (byte < 0x20) | (byte == 0x7f);
    any(text, is_control, |word| below(word, 0x20) | below(word ^ ONES.wrapping_mul(0x7f), 1))
}

/// Whether any byte is a blank, a tab or another control byte below 0x21.
pub(crate) fn has_blank(text: &[u8]) -> bool {
    any(text, |byte| byte < 0x21, |word| below(word, 0x21))
}

/// Whether `text` is `lower`, which has no upper-case letters, but for the case of letters.
#[inline]
pub(crate) fn is_but_for_case(text: &[u8], lower: &[u8]) -> bool {
    // Of two names of one length, most differ in the last letter. Most clients write names in lower case.
    let case = b'a' ^ b'A';
    text.len() == lower.len()
        && text.last().map(|byte| byte | case) == lower.last().map(|byte| byte | case)
        && (text == lower || is_same(text, lower))
}

/// The same for texts of one length.
fn is_same(text: &[u8], lower: &[u8]) -> bool {
    let (Some(last), Some(lower_last)) = (text.last_chunk(), lower.last_chunk()) else {
        return is_short_same(text, lower);
    };
    let word = u64::from_ne_bytes;
    let mut rest = (text, lower);
    while let (Some((a, text)), Some((b, lower))) =
        (rest.0.split_first_chunk(), rest.1.split_first_chunk())
    {
        if !is_same_word(word(*a), word(*b)) {
            return false;
        }
        rest = (text, lower);
    }
    // What is left, together with bytes before it.
    is_same_word(word(*last), word(*lower_last))
}

/// The same for texts of less than eight bytes, such as `host`.
fn is_short_same(text: &[u8], lower: &[u8]) -> bool {
    let ends = (text.first_chunk(), text.last_chunk(), lower.first_chunk(), lower.last_chunk());
    let (Some(first), Some(last), Some(lower_first), Some(lower_last)) = ends else {
        return text.eq_ignore_ascii_case(lower);
    };
    let word =
        |[a, b, c, d]: [u8; 4], [e, f, g, h]: [u8; 4]| u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
    is_same_word(word(*first, *last), word(*lower_first, *lower_last))
}

fn is_same_word(word: u64, lower: u64) -> bool {
    word == lower || to_lower(word) == lower
}

/// Eight bytes as a number by which they sort, upper-case letters made lower-case.
#[inline]
pub(crate) fn lower(text: [u8; 8]) -> u64 {
    to_lower(u64::from_be_bytes(text))
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
#[inline]
pub(crate) fn find(text: &[u8], byte: u8) -> Option<usize> {
    let Some(last) = text.last_chunk() else {
        return text.iter().position(|&b| b == byte);
    };
    let sought = ONES.wrapping_mul(u64::from(byte));
    let found_in = |word: &[u8; 8]| {
        // Little-endian, so that the lowest bit is of the first byte.
        let found = below(u64::from_le_bytes(*word) ^ sought, 1);
        (found != 0).then(|| usize::try_from(found.trailing_zeros()).unwrap_or_default() >> 3)
    };
    let mut rest = text;
    while let Some((word, after)) = rest.split_first_chunk() {
        if let Some(at) = found_in(word) {
            return Some(text.len().wrapping_sub(rest.len()).wrapping_add(at));
        }
        rest = after;
    }
    // What is left, together with bytes before it, where there is none.
    found_in(last).map(|at| text.len().wrapping_sub(last.len()).wrapping_add(at))
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

/// Asks every byte: those of long texts in vectors, then words, then what is left together with bytes before it. `mark` is
/// not zero where a byte of the word is meant.
#[inline]
fn any(text: &[u8], is_meant: impl Fn(u8) -> bool, mark: impl Fn(u64) -> u64) -> bool {
    let word = |word: &[u8; 8]| mark(u64::from_ne_bytes(*word)) != 0;
    let Some(last) = text.last_chunk() else {
        return text.iter().any(|&byte| is_meant(byte));
    };
    let mut rest = text;
    while let Some((chunk, after)) = rest.split_first_chunk::<32>() {
        if chunk.iter().fold(false, |found, &byte| found | is_meant(byte)) {
            return true;
        }
        rest = after;
    }
    while let Some((chunk, after)) = rest.split_first_chunk() {
        if word(chunk) {
            return true;
        }
        rest = after;
    }
    word(last)
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
