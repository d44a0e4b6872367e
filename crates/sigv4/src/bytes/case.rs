//! Names whose letters may be of either case, eight bytes at a time.

use std::cmp::Ordering;

/// Ones in the lowest bit of each byte.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// Ones in the highest bit of each byte.
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Whether `text` is `lower`, which has no upper-case letters, when ASCII case is ignored.
#[inline(always)]
pub(crate) fn eq_ignore_ascii_case(text: &[u8], lower: &[u8]) -> bool {
    // Of two names of one length, most differ in the last letter.
    text.len() == lower.len()
        && text.last().map(u8::to_ascii_lowercase) == lower.last().copied()
        && is_same::<false>(text, lower)
}

/// The same where `_` in the text counts as `-`; `folded` has neither upper-case letters nor `_`.
#[inline(always)]
pub(crate) fn eq_folded(text: &[u8], folded: &[u8]) -> bool {
    text.len() == folded.len()
        && text.last().map(|byte| fold(*byte)) == folded.last().copied()
        && is_same::<true>(text, folded)
}

/// A byte of a name in lower case, and `-` for `_`.
#[inline]
pub(crate) fn fold(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

/// The same for texts of one length. `DASHES`: whether `_` counts as `-`.
#[inline(never)]
fn is_same<const DASHES: bool>(text: &[u8], lower: &[u8]) -> bool {
    let (Some(last), Some(lower_last)) = (text.last_chunk(), lower.last_chunk()) else {
        return is_short_same::<DASHES>(text, lower);
    };
    let word = u64::from_ne_bytes;
    let mut rest = (text, lower);
    while let (Some((a, text)), Some((b, lower))) =
        (rest.0.split_first_chunk(), rest.1.split_first_chunk())
    {
        if !is_same_word::<DASHES>(word(*a), word(*b)) {
            return false;
        }
        rest = (text, lower);
    }
    // What is left, together with bytes before it.
    is_same_word::<DASHES>(word(*last), word(*lower_last))
}

/// The same for texts of less than eight bytes, such as `host`.
fn is_short_same<const DASHES: bool>(text: &[u8], lower: &[u8]) -> bool {
    let ends = (text.first_chunk(), text.last_chunk(), lower.first_chunk(), lower.last_chunk());
    let (Some(first), Some(last), Some(lower_first), Some(lower_last)) = ends else {
        let lowered = text.iter().map(|b| if DASHES { fold(*b) } else { b.to_ascii_lowercase() });
        return lowered.eq(lower.iter().copied());
    };
    let word =
        |[a, b, c, d]: [u8; 4], [e, f, g, h]: [u8; 4]| u64::from_ne_bytes([a, b, c, d, e, f, g, h]);
    is_same_word::<DASHES>(word(*first, *last), word(*lower_first, *lower_last))
}

/// Most clients write names in lower case.
#[inline]
fn is_same_word<const DASHES: bool>(word: u64, lower: u64) -> bool {
    word == lower || {
        let word = to_lower(word);
        word == lower || (DASHES && to_dashes(word) == lower)
    }
}

/// Eight bytes as a number by which they sort, upper-case letters made lower-case.
#[inline]
pub(crate) fn lower(text: [u8; 8]) -> u64 {
    to_lower(u64::from_be_bytes(text))
}

/// Orders texts as `cmp` does; most differ in their first eight bytes.
#[inline]
pub(crate) fn order(a: &[u8], b: &[u8]) -> Ordering {
    match (a.first_chunk(), b.first_chunk()) {
        (Some(front), Some(other)) if front != other => {
            u64::from_be_bytes(*front).cmp(&u64::from_be_bytes(*other))
        }
        _ => a.cmp(b),
    }
}

/// Upper-case letters of ASCII made lower-case.
fn to_lower(word: u64) -> u64 {
    // Sums of seven bits each do not reach the next byte.
    let low = word & !HIGH;
    let from_a = low.wrapping_add(ONES.wrapping_mul(u64::from(0x80 - b'A')));
    let after_z = low.wrapping_add(ONES.wrapping_mul(u64::from(0x7f - b'Z')));
    word | ((from_a & !after_z & !word & HIGH) >> 2)
}

/// Each `_` made `-`.
fn to_dashes(word: u64) -> u64 {
    let other = word ^ ONES.wrapping_mul(u64::from(b'_'));
    // The highest bit of each byte that is none.
    let is_other = (other & !HIGH).wrapping_add(!HIGH) | other;
    let is_dash = (!is_other & HIGH) >> 7;
    word ^ is_dash.wrapping_mul(u64::from(b'_' ^ b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_that_of_slices() {
        let texts: [&[u8]; 9] = [
            b"",
            b"a",
            b"abcdefg",
            b"abcdefgh",
            b"abcdefgha",
            b"abcdefgi",
            b"abcdefg\xff",
            b"b",
            b"\xff",
        ];
        for a in texts {
            for b in texts {
                assert_eq!(order(a, b), a.cmp(b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn case_of_every_byte_at_every_place() {
        for length in 0..20 {
            let lower: Vec<u8> = (0..length).map(|i| b"a-z0{"[i % 5]).collect();
            assert!(eq_ignore_ascii_case(&lower, &lower) && !eq_ignore_ascii_case(b"y", &lower));
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut text = lower.clone();
                    text[at] = byte;
                    let expected = text.eq_ignore_ascii_case(&lower);
                    assert_eq!(eq_ignore_ascii_case(&text, &lower), expected, "{text:?}");
                    let folded: Vec<u8> = text.iter().map(|byte| fold(*byte)).collect();
                    assert_eq!(eq_folded(&text, &lower), folded == lower, "{text:?}");
                }
            }
        }
    }
}
