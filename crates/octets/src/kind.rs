//! Kinds of bytes: a table that has the truth, and for sixteen bytes at once an answer that is quick.

use crate::block::Block;

/// A kind of bytes, as a type, so that each question is compiled for its kind.
pub trait Kind: sealed::Sealed {}

impl<K: sealed::Sealed> Kind for K {}

pub(crate) mod sealed {
    use crate::block::Block;

    pub trait Sealed {
        /// The kind's bit in the table.
        const BIT: u8;

        /// Which of sixteen bytes may be of another kind, as the bits of [`Block::yes`]; others are of this one. Some that
        /// are rare may be among them, so the table is asked.
        fn doubtful(block: Block) -> u32;
    }
}

macro_rules! kind {
    ($(#[$doc:meta])* $kind:ident, $bit:expr, $doubtful:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $kind;

        impl sealed::Sealed for $kind {
            const BIT: u8 = $bit;

            #[inline]
            fn doubtful(block: Block) -> u32 {
                let doubtful: fn(Block) -> u32 = $doubtful;
                doubtful(block)
            }
        }
    };
}

kind! {
    /// Unreserved characters of RFC 3986, 2.3: what canonical text does not escape.
    Unreserved, 1, |block| {
        block.alphanumeric().or(block.within(b'-', b'.')).or(block.is(b'_')).no()
    }
}
kind! {
    /// Unreserved, or a slash: what a canonical path does not escape.
    Path, 1 << 1, |block| {
        block.alphanumeric().or(block.within(b'-', b'/')).or(block.is(b'_')).no()
    }
}
kind! {
    /// Characters of a token (`tchar` of RFC 9110, 5.6.2): what methods and header names consist of.
    ///
    /// A blank is none, which matters before the colon: some servers drop such a header, some obey it.
    Token, 1 << 2, |block| block.alphanumeric().or(block.is(b'-')).no()
}
kind! {
    /// Characters of a token but upper-case letters: what names in a list of signed headers consist of.
    Name, 1 << 3, |block| {
        block.within(b'a', b'z').or(block.within(b'0', b'9')).or(block.is(b'-')).no()
    }
}
kind! {
    /// All but control bytes; the tab is none here: what a header's value consists of (RFC 9110, 5.5).
    Text, 1 << 4, |block| block.up_to(0x1f).or(block.is(0x7f)).yes()
}
kind! {
    /// All but control bytes, the tab among them, and the blank: what a request target consists of.
    Visible, 1 << 5, |block| block.up_to(b' ').or(block.is(0x7f)).yes()
}
kind! {
    /// All above the blank.
    Solid, 1 << 6, |block| block.up_to(b' ').yes()
}

kind! {
    /// Hexadecimal digits, in either case.
    Hex, 1 << 7, |block| {
        block.within(b'0', b'9').or(block.within(b'a', b'f')).or(block.within(b'A', b'F')).no()
    }
}

/// Whether a byte is of a kind.
#[inline]
pub fn is<K: Kind>(byte: u8) -> bool {
    kinds(byte) & K::BIT != 0
}

/// Whether all bytes are of a kind, one by one.
#[inline]
pub(crate) fn all_of_few<K: Kind>(text: &[u8]) -> bool {
    // Without a branch for each byte: texts that are not all of the kind are rare.
    text.iter().fold(K::BIT, |common, &byte| common & kinds(byte)) != 0
}

#[inline]
fn kinds(byte: u8) -> u8 {
    TABLE.get(usize::from(byte)).copied().unwrap_or_default()
}

static TABLE: [u8; 256] = {
    let mut table = [0; 256];
    let mut rest: &mut [u8] = &mut table;
    let mut byte = 0u8;
    while let Some((kinds, after)) = rest.split_first_mut() {
        *kinds = kinds_of(byte);
        byte = byte.wrapping_add(1);
        rest = after;
    }
    table
};

const fn kinds_of(byte: u8) -> u8 {
    use sealed::Sealed as _;
    let mut kinds = 0;
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
        kinds |= Unreserved::BIT | Path::BIT;
    }
    if byte == b'/' {
        kinds |= Path::BIT;
    }
    if byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
    {
        kinds |= Token::BIT;
        if !byte.is_ascii_uppercase() {
            kinds |= Name::BIT;
        }
    }
    if !byte.is_ascii_control() {
        kinds |= Text::BIT;
        if byte != b' ' {
            kinds |= Visible::BIT;
        }
    }
    if byte == b'\t' {
        kinds |= Text::BIT;
    }
    if byte > b' ' {
        kinds |= Solid::BIT;
    }
    if byte.is_ascii_hexdigit() {
        kinds |= Hex::BIT;
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members<K: Kind>() -> String {
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
