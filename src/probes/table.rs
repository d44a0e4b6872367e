//! What all workers know of the origins: words of shared memory, which outlive a reload.
//!
//! The holder of the lease writes, the others read, but for the time of a refusal; each word alone is whole, and none points anywhere. Two that are read
//! one after the other may be of two answers, which harms nobody: the state is one word.

use std::hash::{DefaultHasher, Hasher};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use nginx::{Conf, ConfError, Cycle, shared_memory};
use probe::{Health, Lease};

use crate::S3Signature;

/// Peers that are known at once; more are not probed.
const SLOTS: usize = 256;
/// Words of a reason.
const REASON: usize = 8;
/// Words of a slot: its key, the peer's health, when it answered last, when it last refused our key, why it is down.
const SLOT: usize = 4 + REASON;
const WORDS: usize = 1 + SLOTS * SLOT;

/// A slot whose peer was not asked for so long, in milliseconds, is anybody's.
const FORGOTTEN: u64 = 60_000;

pub(crate) type Zone = shared_memory::Zone<S3Signature, WORDS>;

/// Asks for the memory.
///
/// # Errors
///
/// As [`shared_memory::Zone::add`].
pub(crate) fn add_zone(cf: &mut Conf<'_>) -> Result<Zone, ConfError> {
    Zone::add(cf, "s3_probe")
}

/// What a peer is known by, over reloads and in all processes: its upstream, its `server` line and its address. Never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key(u64);

impl Key {
    pub(super) fn of(upstream: &[u8], server: &[u8], address: &[u8]) -> Self {
        // The same in each process, since it begins with fixed keys.
        let mut hasher = DefaultHasher::new();
        for part in [upstream, server, address] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        Key(hasher.finish().max(1))
    }
}

/// The words, with a meaning.
#[derive(Clone, Copy)]
pub(super) struct Table<'z>(&'z shared_memory::Words<WORDS>);

/// What is known of one peer.
#[derive(Clone, Copy)]
pub(super) struct Slot<'z> {
    key: &'z AtomicU64,
    health: &'z AtomicU64,
    asked_at: &'z AtomicU64,
    refused_at: &'z AtomicU64,
    reason: &'z [AtomicU64],
}

impl<'z> Table<'z> {
    /// None before nginx has mapped the memory.
    pub(super) fn of(cycle: &Cycle<'z>, zone: &Zone) -> Option<Self> {
        zone.words(cycle).map(Table)
    }

    fn lease(self) -> &'z AtomicU64 {
        let [lease, ..] = self.0;
        lease
    }

    /// Takes the lease, or takes it anew. False where another process holds it.
    pub(super) fn claim(self, process: u32, now: u64) -> bool {
        let word = self.lease().load(Acquire);
        let claimed = Lease::from_word(word).claim(process, now);
        claimed.is_some_and(|lease| {
            self.lease().compare_exchange(word, lease.word(), AcqRel, Relaxed).is_ok()
        })
    }

    pub(super) fn is_held(self, process: u32, now: u64) -> bool {
        Lease::from_word(self.lease().load(Acquire)).is_held(process, now)
    }

    /// Gives the lease back, if it is this process's.
    pub(super) fn release(self, process: u32, now: u64) {
        let word = self.lease().load(Acquire);
        if Lease::from_word(word).is_held(process, now) {
            // Who lost it in this moment has nothing to give back.
            let _ = self.lease().compare_exchange(word, 0, AcqRel, Relaxed);
        }
    }

    fn slots(self) -> impl Iterator<Item = Slot<'z>> {
        let [_, slots @ ..] = self.0;
        slots.chunks_exact(SLOT).filter_map(|words| {
            let [key, health, asked_at, refused_at, reason @ ..] = words else { return None };
            Some(Slot { key, health, asked_at, refused_at, reason })
        })
    }

    /// All slots, beginning with where this key's would be if each had a place of its own.
    fn slots_from(self, key: Key) -> impl Iterator<Item = Slot<'z>> {
        let home = usize::try_from(key.0 % SLOTS as u64).unwrap_or(0);
        self.slots().skip(home).chain(self.slots().take(home))
    }

    /// The peer's slot, if it was ever asked.
    pub(super) fn slot(self, key: Key) -> Option<Slot<'z>> {
        self.slots_from(key).find(|slot| slot.key.load(Acquire) == key.0)
    }

    /// The peer's slot; a new one if it has none. None where there is no room.
    pub(super) fn slot_or_new(self, key: Key, now: u64) -> Option<Slot<'z>> {
        if let Some(slot) = self.slot(key) {
            return Some(slot);
        }
        let is_forgotten = |slot: &Slot<'_>| now.saturating_sub(slot.asked_at()) > FORGOTTEN;
        let free = self.slots_from(key).find(|slot| slot.key.load(Acquire) == 0);
        let slot = free.or_else(|| self.slots_from(key).find(is_forgotten))?;
        slot.key.store(0, Release);
        slot.note(Health::default(), now, "");
        slot.forget_refusal();
        slot.key.store(key.0, Release);
        Some(slot)
    }
}

impl Slot<'_> {
    pub(super) fn health(self) -> Health {
        Health::from_word(self.health.load(Acquire))
    }

    /// When it answered last, or should have, in milliseconds.
    pub(super) fn asked_at(self) -> u64 {
        self.asked_at.load(Acquire)
    }

    /// Notes that our key was refused there, in words. By whoever got the answer, not the holder of the lease alone.
    pub(super) fn note_refusal(self, now: u64) {
        self.refused_at.store(now.max(1), Release);
    }

    /// Notes that our key was taken.
    pub(super) fn forget_refusal(self) {
        self.refused_at.store(0, Release);
    }

    /// When our key was last refused there, in milliseconds; none where it was taken since.
    pub(super) fn refused_at(self) -> Option<u64> {
        Some(self.refused_at.load(Acquire)).filter(|at| *at != 0)
    }

    /// Why its last answer was none that counts; empty if it was.
    pub(super) fn reason(self) -> String {
        let bytes = self.reason.iter().flat_map(|word| word.load(Acquire).to_le_bytes());
        bytes.take_while(|byte| *byte != 0).map(char::from).collect()
    }

    /// Notes an answer. Of the reason as much is kept as there is room for, and nothing that a log or JSON would have to escape.
    pub(super) fn note(self, health: Health, now: u64, reason: &str) {
        let plain = |byte: u8| match byte {
            b'"' | b'\\' => b'\'',
            b' '..=b'~' => byte,
            _ => b'?',
        };
        let mut bytes = reason.bytes().map(plain);
        for word in self.reason {
            let bytes = std::array::from_fn(|_| bytes.next().unwrap_or(0));
            word.store(u64::from_le_bytes(bytes), Release);
        }
        self.asked_at.store(now, Release);
        self.health.store(health.word(), Release);
    }
}
