//! What a series is known by, as words: its kind, and its labels.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use smallvec::{SmallVec, smallvec};

/// Words of a key that need no memory of their own: those of most upstreams, origins and addresses together.
const USUAL_WORDS: usize = 16;

/// Most words of a key. An access key id has up to 128 bytes; what is longer than this is counted under `other`.
const MAX_WORDS: usize = 64;

/// What a series counts. The numbers stand in memory that outlives a reload.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SeriesKind {
    Requests = 1,
    Buckets = 2,
    Errors = 3,
    Refusals = 4,
    Origins = 5,
    Responses = 6,
}

impl SeriesKind {
    fn of_number(number: u64) -> Option<Self> {
        Some(match number {
            1 => SeriesKind::Requests,
            2 => SeriesKind::Buckets,
            3 => SeriesKind::Errors,
            4 => SeriesKind::Refusals,
            5 => SeriesKind::Origins,
            6 => SeriesKind::Responses,
            _ => return None,
        })
    }

    /// How many counters a series of the kind has.
    pub(crate) fn values(self) -> usize {
        match self {
            // How often, bytes received, bytes sent.
            SeriesKind::Requests | SeriesKind::Buckets => 3,
            // Attempts, failures.
            SeriesKind::Origins => 2,
            SeriesKind::Errors | SeriesKind::Refusals | SeriesKind::Responses => 1,
        }
    }
}

/// A key that is being put together.
pub(crate) struct SeriesKey {
    words: SmallVec<[u64; USUAL_WORDS]>,
    pub(crate) kind: SeriesKind,
}

impl SeriesKey {
    /// `small` and `large` are labels that are numbers.
    #[inline]
    pub(crate) fn new(kind: SeriesKind, small: u16, large: u32) -> Self {
        let first = kind as u64 | u64::from(small) << 8 | u64::from(large) << 32;
        SeriesKey { words: smallvec![first], kind }
    }

    /// Adds a label, which any bytes may be: its length, and then itself.
    #[inline]
    pub(crate) fn with(mut self, label: &[u8]) -> Self {
        self.add(label);
        self
    }

    fn add(&mut self, label: &[u8]) {
        self.words.push(label.len() as u64);
        // What is too long is refused as a whole.
        let label = label.get(..label.len().min(8 * MAX_WORDS)).unwrap_or_default();
        let mut chunks = label.chunks_exact(8);
        for chunk in &mut chunks {
            self.words.push(chunk.try_into().map_or(0, u64::from_le_bytes));
        }
        let rest = chunks.remainder();
        if !rest.is_empty() {
            let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.words.push(word);
        }
    }

    /// Adds a label that is a number.
    #[inline]
    pub(crate) fn with_number(mut self, number: u64) -> Self {
        self.words.push(number);
        self
    }

    /// None for a key that has no room.
    pub(crate) fn words(&self) -> Option<&[u64]> {
        (self.words.len() <= MAX_WORDS).then_some(&self.words)
    }
}

/// Where to look for the words, and what to compare first. Quick rather than strong: whoever makes keys meet on purpose has
/// them counted under `other`.
pub(crate) fn hash(words: &[u64]) -> u64 {
    // The multiplier of FxHash (Firefox, rustc).
    let fold =
        |hash: u64, word: &u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let hash = words.iter().fold(0, fold);
    hash ^ hash >> 32
}

/// Reads the labels of a key that lies in memory.
pub(crate) struct KeyLabels<'z> {
    first: u64,
    rest: &'z [AtomicU64],
}

impl<'z> KeyLabels<'z> {
    pub(crate) fn of(words: &'z [AtomicU64]) -> Option<Self> {
        let (first, rest) = words.split_first()?;
        Some(KeyLabels { first: first.load(Relaxed), rest })
    }

    pub(crate) fn kind(&self) -> Option<SeriesKind> {
        SeriesKind::of_number(self.first & 0xff)
    }

    pub(crate) fn small(&self) -> u16 {
        (self.first >> 8 & 0xffff) as u16
    }

    pub(crate) fn large(&self) -> u32 {
        (self.first >> 32) as u32
    }

    /// The next label, as a number.
    pub(crate) fn number(&mut self) -> Option<u64> {
        let (word, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(word.load(Relaxed))
    }

    /// The next label, as text.
    pub(crate) fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.number()?).ok()?;
        let (words, rest) = self.rest.split_at_checked(length.div_ceil(8))?;
        self.rest = rest;
        let bytes = words.iter().flat_map(|word| word.load(Relaxed).to_le_bytes());
        let bytes: Vec<u8> = bytes.take(length).collect();
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(key: &SeriesKey) -> Vec<AtomicU64> {
        key.words().expect("room").iter().map(|word| AtomicU64::new(*word)).collect()
    }

    #[test]
    fn labels_come_back() {
        for length in 0..40 {
            let text = "abcdefghijklmnopqrstuvwxyz0123456789ABCD".get(..length).expect("ASCII");
            let key = SeriesKey::new(SeriesKind::Requests, 0xabcd, 0xffff_fffe);
            let key = key.with(text.as_bytes()).with_number(u64::MAX).with(b"x");
            let words = stored(&key);
            let mut labels = KeyLabels::of(&words).expect("a first word");
            assert_eq!(labels.kind(), Some(SeriesKind::Requests));
            assert_eq!((labels.small(), labels.large()), (0xabcd, 0xffff_fffe));
            assert_eq!(labels.text().as_deref(), Some(text));
            assert_eq!(labels.number(), Some(u64::MAX));
            assert_eq!(labels.text().as_deref(), Some("x"));
            assert_eq!(labels.text(), None);
        }
    }

    #[test]
    fn labels_do_not_run_into_one_another() {
        let key = |one: &[u8], other: &[u8]| {
            let key = SeriesKey::new(SeriesKind::Origins, 0, 0).with(one).with(other);
            key.words().expect("room").to_vec()
        };
        assert_ne!(key(b"ab", b"c"), key(b"a", b"bc"));
        assert_ne!(key(b"a\0", b""), key(b"a", b""));
        assert_ne!(key(b"", b"a"), key(b"a", b""));
    }

    #[test]
    fn a_key_without_room_is_none() {
        let key = |length| SeriesKey::new(SeriesKind::Buckets, 0, 0).with(&vec![b'x'; length]);
        assert!(key(62 * 8).words().is_some());
        assert!(key(62 * 8 + 1).words().is_none());
    }
}
