//! Where a byte stands, or the first that is of another class.

use std::marker::PhantomData;

use crate::bytes::block::{ByteBlock, SIZE, few};
use crate::bytes::class::{self, ByteClass, is};

/// Where bytes stand that are not of a class, in their order.
#[inline]
pub(crate) fn exceptions<K: ByteClass>(text: &[u8]) -> Exceptions<'_, K> {
    Exceptions { text, marks: marks(text), from: 0, bits: 0, class: PhantomData }
}

/// The positions that [`exceptions`] finds.
#[derive(Clone, Debug)]
pub(crate) struct Exceptions<'a, K> {
    text: &'a [u8],
    marks: Marks<'a>,
    /// Where the present block begins, and which of its bytes are to be looked at.
    from: usize,
    bits: u32,
    class: PhantomData<K>,
}

impl<K: ByteClass> Iterator for Exceptions<'_, K> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        loop {
            while self.bits != 0 {
                let at = self.from.wrapping_add(lowest(self.bits));
                self.bits &= self.bits.wrapping_sub(1);
                if is_exception::<K>(self.text, at) {
                    return Some(at);
                }
            }
            (self.from, self.bits) = self.marks.next(K::doubtful)?;
        }
    }
}

/// How many bytes at the beginning are of a class.
#[inline]
pub(crate) fn length<K: ByteClass>(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk() {
        let doubtful = K::doubtful(ByteBlock::new(block));
        if doubtful != 0 {
            let at = text.len().wrapping_sub(rest.len()).wrapping_add(lowest(doubtful));
            // Nearly always the end of a name or of a line.
            return if is_exception::<K>(text, at) { at } else { length_from::<K>(text, at) };
        }
        rest = after;
    }
    let from = text.len().wrapping_sub(rest.len());
    match text.last_chunk() {
        // The last bytes together with bytes before them, which are of the class.
        Some(last) if K::doubtful(ByteBlock::new(last)) == 0 => text.len(),
        _ => length_from::<K>(text, from),
    }
}

/// What stands before `end` and what stands behind it, where all that stands before it is of a class, of which the first byte of
/// `end` is not. None of another text, nor of one that has one of the class's rarer bytes there, or is shorter than a block: for
/// that, [`length`] is to be asked.
#[inline(always)]
pub(crate) fn cut_usual<'a, K: ByteClass, const N: usize>(
    text: &'a [u8],
    end: &[u8; N],
) -> Option<(&'a [u8], &'a [u8])> {
    let mut rest = text;
    let at = loop {
        let Some((block, after)) = rest.split_first_chunk() else {
            // The last bytes together with bytes before them, which are of the class.
            let doubtful = K::doubtful(ByteBlock::new(text.last_chunk()?));
            break text.len().wrapping_sub(SIZE).wrapping_add(lowest(doubtful));
        };
        let doubtful = K::doubtful(ByteBlock::new(block));
        if doubtful != 0 {
            break text.len().wrapping_sub(rest.len()).wrapping_add(lowest(doubtful));
        }
        rest = after;
    };
    let (front, back) = text.split_at_checked(at)?;
    Some((front, back.strip_prefix(end)?))
}

/// The [`length`] of a text whose bytes before `from` are of the class.
#[inline(never)]
fn length_from<K: ByteClass>(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let length = match rest.len() < SIZE {
        true => rest.iter().position(|&byte| !is::<K>(byte)),
        false => exceptions::<K>(rest).next(),
    };
    length.map_or(text.len(), |length| from.wrapping_add(length))
}

/// Whether all bytes are of a class.
#[inline]
pub(crate) fn all<K: ByteClass>(text: &[u8]) -> bool {
    let Some(last) = text.last_chunk() else {
        return match few(text) {
            Some(block) => {
                K::doubtful(ByteBlock::new(&block)) == 0 || class::all_by_table::<K>(text)
            }
            None => class::all_by_table::<K>(text),
        };
    };
    // The last bytes together with bytes before them.
    let (mut doubtful, mut rest) = (K::doubtful(ByteBlock::new(last)), text);
    while let Some((block, after)) = rest.split_first_chunk() {
        doubtful |= K::doubtful(ByteBlock::new(block));
        rest = after;
    }
    doubtful == 0 || class::all_by_table::<K>(text)
}

/// Where a byte first stands. Asked at a dozen places of a request, whose code would be large with it.
#[inline(never)]
pub(crate) fn find(text: &[u8], byte: u8) -> Option<usize> {
    let mut rest = text;
    while let Some((block, after)) = rest.split_first_chunk() {
        let bits = ByteBlock::new(block).is(byte).yes();
        if bits != 0 {
            return Some(text.len().wrapping_sub(rest.len()).wrapping_add(lowest(bits)));
        }
        rest = after;
    }
    match text.last_chunk() {
        // The last bytes together with bytes before them, none of which is the one.
        Some(last) => {
            let bits = ByteBlock::new(last).is(byte).yes();
            let at = text.len().wrapping_sub(SIZE).wrapping_add(lowest(bits));
            (bits != 0).then_some(at)
        }
        None => rest.iter().position(|own| *own == byte),
    }
}

/// What stands before the first such byte, and what stands behind it.
#[inline]
pub(crate) fn cut(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (front, back) = text.split_at_checked(find(text, byte)?)?;
    Some((front, back.get(1..)?))
}

#[inline]
fn is_exception<K: ByteClass>(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|&byte| !is::<K>(byte))
}

#[inline]
fn lowest(bits: u32) -> usize {
    usize::try_from(bits.trailing_zeros()).unwrap_or_default()
}

/// A text in blocks.
#[derive(Clone, Debug)]
struct Marks<'a> {
    text: &'a [u8],
    rest: &'a [u8],
}

#[inline]
fn marks(text: &[u8]) -> Marks<'_> {
    Marks { text, rest: text }
}

impl Marks<'_> {
    /// Where the next block begins, and which of its bytes `mark` marks; none at the end.
    #[inline(always)]
    fn next(&mut self, mark: impl Fn(ByteBlock) -> u32) -> Option<(usize, u32)> {
        let from = self.text.len().wrapping_sub(self.rest.len());
        if let Some((block, after)) = self.rest.split_first_chunk() {
            self.rest = after;
            return Some((from, mark(ByteBlock::new(block))));
        }
        if self.rest.is_empty() {
            return None;
        }
        // Fewer bytes than a block has: together with those before them, or with zeros behind them.
        let rest = std::mem::take(&mut self.rest);
        let few = u32::try_from(rest.len()).unwrap_or_default();
        let size = u32::try_from(SIZE).unwrap_or_default();
        let bits = match self.text.last_chunk() {
            Some(block) => mark(ByteBlock::new(block)) >> size.wrapping_sub(few),
            None => mark(ByteBlock::padded(rest)) & !(u32::MAX << few),
        };
        Some((from, bits))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::class::{Hex, Name, Path, Solid, Text, Token, Unreserved, Visible};

    /// `inside` is of the class, so that the byte alone decides.
    fn check<K: ByteClass>(inside: u8) {
        for length in [0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 40] {
            let text = vec![inside; length];
            assert!(all::<K>(&text) && exceptions::<K>(&text).next().is_none());
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut text = text.clone();
                    text[at] = byte;
                    let expected = if is::<K>(byte) { length } else { at };
                    assert_eq!(super::length::<K>(&text), expected, "{text:?}");
                    assert_eq!(all::<K>(&text), is::<K>(byte), "{text:?}");
                    let cut = cut_usual::<K, 1>(&text, &[byte]);
                    if is::<K>(byte) {
                        assert!(cut.is_none_or(|(front, _)| front.iter().all(|&own| is::<K>(own))));
                    } else {
                        let is_usual = K::doubtful(ByteBlock::new(&[inside; SIZE])) == 0;
                        let expected = Some((&text[..at], &text[at + 1..]));
                        let may_be_none = !is_usual || length < SIZE;
                        assert!(cut == expected || (may_be_none && cut.is_none()), "{text:?}");
                        assert_eq!(cut_usual::<K, 2>(&text, &[byte, !inside]), None);
                    }
                    text[at..].fill(byte);
                    let expected = if is::<K>(byte) { length..length } else { at..length };
                    assert!(exceptions::<K>(&text).eq(expected), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn every_byte_at_every_place() {
        check::<Unreserved>(b'a');
        check::<Path>(b'/');
        check::<Token>(b'Z');
        check::<Name>(b'-');
        check::<Text>(b'\t');
        check::<Visible>(0x80);
        check::<Solid>(0x7f);
        check::<Hex>(b'F');
    }

    #[test]
    fn first_of_every_byte_at_every_place() {
        for length in 0..50 {
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
        assert_eq!(cut(b"a", b';'), None);
    }
}
