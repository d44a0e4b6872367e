//! Derived signing keys that are kept from request to request, for all threads, without a lock.
//!
//! A slot is a sequence lock made of atomics: whoever reads while somebody writes finds out and derives the key anew, and
//! whoever writes while somebody else does leaves it to them. Nobody ever waits.

use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering, fence};

use zeroize::Zeroize as _;

use crate::Timestamp;
use crate::canonical::sha256::MacKey;
use crate::keys::credential_scope::CredentialScope;
use crate::keys::signing_key::SigningKey;

/// How many derived keys one credential keeps.
const SLOTS: usize = 4;
/// A request may be at most a week old (presigned) and is dated at most a skew ahead: keys outside this are not kept.
const KEPT_DAYS: i64 = 8;
/// Longer region names are not kept; real ones have about a dozen bytes.
const MAX_KEPT_REGION: usize = REGION_WORDS * 8;
const REGION_WORDS: usize = 8;

/// What a kept key is for: the date, the number of the credential's secret, the region; or the date and the time of day.
///
/// The service is no part of it: one cache serves one service.
#[derive(Clone, Copy)]
pub(crate) struct KeyLabel<'a> {
    date: u64,
    secret: usize,
    region: &'a [u8],
}

impl<'a> KeyLabel<'a> {
    pub(crate) fn new(date: &[u8; 8], secret: usize, region: &'a [u8]) -> Self {
        Self { date: u64::from_be_bytes(*date), secret, region }
    }

    /// Of a key that is good for one second.
    #[inline]
    pub(crate) fn of_second(now: &'a Timestamp) -> Self {
        Self::new(now.date(), 0, now.as_bytes().get(8..).unwrap_or_default())
    }

    /// The secret and the length of the region, both small numbers, as one.
    #[inline]
    fn numbers(&self) -> u64 {
        let number = self.secret.wrapping_shl(16).wrapping_add(self.region.len());
        u64::try_from(number).unwrap_or(u64::MAX)
    }

    /// The region as numbers.
    #[inline]
    fn region(&self) -> impl Iterator<Item = u64> + use<'a> {
        self.region.chunks(8).map(|part| match part.try_into() {
            Ok(whole) => u64::from_ne_bytes(whole),
            Err(_) => part.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)),
        })
    }
}

/// Room for one key.
#[derive(Default)]
pub(crate) struct KeySlot {
    /// Even: the rest belongs together. Odd: it is being written. It counts, so that who has read in between finds out.
    version: AtomicU64,
    /// Of no key at first: no date is zero.
    date: AtomicU64,
    numbers: AtomicU64,
    region: [AtomicU64; REGION_WORDS],
    words: [AtomicU64; MacKey::WORDS],
}

impl KeySlot {
    /// The key, if it is the one for this label.
    #[inline]
    pub(crate) fn get(&self, label: &KeyLabel<'_>) -> Option<MacKey> {
        // Acquire: what is read below is at least what was written before this version.
        let version = self.version.load(Ordering::Acquire);
        if version & 1 == 1
            || self.date.load(Ordering::Relaxed) != label.date
            // The length of the region is in it, so that one which does not fit into a slot is not found.
            || self.numbers.load(Ordering::Relaxed) != label.numbers()
            || !self.region.iter().zip(label.region()).all(|(own, word)| own.load(Ordering::Relaxed) == word)
        {
            return None;
        }
        let words = self.words.each_ref().map(|word| word.load(Ordering::Relaxed));
        // If one of these words is of a later writer, so is the version that is read behind the fence.
        fence(Ordering::Acquire);
        let is_whole = self.version.load(Ordering::Relaxed) == version;
        is_whole.then(|| MacKey::from_words(words))
    }

    /// Keeps a key in the place of another, unless some other thread is about to.
    pub(crate) fn set(&self, label: &KeyLabel<'_>, key: &MacKey) {
        let version = self.version.load(Ordering::Relaxed);
        let odd = version.wrapping_add(1);
        if label.region.len() > MAX_KEPT_REGION
            || version & 1 == 1
            || self
                .version
                .compare_exchange(version, odd, Ordering::Acquire, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        // Who sees one of the words below sees the odd version, too.
        fence(Ordering::Release);
        self.date.store(label.date, Ordering::Relaxed);
        self.numbers.store(label.numbers(), Ordering::Relaxed);
        let region = self.region.iter().zip(label.region());
        region.for_each(|(own, word)| own.store(word, Ordering::Relaxed));
        let words = key.to_words();
        self.words.iter().zip(*words).for_each(|(own, word)| own.store(word, Ordering::Relaxed));
        self.version.store(odd.wrapping_add(1), Ordering::Release);
    }
}

impl Drop for KeySlot {
    fn drop(&mut self) {
        self.words.iter_mut().for_each(|word| word.get_mut().zeroize());
    }
}

/// A few derived keys of one credential.
///
/// Keys enter only after they have verified a signature, so that nobody without the secret can fill it; it
/// belongs to its credential and goes with it, so that a rotated secret leaves nothing behind.
#[derive(Default)]
pub(crate) struct SigningKeyCache {
    /// Made for the first key: most clients of a large keyring are not here today.
    slots: OnceLock<Box<[KeySlot; SLOTS]>>,
    /// Where the next key goes.
    next: AtomicUsize,
}

impl SigningKeyCache {
    /// The kept key of the credential's secret number `secret` for a scope.
    pub(crate) fn get(&self, secret: usize, scope: &CredentialScope<'_>) -> Option<SigningKey> {
        let label = KeyLabel::new(scope.date.try_into().ok()?, secret, scope.region);
        self.slots.get()?.iter().find_map(|slot| slot.get(&label)).map(SigningKey)
    }

    /// Keeps a key, in place of the one that was kept longest.
    pub(crate) fn keep(
        &self,
        secret: usize,
        scope: &CredentialScope<'_>,
        date: Timestamp,
        now: Timestamp,
        key: &SigningKey,
    ) {
        let days = date.unix().abs_diff(now.unix()).div_euclid(86_400);
        let Ok(day) = scope.date.try_into() else { return };
        // Another thread may have kept it since this one has looked.
        if i64::try_from(days).unwrap_or(i64::MAX) > KEPT_DAYS
            || scope.region.len() > MAX_KEPT_REGION
            || self.get(secret, scope).is_some()
        {
            return;
        }
        let slots = self.slots.get_or_init(Box::default);
        let next = self.next.fetch_add(1, Ordering::Relaxed).wrapping_rem(SLOTS);
        if let Some(slot) = slots.get(next) {
            slot.set(&KeyLabel::new(day, secret, scope.region), &key.0);
        }
    }

    /// How many keys are kept: never more than a constant.
    pub(crate) fn len(&self) -> usize {
        let is_used = |slot: &&KeySlot| slot.version.load(Ordering::Relaxed) > 0;
        self.slots.get().map_or(0, |slots| slots.iter().filter(is_used).count())
    }
}

impl fmt::Debug for SigningKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeyCache({} keys)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    fn key(number: usize) -> MacKey {
        SigningKey::derive(&Secret::new(number.to_string()), [b"d", b"r", b"s"]).0
    }

    #[test]
    fn labels_are_told_apart() {
        let slot = KeySlot::default();
        let dates = [b"20260314", b"20260315"];
        let long = [b'r'; MAX_KEPT_REGION];
        let regions: [&[u8]; 6] = [b"", b"r", b"r\0", b"eu-west-1", b"eu-west-2", &long];
        let mut labels = Vec::new();
        for date in dates {
            for secret in [0, 1] {
                labels.extend(regions.iter().map(|region| KeyLabel::new(date, secret, region)));
            }
        }
        assert!(labels.iter().all(|label| slot.get(label).is_none()));
        for (number, label) in labels.iter().enumerate() {
            slot.set(label, &key(number));
            for (other, label) in labels.iter().enumerate() {
                let found = slot.get(label).map(|key| *key.to_words());
                assert_eq!(found, (other == number).then(|| *key(number).to_words()));
            }
        }
        let too_long = [b'r'; MAX_KEPT_REGION + 1];
        let label = KeyLabel::new(dates[0], 0, &too_long);
        slot.set(&label, &key(0));
        assert!(slot.get(&label).is_none());
    }

    /// Threads that write and read one slot: whoever gets a key gets that of their label, and whole.
    #[test]
    fn nobody_reads_half_a_key() {
        let slot = KeySlot::default();
        let (slot, rounds) = (&slot, 20_000);
        std::thread::scope(|scope| {
            for number in 0..4 {
                scope.spawn(move || {
                    let (own, other) = (number.to_string(), ((number + 1) % 4).to_string());
                    let [own, other] = [&own, &other].map(|region| KeyLabel {
                        region: region.as_bytes(),
                        ..KeyLabel::new(b"20260315", 0, b"")
                    });
                    let (key, theirs) = (key(number), *key((number + 1) % 4).to_words());
                    for _ in 0..rounds {
                        slot.set(&own, &key);
                        for (label, words) in [(&own, *key.to_words()), (&other, theirs)] {
                            let found = slot.get(label).map(|key| *key.to_words());
                            assert!(found.is_none_or(|found| found == words));
                        }
                    }
                });
            }
        });
    }
}
