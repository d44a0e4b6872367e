//! Classes of bytes: a table that has the truth, and for sixteen bytes at once an answer that is quick.

use crate::bytes::block::ByteBlock;

/// A class of bytes, as a type, so that each question is compiled for its class.
pub(crate) trait ByteClass {
    /// The class's bit in the table.
    const BIT: u8;

    /// Which of sixteen bytes may be of another class, as the bits of [`ByteBlock::yes`]; others are of this one. Some that
    /// are rare may be among them, so the table is asked.
    fn doubtful(block: ByteBlock) -> u32;
}

macro_rules! class {
    ($(#[$doc:meta])* $class:ident, $bit:expr, $doubtful:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $class;

        impl ByteClass for $class {
            const BIT: u8 = $bit;

            #[inline]
            fn doubtful(block: ByteBlock) -> u32 {
                let doubtful: fn(ByteBlock) -> u32 = $doubtful;
                doubtful(block)
            }
        }
    };
}

class! {
    /// Unreserved characters of RFC 3986, 2.3: what canonical text does not escape.
    Unreserved, 1, |block| {
        block.alphanumeric().or(block.within(b'-', b'.')).or(block.is(b'_')).no()
    }
}
class! {
    /// Unreserved, or a slash: what a canonical path does not escape.
    Path, 1 << 1, |block| {
        block.alphanumeric().or(block.within(b'-', b'/')).or(block.is(b'_')).no()
    }
}
class! {
    /// Characters of a token (`tchar` of RFC 9110, 5.6.2): what methods and header names consist of.
    ///
    /// A blank is none, which matters before the colon: some servers drop such a header, some obey it.
    Token, 1 << 2, |block| block.alphanumeric().or(block.is(b'-')).no()
}
class! {
    /// Characters of a token but upper-case letters: what names in a list of signed headers consist of.
    Name, 1 << 3, |block| {
        block.within(b'a', b'z').or(block.within(b'0', b'9')).or(block.is(b'-')).no()
    }
}
class! {
    /// All but control bytes; the tab is none here: what a header's value consists of (RFC 9110, 5.5).
    Text, 1 << 4, |block| block.up_to(0x1f).or(block.is(0x7f)).yes()
}
class! {
    /// All but control bytes, the tab among them, and the blank: what a request target consists of.
    Visible, 1 << 5, |block| block.up_to(b' ').or(block.is(0x7f)).yes()
}
class! {
    /// All above the blank.
    Solid, 1 << 6, |block| block.up_to(b' ').yes()
}

class! {
    /// Hexadecimal digits, in either case.
    Hex, 1 << 7, |block| {
        block.within(b'0', b'9').or(block.within(b'a', b'f')).or(block.within(b'A', b'F')).no()
    }
}

/// Whether a byte is of a class.
#[inline]
pub(crate) fn is<K: ByteClass>(byte: u8) -> bool {
    classes(byte) & K::BIT != 0
}

/// Whether all bytes are of a class, one by one.
#[inline(never)]
pub(crate) fn all_by_table<K: ByteClass>(text: &[u8]) -> bool {
    // Without a branch for each byte: texts that are not all of the class are rare.
    text.iter().fold(K::BIT, |common, &byte| common & classes(byte)) != 0
}

#[inline]
fn classes(byte: u8) -> u8 {
    TABLE.get(usize::from(byte)).copied().unwrap_or_default()
}

static TABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut rest: &mut [u8] = &mut table;
    let mut byte = 0u8;
    while let Some((classes, after)) = rest.split_first_mut() {
        *classes = classes_of(byte);
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
};

const fn classes_of(byte: u8) -> u8 {
    let mut classes = 0;
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        classes |= Unreserved::BIT | Path::BIT;
    }
    if byte == b'/' {
        classes |= Path::BIT;
    }
    if byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
    {
        classes |= Token::BIT;
        if !byte.is_ascii_uppercase() {
            classes |= Name::BIT;
        }
    }
    if !byte.is_ascii_control() {
        classes |= Text::BIT;
        if byte != b' ' {
            classes |= Visible::BIT;
        }
    }
    if byte == b'\t' {
        classes |= Text::BIT;
    }
    if byte > b' ' {
        classes |= Solid::BIT;
    }
    if byte.is_ascii_hexdigit() {
        classes |= Hex::BIT;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members<K: ByteClass>() -> String {
        (0..=127u8).filter(|&byte| is::<K>(byte)).map(char::from).collect()
    }

    #[test]
    fn kinds_of_ascii() {
        let (digits, upper) = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
        let lower = upper.to_ascii_lowercase();
        let visible: String = (0x21..0x7f).map(char::from).collect();
        assert_eq!(members::<Unreserved>(), format!("-.{digits}{upper}_{lower}~"));
        assert_eq!(members::<Path>(), format!("-./{digits}{upper}_{lower}~"));
        assert_eq!(members::<Token>(), format!("!#$%&'*+-.{digits}{upper}^_`{lower}|~"));
        assert_eq!(members::<Name>(), format!("!#$%&'*+-.{digits}^_`{lower}|~"));
        assert_eq!(members::<Text>(), format!("\t {visible}"));
        assert_eq!(members::<Visible>(), visible);
        assert_eq!(members::<Solid>(), format!("{visible}\x7f"));
        assert_eq!(members::<Hex>(), format!("{digits}ABCDEFabcdef"));
    }

    #[test]
    fn kinds_of_other_bytes() {
        for byte in 0x80..=0xff {
            assert!(is::<Text>(byte) && is::<Visible>(byte) && is::<Solid>(byte));
            assert!(!is::<Unreserved>(byte) && !is::<Path>(byte));
            assert!(!is::<Token>(byte) && !is::<Name>(byte) && !is::<Hex>(byte));
        }
    }
}
