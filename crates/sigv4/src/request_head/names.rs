//! The names of an earlier head.
//!
//! Most requests have the names of others before them, in the same order: those of one SDK, between the lines that the server
//! adds to each. A name that is found again, byte for byte, need not be looked for the colon at its end, nor asked which header it
//! is. Nothing but time depends on whether it is found.
//!
//! Where clients are of several kinds, the names of one kind stay, so that the others lose nothing but the look at one line.

use crate::bytes;
use crate::header::known::KnownHeader;
use crate::request_head::HeadLine;

/// Of so many lines, the names are kept.
const KEPT: usize = 24;
/// Bytes that are kept of each; names of SDKs' headers have up to 28.
const LENGTH: usize = 32;
/// Colon and blank, which follow the name.
const END: &[u8; 2] = b": ";

/// So many heads in a row must have other names before theirs are kept.
const PATIENCE: u8 = 8;

/// Names that [`parse_next`](super::parse_next) keeps from head to head. Never more than a constant.
#[derive(Clone, Debug, Default)]
pub struct HeadNames {
    names: [KeptName; KEPT],
    /// So many more heads may have others.
    patience: u8,
}

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
    /// The name of each line.
    pub(super) fn each(&self) -> std::slice::Iter<'_, KeptName> {
        self.names.iter()
    }

    /// After a head in which all names were found.
    pub(super) fn were_found(&mut self) {
        self.patience = PATIENCE;
    }

    /// After a head that has others.
    #[inline(never)]
    pub(super) fn were_not_found(&mut self, lines: &[HeadLine<'_>]) {
        if let Some(patience) = self.patience.checked_sub(1) {
            self.patience = patience;
            return;
        }
        self.names = Default::default();
        self.names.iter_mut().zip(lines).for_each(|(kept, line)| kept.set(line));
        self.patience = PATIENCE;
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

    /// Keeps the name of a line, unless it is a long one.
    fn set(&mut self, line: &HeadLine<'_>) {
        let (name, end) = (line.header.name, line.header.name.len().wrapping_add(END.len()));
        let parts = self.text.get_mut(..end).and_then(|text| text.split_at_mut_checked(name.len()));
        if let Some((front, back)) = parts {
            front.copy_from_slice(name);
            back.copy_from_slice(END);
            (self.length, self.known) = (name.len(), line.known);
        }
    }
}
