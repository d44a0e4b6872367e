//! The names of the head that was parsed last.
//!
//! Most requests have the names of the one before them, in the same order: those of one SDK, between the lines that the server
//! adds to each. A name that is found again, byte for byte, need not be looked for the colon at its end, nor asked which header it
//! is. Nothing but time depends on whether it is found.

use crate::bytes;
use crate::header::known::KnownHeader;

/// Of so many lines, the names are kept.
const KEPT: usize = 24;
/// Bytes that are kept of each; names of SDKs' headers have up to 28.
const LENGTH: usize = 32;
/// Colon and blank, which follow the name.
const END: &[u8; 2] = b": ";

/// Names that [`parse_next`](super::parse_next) keeps from one head to the next. Never more than a constant.
#[derive(Clone, Debug, Default)]
pub struct HeadNames([KeptName; KEPT]);

/// A name with the colon and the blank behind it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct KeptName {
    text: [u8; LENGTH],
    /// Of the name alone; zero of none.
    length: usize,
    known: Option<KnownHeader>,
}

/// A name at the beginning of a line.
pub(super) struct FoundName<'a> {
    pub(super) name: &'a [u8],
    pub(super) known: Option<KnownHeader>,
    /// What follows the colon and the blank.
    pub(super) rest: &'a [u8],
}

impl HeadNames {
    /// What is kept of each line, in their order.
    pub(super) fn each(&mut self) -> std::slice::IterMut<'_, KeptName> {
        self.0.iter_mut()
    }
}

impl KeptName {
    /// The name that `line` begins with, if it is this one.
    #[inline(always)]
    pub(super) fn find<'a>(&self, line: &'a [u8]) -> Option<FoundName<'a>> {
        let length = self.length.wrapping_add(END.len());
        if self.length == 0 || bytes::common(line.first_chunk()?, &self.text) < length {
            return None;
        }
        let (name, rest) = (line.get(..self.length)?, line.get(length..)?);
        Some(FoundName { name, known: self.known, rest })
    }

    /// Keeps another name; a long one is none.
    #[inline(never)]
    pub(super) fn set(&mut self, name: &[u8], known: Option<KnownHeader>) {
        *self = Self::default();
        let end = name.len().wrapping_add(END.len());
        let parts = self.text.get_mut(..end).and_then(|text| text.split_at_mut_checked(name.len()));
        if let Some((front, back)) = parts {
            front.copy_from_slice(name);
            back.copy_from_slice(END);
            (self.length, self.known) = (name.len(), known);
        }
    }
}
