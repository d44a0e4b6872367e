//! Names of headers in the one spelling that all of theirs have in common, to be compared with many in few instructions.

use crate::bytes::block::{ByteBlock, SIZE, few};

/// A name of two to 32 bytes: its first sixteen and its last, which overlap.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameEnds([[u8; SIZE]; 2]);

impl NameEnds {
    /// None of a name that is shorter or longer.
    #[inline(always)]
    pub(crate) const fn of(name: &[u8]) -> Option<Self> {
        match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) if name.len() <= 2 * SIZE => Some(Self([*first, *last])),
            _ => match few(name) {
                Some(all) => Some(Self([all, all])),
                None => None,
            },
        }
    }
}

/// A name in lower case, and with `-` for `_`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FoldedName([ByteBlock; 2]);

impl FoldedName {
    /// None of a name that has not two to 32 bytes.
    #[inline(always)]
    pub(crate) fn of(name: &[u8]) -> Option<Self> {
        match (name.first_chunk(), name.last_chunk()) {
            (Some(first), Some(last)) if name.len() <= 2 * SIZE => {
                Some(Self([ByteBlock::new(first).folded(), ByteBlock::new(last).folded()]))
            }
            _ => Some(Self([ByteBlock::new(&few(name)?).folded(); 2])),
        }
    }

    /// Whether it is a name of the same length, which has neither upper-case letters nor `_`.
    #[inline(always)]
    pub(crate) fn is(&self, own: &NameEnds) -> bool {
        let ([first, last], NameEnds([own_first, own_last])) = (self.0, own);
        first.same(ByteBlock::new(own_first)).and(last.same(ByteBlock::new(own_last))).no() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::fold;

    #[test]
    fn every_byte_at_every_place() {
        for length in 0..40 {
            let lower: Vec<u8> = (0..length).map(|i| b"a-z0{"[i % 5]).collect();
            let Some(own) = NameEnds::of(&lower) else {
                assert!(!(2..=32).contains(&length));
                continue;
            };
            for at in 0..length {
                for byte in 0..=255u8 {
                    let mut text = lower.clone();
                    text[at] = byte;
                    let folded: Vec<u8> = text.iter().map(|byte| fold(*byte)).collect();
                    let name = FoldedName::of(&text).unwrap();
                    assert_eq!(name.is(&own), folded == lower, "{text:?}");
                }
            }
        }
    }
}
