//! Sixteen bytes, asked all at once.

use wide::u8x16;

/// How many bytes a block has.
pub(crate) const SIZE: usize = 16;

/// Sixteen bytes of a text, or an answer for each of them: all bits where it is yes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ByteBlock(u8x16);

impl ByteBlock {
    #[inline(always)]
    pub(crate) fn new(bytes: &[u8; SIZE]) -> Self {
        Self(u8x16::new(*bytes))
    }

    /// Fewer than sixteen bytes, and behind them zeros.
    #[inline(always)]
    pub(crate) fn padded(bytes: &[u8]) -> Self {
        let mut block = [0; SIZE];
        if let Some(room) = block.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        Self::new(&block)
    }

    /// Which bytes are those of the other.
    #[inline(always)]
    pub(crate) fn same(self, other: Self) -> Self {
        Self(self.0.cmp_eq(other.0))
    }

    /// Letters in lower case, and `-` for `_`.
    #[inline(always)]
    pub(crate) fn folded(self) -> Self {
        let case = self.within(b'A', b'Z').0 & u8x16::splat(b'a' ^ b'A');
        let dash = self.is(b'_').0 & u8x16::splat(b'_' ^ b'-');
        Self(self.0 ^ (case | dash))
    }

    /// Which bytes are this one.
    #[inline(always)]
    pub(crate) fn is(self, byte: u8) -> Self {
        Self(self.0.cmp_eq(u8x16::splat(byte)))
    }

    /// Which bytes are from `first` up to `last`, as unsigned numbers.
    #[inline(always)]
    #[expect(clippy::arithmetic_side_effects, reason = "lanes wrap")]
    pub(crate) fn within(self, first: u8, last: u8) -> Self {
        Self(self.0 - u8x16::splat(first)).up_to(last.wrapping_sub(first))
    }

    /// Which bytes are at most `last`, as unsigned numbers.
    #[inline(always)]
    pub(crate) fn up_to(self, last: u8) -> Self {
        Self(self.0.min(u8x16::splat(last)).cmp_eq(self.0))
    }

    /// Letters of either case, and digits.
    #[inline(always)]
    pub(crate) fn alphanumeric(self) -> Self {
        Self(self.0 | u8x16::splat(b'a' ^ b'A')).within(b'a', b'z').or(self.within(b'0', b'9'))
    }

    #[inline(always)]
    pub(crate) fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline(always)]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// One bit for each byte, the lowest one for the first: set where the answer is yes.
    #[inline(always)]
    pub(crate) fn yes(self) -> u32 {
        self.0.move_mask().unsigned_abs()
    }

    /// The same: set where the answer is no.
    #[inline(always)]
    pub(crate) fn no(self) -> u32 {
        self.yes() ^ 0xffff
    }
}

/// All bytes of a text of two to sixteen, some of them more than once; none of another text.
#[inline(always)]
pub(crate) const fn few(text: &[u8]) -> Option<[u8; SIZE]> {
    if text.len() > SIZE {
        return None;
    }
    let (first, last) = if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let word = u32::from_le_bytes(*first) as u64 | (u32::from_le_bytes(*last) as u64) << 32;
        (word, word)
    } else if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        let half = u16::from_le_bytes(*first) as u64 | (u16::from_le_bytes(*last) as u64) << 16;
        (half | half << 32, half | half << 32)
    } else {
        return None;
    };
    Some((first as u128 | (last as u128) << 64).to_le_bytes())
}

/// With how many bytes in common two texts begin.
#[inline(always)]
pub(crate) fn common(a: &[u8; 2 * SIZE], b: &[u8; 2 * SIZE]) -> usize {
    let same = |at: usize| {
        let block = |text: &[u8; 2 * SIZE]| {
            text.get(at..).and_then(<[u8]>::first_chunk).map(ByteBlock::new)
        };
        block(a).zip(block(b)).map_or(0, |(a, b)| a.same(b).yes())
    };
    let same = same(0) | same(SIZE) << SIZE;
    usize::try_from(same.trailing_ones()).unwrap_or_default()
}

/// Two lower-case hexadecimal digits for each byte.
#[inline(always)]
pub(crate) fn hex(bytes: &[u8; SIZE]) -> [u8; 2 * SIZE] {
    let low = u128::from_ne_bytes([0xf; SIZE]);
    let number = u128::from_le_bytes(*bytes);
    let high = digits(u8x16::new(((number >> 4) & low).to_le_bytes()));
    let low = digits(u8x16::new((number & low).to_le_bytes()));
    let mut text = [0; 2 * SIZE];
    let (front, back) = text.split_at_mut(SIZE);
    front.copy_from_slice(&u8x16::unpack_low(high, low).to_array());
    back.copy_from_slice(&u8x16::unpack_high(high, low).to_array());
    text
}

/// The digits of sixteen numbers below sixteen.
#[inline(always)]
#[expect(clippy::arithmetic_side_effects, reason = "no sum is above `f`")]
fn digits(numbers: u8x16) -> u8x16 {
    let is_letter = numbers.max(u8x16::splat(10)).cmp_eq(numbers);
    numbers + u8x16::splat(b'0') + (is_letter & u8x16::splat(b'a' - b'0' - 10))
}
