//! Kinds of bytes, from a table: one look-up for each byte of a target or a name.

/// Unreserved characters of RFC 3986: what canonical text does not escape.
pub(crate) const UNRESERVED: u8 = 1;
/// Unreserved, or a slash: what a canonical path does not escape.
pub(crate) const PATH: u8 = 2;
/// Characters of a token of RFC 9110: what header names consist of.
pub(crate) const TOKEN: u8 = 4;
/// Lower-case token characters: what names in a list of signed headers consist of.
pub(crate) const NAME: u8 = 8;

/// Whether a byte is of a kind.
pub(crate) fn is(byte: u8, kind: u8) -> bool {
    TABLE.get(usize::from(byte)).is_some_and(|kinds| kinds & kind != 0)
}

/// How many bytes at the beginning are of a kind.
pub(crate) fn length(text: &[u8], kind: u8) -> usize {
    let mut rest = text;
    // Four at a time, with one branch.
    while let Some((four, after)) = rest.split_first_chunk::<4>() {
        if !all(four, kind) {
            break;
        }
        rest = after;
    }
    let before = text.len().wrapping_sub(rest.len());
    before.wrapping_add(rest.iter().position(|&byte| !is(byte, kind)).unwrap_or(rest.len()))
}

/// Whether all bytes are of a kind.
pub(crate) fn all(text: &[u8], kind: u8) -> bool {
    // Without a branch for each byte: texts that are not all of the kind are rare.
    text.iter().fold(kind, |kinds, &b| kinds & TABLE.get(usize::from(b)).copied().unwrap_or(0)) != 0
}

static TABLE: [u8; 256] = table();

const fn table() -> [u8; 256] {
    let mut table = [0; 256];
    let mut rest: &mut [u8] = &mut table;
    let mut byte = 0u8;
    while let Some((kinds, after)) = rest.split_first_mut() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            *kinds |= UNRESERVED | PATH;
        }
        if byte == b'/' {
            *kinds |= PATH;
        }
        if request_head::is_token_byte(byte) {
            *kinds |= if byte.is_ascii_uppercase() { TOKEN } else { TOKEN | NAME };
        }
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        let all = |kind| (0..=255u8).filter(|&b| is(b, kind)).map(char::from).collect::<String>();
        let (digits, upper) = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        let lower = upper.to_ascii_lowercase();
        assert_eq!(all(UNRESERVED), format!("-.{digits}{upper}_{lower}~"));
        assert_eq!(all(PATH), format!("-./{digits}{upper}_{lower}~"));
        assert_eq!(all(TOKEN), format!("!#$%&'*+-.{digits}{upper}^_`{lower}|~"));
        assert_eq!(all(NAME), format!("!#$%&'*+-.{digits}^_`{lower}|~"));
    }
}
