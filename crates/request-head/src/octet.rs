//! Questions to the bytes of a head, which are asked of every byte of every request that is signed.

/// Whether a byte is a token character (`tchar` of RFC 9110, 5.6.2): what methods and header names consist of.
///
/// A blank is none, which matters before the colon: some servers drop such a header, some obey it.
pub const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// How many bytes at the beginning are token characters (`tchar` of RFC 9110, 5.6.2).
pub(crate) fn token_length(text: &[u8]) -> usize {
    let is_tchar = |byte: &u8| TCHAR.get(usize::from(*byte)).copied().unwrap_or_default();
    let mut rest = text;
    // Four at a time, with one branch.
    while let Some((four, after)) = rest.split_first_chunk::<4>() {
        if !four.iter().fold(true, |all, byte| all & is_tchar(byte)) {
            break;
        }
        rest = after;
    }
    let before = text.len().wrapping_sub(rest.len());
    before.wrapping_add(rest.iter().position(|byte| !is_tchar(byte)).unwrap_or(rest.len()))
}

/// Whether there is a control byte, the tab among them, or a blank.
pub(crate) fn has_control_or_blank(text: &[u8]) -> bool {
    // All bytes are looked at, which becomes vector instructions.
    text.iter().fold(false, |found, &byte| found | is_control(byte) | (byte == b' '))
}

/// Where the first control byte stands, the tab left out.
pub(crate) fn find_control(text: &[u8]) -> Option<usize> {
    let mut from = 0usize;
    loop {
        let at = from.checked_add(first_control(text.get(from..)?)?)?;
        if text.get(at) != Some(&b'\t') {
            return Some(at);
        }
        from = at.checked_add(1)?;
    }
}

fn first_control(text: &[u8]) -> Option<usize> {
    let mut before = 0usize;
    let mut rest = text;
    // Long values, such as signatures and user agents, go by in vectors; then one word at a time.
    while let Some((chunk, after)) = rest.split_first_chunk::<16>() {
        if chunk.iter().fold(false, |found, &byte| found | is_control(byte)) {
            break;
        }
        (rest, before) = (after, before.wrapping_add(16));
    }
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        let found = controls(u64::from_le_bytes(*word));
        if found != 0 {
            // Little-endian, so that the lowest bit is of the first byte.
            let bytes = usize::try_from(found.trailing_zeros()).ok()? >> 3;
            return Some(before.wrapping_add(bytes));
        }
        (rest, before) = (after, before.wrapping_add(8));
    }
    let at = rest.iter().position(|&byte| is_control(byte))?;
    Some(before.wrapping_add(at))
}

/// Marks control bytes of a word. The lowest mark is right; a borrow may set others above it.
fn controls(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    let high = ONES.wrapping_mul(0x80);
    let below = word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word;
    let delete = word ^ ONES.wrapping_mul(0x7f);
    (below | (delete.wrapping_sub(ONES) & !delete)) & high
}

fn is_control(byte: u8) -> bool {
    (byte < b' ') | (byte == 0x7f)
}

static TCHAR: [bool; 256] = {
    let mut table = [false; 256];
    let mut rest: &mut [bool] = &mut table;
    let mut byte = 0u8;
    while let Some((is_tchar, after)) = rest.split_first_mut() {
        *is_tchar = is_token_byte(byte);
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place() {
        for length in [1, 7, 8, 9, 31, 32, 33, 70] {
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut text = vec![0x80; length];
                    text[at] = byte;
                    let is_control = byte.is_ascii_control();
                    assert_eq!(has_control_or_blank(&text), is_control || byte == b' ');
                    let found = (is_control && byte != b'\t').then_some(at);
                    assert_eq!(find_control(&text), found, "{byte} at {at} of {length}");
                    text[at..].fill(byte);
                    assert_eq!(find_control(&text), found, "{byte} from {at} of {length}");
                }
            }
        }
        assert_eq!(find_control(b""), None);
    }

    #[test]
    fn tokens_end_at_every_other_byte() {
        for length in [0, 1, 7, 8, 9, 15, 16, 17] {
            for byte in 0..=255u8 {
                let is_tchar = byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
                let text = [vec![b'Z'; length], vec![byte], b"-a_09".repeat(4)].concat();
                let expected = if is_tchar { text.len() } else { length };
                assert_eq!(token_length(&text), expected, "{byte} at {length}");
            }
        }
    }
}
