//! The whole memory: when it began, the workers' own figures, and a part for the counters of each worker.
//!
//! Counters of one worker lie apart from those of others, so that their processors do not take cache lines from one another;
//! where there are more workers than parts, some share one. What is told is the sum.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::histogram;
use crate::series_table::SeriesTable;

/// Words at the beginning: when it began, how many parts there are.
const HEAD: usize = 8;

/// Workers that can have figures of their own at a time, those of an earlier configuration that still serve included.
const WORKERS: usize = 512;
/// Words of a worker: its process, uploads under way, memory for chunks; the rest keeps it on a cache line of its own.
const WORKER: usize = 8;

/// The least words of a part. More parts than fit are not made.
const LEAST: usize = 8192;
/// Most parts.
const MOST_PARTS: usize = 32;

/// Words at the beginning of a part: what did not fit, failovers.
const PART_HEAD: usize = 8;

/// The words, with a meaning.
#[derive(Clone, Copy)]
pub struct StatusZone<'z> {
    head: &'z [AtomicU64],
    workers: &'z [AtomicU64],
    parts: &'z [AtomicU64],
}

/// Where a worker has its figures and counters. Good for the zone that it was claimed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WorkerPlace {
    worker: usize,
    part: usize,
    length: usize,
    process: u32,
}

/// A part, with what lies in it.
#[derive(Clone, Copy)]
pub(crate) struct ZonePart<'z> {
    head: &'z [AtomicU64],
    pub(crate) histograms: &'z [AtomicU64],
    pub(crate) table: SeriesTable<'z>,
}

impl<'z> StatusZone<'z> {
    /// The fewest words that a zone can have.
    pub const LEAST: usize = HEAD + WORKERS * WORKER + LEAST;

    /// None where there are too few words. The same words must always be given.
    pub fn new(words: &'z [AtomicU64]) -> Option<Self> {
        let (head, words) = words.split_at_checked(HEAD)?;
        let (workers, parts) = words.split_at_checked(WORKERS * WORKER)?;
        (parts.len() >= LEAST).then_some(StatusZone { head, workers, parts })
    }

    fn began(&self) -> &'z AtomicU64 {
        let [began, ..] = self.head else { return &ZERO };
        began
    }

    /// How many parts there are; 0 before [`begin`](Self::begin).
    fn count(&self) -> usize {
        let [_, parts, ..] = self.head else { return 0 };
        usize::try_from(parts.load(Acquire)).unwrap_or(0).min(MOST_PARTS)
    }

    /// Divides memory that is new into a part for each of `workers`, as far as that is of use. `now` is in milliseconds since
    /// 1970. Memory that was divided before stays as it is.
    pub fn begin(&self, workers: usize, now: u64) {
        let [_, parts, ..] = self.head else { return };
        let room = self.parts.len() / LEAST;
        let count = workers.min(room).clamp(1, MOST_PARTS);
        if parts.load(Acquire) == 0 {
            self.began().store(now, Release);
            parts.store(count as u64, Release);
        }
    }

    /// When the counters were zero, in milliseconds since 1970.
    pub fn since(&self) -> u64 {
        self.began().load(Acquire)
    }

    /// A place for this process: that which it has, or one that nobody has, or whose process is gone. None where there is none,
    /// and before [`begin`](Self::begin).
    pub fn claim(&self, process: u32, is_alive: impl Fn(u32) -> bool) -> Option<WorkerPlace> {
        let parts = self.count();
        let length = self.parts.len().checked_div(parts)?;
        let place = |worker: usize| WorkerPlace {
            worker,
            part: worker.checked_rem(parts).unwrap_or(0).saturating_mul(length),
            length,
            process,
        };
        let own = u64::from(process);
        if let Some(worker) = self.owners().position(|owner| owner.load(Acquire) == own) {
            return Some(place(worker));
        }
        for (worker, owner) in self.owners().enumerate() {
            let found = owner.load(Acquire);
            let is_free = found == 0 || !u32::try_from(found).is_ok_and(&is_alive);
            if is_free && owner.compare_exchange(found, own, AcqRel, Relaxed).is_ok() {
                let place = place(worker);
                self.show(place, Gauge::Uploads, 0);
                self.show(place, Gauge::ChunkMemory, 0);
                return Some(place);
            }
        }
        None
    }

    fn owners(&self) -> impl Iterator<Item = &'z AtomicU64> + use<'z> {
        self.workers.chunks_exact(WORKER).filter_map(<[_]>::first)
    }

    /// Whether the place is still its process's.
    pub fn is_held(&self, place: WorkerPlace) -> bool {
        let owner = self.worker(place).and_then(<[_]>::first);
        owner.is_some_and(|owner| owner.load(Relaxed) == u64::from(place.process))
    }

    /// Gives the place back; what its worker was doing is over.
    pub fn release(&self, place: WorkerPlace) {
        if let Some(owner) = self.worker(place).and_then(<[_]>::first) {
            let own = u64::from(place.process);
            // Who has lost it has nothing to give back.
            let _ = owner.compare_exchange(own, 0, AcqRel, Relaxed);
        }
    }

    fn worker(&self, place: WorkerPlace) -> Option<&'z [AtomicU64]> {
        self.workers.chunks_exact(WORKER).nth(place.worker)
    }

    /// Says how much there is of something at present.
    pub(crate) fn show(&self, place: WorkerPlace, gauge: Gauge, value: u64) {
        if let Some(word) = self.worker(place).and_then(|words| words.get(gauge as usize)) {
            word.store(value, Relaxed);
        }
    }

    /// How many of the workers are there, and the sum of what they say.
    pub(crate) fn sums(&self, is_alive: impl Fn(u32) -> bool) -> (usize, u64, u64) {
        let mut sums = (0_usize, 0_u64, 0_u64);
        for words in self.workers.chunks_exact(WORKER) {
            let [owner, uploads, memory, ..] = words else { continue };
            let owner = u32::try_from(owner.load(Acquire)).unwrap_or(0);
            if owner != 0 && is_alive(owner) {
                sums.0 = sums.0.saturating_add(1);
                sums.1 = sums.1.saturating_add(uploads.load(Relaxed));
                sums.2 = sums.2.saturating_add(memory.load(Relaxed));
            }
        }
        sums
    }

    /// The part of that worker.
    pub(crate) fn part(&self, place: WorkerPlace) -> Option<ZonePart<'z>> {
        let end = place.part.saturating_add(place.length);
        ZonePart::new(self.parts.get(place.part..end)?)
    }

    /// All parts.
    pub(crate) fn all_parts(&self) -> impl Iterator<Item = ZonePart<'z>> + use<'z> {
        let count = self.count();
        let length = self.parts.len().checked_div(count).unwrap_or(1);
        self.parts.chunks_exact(length).take(count).filter_map(ZonePart::new)
    }
}

static ZERO: AtomicU64 = AtomicU64::new(0);

/// What a worker has at present.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Gauge {
    Uploads = 1,
    ChunkMemory = 2,
}

impl<'z> ZonePart<'z> {
    fn new(words: &'z [AtomicU64]) -> Option<Self> {
        let (head, words) = words.split_at_checked(PART_HEAD)?;
        let (histograms, words) = words.split_at_checked(histogram::ALL_WORDS)?;
        Some(ZonePart { head, histograms, table: SeriesTable::new(words)? })
    }

    /// What tells it from other parts, and from those of other zones.
    pub(crate) fn address(&self) -> usize {
        self.head.as_ptr().addr()
    }

    /// How often something was counted for which there was no room.
    pub(crate) fn other(&self) -> &'z AtomicU64 {
        let [other, ..] = self.head else { return &ZERO };
        other
    }

    /// How many requests needed more than one attempt.
    pub(crate) fn failovers(&self) -> &'z AtomicU64 {
        let [_, failovers, ..] = self.head else { return &ZERO };
        failovers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(words: usize) -> Vec<AtomicU64> {
        (0..words).map(|_| AtomicU64::new(0)).collect()
    }

    #[test]
    fn memory_that_is_too_small_is_none() {
        assert!(StatusZone::new(&memory(StatusZone::LEAST - 1)).is_none());
        let least = memory(StatusZone::LEAST);
        let zone = StatusZone::new(&least).expect("enough");
        assert!(zone.claim(1, |_| true).is_none(), "not begun");
        zone.begin(8, 5);
        assert_eq!((zone.count(), zone.since()), (1, 5));
        assert!(zone.part(zone.claim(1, |_| true).expect("a place")).is_some());
    }

    #[test]
    fn each_worker_has_a_part_and_what_was_divided_stays() {
        let memory = memory(StatusZone::LEAST + 3 * LEAST);
        let zone = StatusZone::new(&memory).expect("enough");
        zone.begin(4, 5);
        zone.begin(2, 6);
        assert_eq!((zone.count(), zone.since()), (4, 5));
        let places: Vec<_> = (1..6).map(|id| zone.claim(id, |_| true).expect("room")).collect();
        let parts: Vec<_> = places.iter().map(|place| place.part).collect();
        assert_eq!(parts, [0, LEAST, 2 * LEAST, 3 * LEAST, 0]);
        assert_eq!(zone.claim(3, |_| true), Some(places[2]));
    }

    #[test]
    fn a_dead_workers_figures_are_gone_and_its_place_is_free() {
        let memory = memory(StatusZone::LEAST);
        let zone = StatusZone::new(&memory).expect("enough");
        zone.begin(1, 5);
        let place = zone.claim(7, |_| true).expect("room");
        zone.show(place, Gauge::Uploads, 3);
        zone.show(place, Gauge::ChunkMemory, 4096);
        assert_eq!(zone.sums(|_| true), (1, 3, 4096));
        assert_eq!(zone.sums(|process| process != 7), (0, 0, 0));
        let heir = zone.claim(8, |process| process != 7).expect("room");
        assert_eq!(heir.worker, place.worker);
        assert_eq!(zone.sums(|_| true), (1, 0, 0));
        assert!(!zone.is_held(place));
        zone.release(place);
        assert!(zone.is_held(heir), "of another process");
        zone.release(heir);
        assert_eq!(zone.sums(|_| true), (0, 0, 0));
    }

    #[test]
    fn more_workers_than_places_have_none() {
        let memory = memory(StatusZone::LEAST);
        let zone = StatusZone::new(&memory).expect("enough");
        zone.begin(1, 5);
        let claimed = (1..=WORKERS as u32).all(|id| zone.claim(id, |_| true).is_some());
        assert!(claimed);
        assert!(zone.claim(1000, |_| true).is_none());
    }

    #[test]
    fn what_was_counted_in_one_zone_is_nothing_in_another() {
        use crate::counting::{Counted, OriginPlace};
        use crate::report::StatusReport;

        let (one, other) = (memory(StatusZone::LEAST), memory(StatusZone::LEAST));
        let counted = |memory| {
            let zone = StatusZone::new(memory).expect("enough");
            zone.begin(1, 5);
            (zone, Counted::new(zone, zone.claim(1, |_| true).expect("room")).expect("a part"))
        };
        let ((zone, counted_in_one), (_, counted_in_other)) = (counted(&one), counted(&other));
        let place = OriginPlace { upstream: b"s3", origin: b"a", address: b"192.0.2.1:443" };
        let series = counted_in_one.attempt(&place).expect("room");
        counted_in_other.failure(series);
        counted_in_other.response(series, 200);
        assert!(other.iter().skip(HEAD + WORKERS * WORKER).all(|word| word.load(Relaxed) == 0));
        counted_in_one.failure(series);
        counted_in_one.response(series, 200);
        let report = StatusReport::of_zone(zone, |_| true);
        let [origin] = report.origins.as_slice() else { panic!("one origin") };
        assert_eq!((origin.attempts, origin.failures), (1, 1));
        assert_eq!(origin.responses.get(&200), Some(&1));
    }
}
