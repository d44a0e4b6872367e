//! Series in a piece of memory: a table of hashes, and an arena in which keys and counters lie.
//!
//! A record is written before a compare-and-swap puts it into the table, and never moves or goes from then on. Of two
//! processes that insert one key at a time one finds the other's; what it has written itself is lost room.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

use crate::series_key::{SeriesKey, SeriesKind, hash};

/// Places that are looked at for one key. A table is at most half full, so that a key that finds no room in so many is one of
/// those that somebody has made meet.
const PROBES: usize = 32;

/// A series by the place of its first counter in the arena.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct SeriesAt(u32);

impl SeriesAt {
    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn of_number(number: u32) -> Self {
        SeriesAt(number)
    }
}

/// How much of the room a series may be the one to take up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RoomShare {
    /// Series that strangers can cause.
    Half,
    /// All but what is kept for `other`.
    Most,
    /// Series that stand for those which have no room; there are few.
    All,
}

/// Words that are kept for `other`.
const RESERVE: usize = 192;

/// A series that was found by looking at all.
pub(crate) struct StoredSeries<'z> {
    pub(crate) at: SeriesAt,
    pub(crate) key: &'z [AtomicU64],
    pub(crate) values: &'z [AtomicU64],
}

/// See the [module](self).
#[derive(Clone, Copy)]
pub(crate) struct SeriesTable<'z> {
    /// How many words of the arena are taken.
    used: &'z AtomicU64,
    /// 0, or the hash's upper half and one more than a record's place.
    index: &'z [AtomicU64],
    arena: &'z [AtomicU64],
}

impl<'z> SeriesTable<'z> {
    /// The same words must always be given.
    pub(crate) fn new(words: &'z [AtomicU64]) -> Option<Self> {
        let (used, words) = words.split_first()?;
        // A record has some eight words or more, so that a quarter is at least twice as many places as there are records.
        let places = 1_usize.checked_shl((words.len() / 4).checked_ilog2()?)?;
        let (index, arena) = words.split_at_checked(places)?;
        Some(SeriesTable { used, index, arena })
    }

    /// The counters of the series; new ones if there are none. None where there is no room.
    pub(crate) fn find_or_insert(&self, key: &SeriesKey, share: RoomShare) -> Option<SeriesAt> {
        let words = key.words()?;
        let hash = hash(words);
        let (mut place, tag) = (hash as usize, hash & TAG);
        let mask = self.index.len().wrapping_sub(1);
        let mut own = None;
        for _ in 0..PROBES {
            let slot = self.index.get(place & mask)?;
            let mut found = slot.load(Acquire);
            if found == 0 {
                let record = match own {
                    Some(record) => record,
                    None => self.write(words, key.kind, share)?,
                };
                own = Some(record);
                let word = tag | u64::from(record).saturating_add(1);
                match slot.compare_exchange(0, word, AcqRel, Acquire) {
                    Ok(_) => return values_at(record, words.len()),
                    Err(other) => found = other,
                }
            }
            if found & TAG == tag {
                let record = (found & !TAG).wrapping_sub(1) as u32;
                if self.is_key_of(record, words) {
                    return values_at(record, words.len());
                }
            }
            place = place.wrapping_add(1);
        }
        None
    }

    /// Writes a record that is in no table yet; its place.
    fn write(&self, words: &[u64], kind: SeriesKind, share: RoomShare) -> Option<u32> {
        let (length, values) = (words.len(), kind.values());
        let size = length.saturating_add(values).saturating_add(1);
        let room = match share {
            RoomShare::Half => self.arena.len() / 2,
            RoomShare::Most => self.arena.len().saturating_sub(RESERVE),
            RoomShare::All => self.arena.len(),
        };
        let fits = |at: u64| at.saturating_add(size as u64) <= room as u64;
        if !fits(self.used.load(Relaxed)) {
            return None;
        }
        let at = self.used.fetch_add(size as u64, Relaxed);
        let start = usize::try_from(at).ok()?;
        let record = self.arena.get(start..start.saturating_add(size))?;
        let (head, rest) = record.split_first()?;
        head.store(length as u64 | (values as u64) << 32, Relaxed);
        for (place, word) in rest.iter().zip(words) {
            place.store(*word, Relaxed);
        }
        u32::try_from(at).ok()
    }

    fn is_key_of(&self, record: u32, words: &[u64]) -> bool {
        let Some((head, rest)) = self.arena.get(record as usize..).and_then(<[_]>::split_first)
        else {
            return false;
        };
        head.load(Relaxed) & u64::from(u32::MAX) == words.len() as u64
            && rest.iter().zip(words).all(|(stored, word)| stored.load(Relaxed) == *word)
    }

    /// Adds to the series' counter of that number.
    pub(crate) fn add(&self, series: SeriesAt, counter: usize, by: u64) {
        if let Some(word) = self.arena.get((series.0 as usize).saturating_add(counter)) {
            word.fetch_add(by, Relaxed);
        }
    }

    /// All series.
    pub(crate) fn all(&self) -> impl Iterator<Item = StoredSeries<'z>> + use<'z> {
        let arena = self.arena;
        self.index.iter().filter_map(move |slot| {
            let record = (slot.load(Acquire) & !TAG).checked_sub(1)?;
            let (head, rest) = arena.get(usize::try_from(record).ok()?..)?.split_first()?;
            let head = head.load(Relaxed);
            let length = usize::try_from(head & u64::from(u32::MAX)).ok()?;
            let (key, rest) = rest.split_at_checked(length)?;
            let values = rest.get(..usize::try_from(head >> 32).ok()?)?;
            Some(StoredSeries { at: values_at(record as u32, length)?, key, values })
        })
    }

    /// Words of the arena, and those that are taken.
    pub(crate) fn room(&self) -> (usize, usize) {
        let used = usize::try_from(self.used.load(Relaxed)).unwrap_or(usize::MAX);
        (self.arena.len(), used.min(self.arena.len()))
    }
}

/// The upper half of a word of the index.
const TAG: u64 = 0xffff_ffff_0000_0000;

fn values_at(record: u32, key: usize) -> Option<SeriesAt> {
    let key = u32::try_from(key).ok()?;
    Some(SeriesAt(record.checked_add(key)?.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::series_key::KeyLabels;

    fn memory(words: usize) -> Vec<AtomicU64> {
        (0..words).map(|_| AtomicU64::new(0)).collect()
    }

    fn key(label: &str) -> SeriesKey {
        SeriesKey::new(SeriesKind::Buckets, 0, 0).with(label.as_bytes())
    }

    fn counts(table: SeriesTable<'_>) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for series in table.all() {
            let label = KeyLabels::of(series.key).and_then(|mut labels| labels.text());
            let count = series.values[0].load(Relaxed);
            assert!(counts.insert(label.expect("a label"), count).is_none(), "a series twice");
        }
        counts
    }

    #[test]
    fn each_series_is_found_again() {
        let memory = memory(8192);
        let table = SeriesTable::new(&memory).expect("room");
        for round in 0..3 {
            for number in 0..200 {
                let series =
                    table.find_or_insert(&key(&format!("bucket-{number}")), RoomShare::All);
                table.add(series.expect("room"), 0, number + round);
            }
        }
        let expected = (0..200).map(|number| (format!("bucket-{number}"), 3 * number + 3));
        assert_eq!(counts(table), expected.collect());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_was_there_stays() {
        let memory = memory(256);
        let table = SeriesTable::new(&memory).expect("room");
        let insert = |number| table.find_or_insert(&key(&format!("b{number}")), RoomShare::All);
        let fitted: Vec<_> = (0..1000).take_while(|number| insert(*number).is_some()).collect();
        // Six words each: head, kind, length, name and three counters make seven.
        assert_eq!(fitted.len(), (255 - 32) / 7);
        assert!(insert(5000).is_none());
        for number in fitted {
            table.add(insert(number).expect("it is there"), 0, 1);
        }
        assert!(counts(table).values().all(|count| *count == 1));
    }

    #[test]
    fn strangers_get_half_of_it() {
        let memory = memory(256);
        let table = SeriesTable::new(&memory).expect("room");
        let fit = |share| {
            let insert = |number| table.find_or_insert(&key(&format!("b{number}")), share);
            (0..1000).take_while(|number| insert(*number).is_some()).count()
        };
        assert_eq!(fit(RoomShare::Half), (255 - 32) / 2 / 7);
        assert_eq!(fit(RoomShare::All), (255 - 32) / 7);
    }

    #[test]
    fn processes_that_insert_and_count_at_a_time_lose_nothing() {
        let memory = memory(8192);
        let table = SeriesTable::new(&memory).expect("room");
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for turn in 0..20_000_u64 {
                        // Each in another order, so that first uses meet.
                        let number = (turn * (2 * thread + 1)) % 64;
                        let series =
                            table.find_or_insert(&key(&format!("bucket-{number}")), RoomShare::All);
                        table.add(series.expect("room"), 0, 1);
                    }
                });
            }
        });
        let counts = counts(table);
        assert_eq!(counts.len(), 64);
        assert_eq!(counts.values().sum::<u64>(), 80_000);
    }

    #[test]
    fn any_words_are_read_without_a_panic() {
        let mut state = 1_u64;
        for _ in 0..200 {
            let random = || {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Small ones point into the arena.
                AtomicU64::new(if state >> 62 == 0 { state } else { state >> 58 })
            };
            let memory: Vec<_> = std::iter::repeat_with(random).take(300).collect();
            let table = SeriesTable::new(&memory).expect("room");
            for series in table.all() {
                let labels = KeyLabels::of(series.key);
                let _ = labels.map(|mut labels| (labels.kind(), labels.text(), labels.text()));
            }
            let _ = table.find_or_insert(&key("bucket"), RoomShare::All);
        }
    }
}
