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
}
