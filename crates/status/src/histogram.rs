//! How long something took, in buckets.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// What is timed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Timing {
    /// From the connection to an origin to the head of its answer.
    FirstByte,
    /// From the first byte of a request to the last of its answer.
    Request,
    /// Signing for an origin.
    Sign,
    /// Verifying a signature, and what it grants.
    Verify,
}

/// Upper bounds in nanoseconds: of what a network is part of, from a millisecond, which is what nginx's clock shows, to a minute;
const REQUEST: [u64; BOUNDS] = [
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
];
/// of a calculation, from two microseconds to 50 milliseconds.
const CALCULATION: [u64; BOUNDS] = [
    2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 50_000, 75_000, 100_000, 250_000, 500_000,
    1_000_000, 5_000_000, 10_000_000, 50_000_000,
];
const BOUNDS: usize = 15;

impl Timing {
    pub(crate) const ALL: [Timing; 4] =
        [Timing::FirstByte, Timing::Request, Timing::Sign, Timing::Verify];

    /// The upper bounds, in nanoseconds.
    pub(crate) fn bounds(self) -> &'static [u64; BOUNDS] {
        match self {
            Timing::FirstByte | Timing::Request => &REQUEST,
            Timing::Sign | Timing::Verify => &CALCULATION,
        }
    }
}

/// The sum, a counter for each bucket, and one for what is longer.
const WORDS: usize = BOUNDS + 2;

/// Words of all histograms.
pub(crate) const ALL_WORDS: usize = WORDS * Timing::ALL.len();

/// The words of one of the histograms that lie in `words`.
fn words(all: &[AtomicU64], timing: Timing) -> Option<(&AtomicU64, &[AtomicU64])> {
    let start = WORDS.checked_mul(timing as usize)?;
    all.get(start..start.checked_add(WORDS)?)?.split_first()
}

/// Counts a time in nanoseconds.
pub(crate) fn observe(all: &[AtomicU64], timing: Timing, time: u64) {
    let bucket = timing.bounds().partition_point(|bound| *bound < time);
    if let Some((sum, counts)) = words(all, timing) {
        sum.fetch_add(time, Relaxed);
        if let Some(count) = counts.get(bucket) {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// What was observed of one timing: the sum in nanoseconds, and how often each bucket was met, the one without bound last.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Observed {
    pub(crate) sum: u64,
    pub(crate) counts: [u64; BOUNDS + 1],
}

impl Observed {
    /// Adds what lies in memory.
    pub(crate) fn add(&mut self, all: &[AtomicU64], timing: Timing) {
        let Some((sum, counts)) = words(all, timing) else { return };
        self.sum = self.sum.wrapping_add(sum.load(Relaxed));
        for (total, count) in self.counts.iter_mut().zip(counts) {
            *total = total.wrapping_add(count.load(Relaxed));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        for timing in Timing::ALL {
            let all: Vec<_> = (0..ALL_WORDS).map(|_| AtomicU64::new(0)).collect();
            let bounds = timing.bounds();
            assert!(bounds.is_sorted());
            for bound in bounds {
                observe(&all, timing, *bound);
                observe(&all, timing, bound + 1);
            }
            let mut observed = Observed::default();
            observed.add(&all, timing);
            let mut expected = [2; BOUNDS + 1];
            expected[0] = 1;
            expected[BOUNDS] = 1;
            assert_eq!(observed.counts, expected);
            assert_eq!(observed.sum, 2 * bounds.iter().sum::<u64>() + BOUNDS as u64);
            for other in Timing::ALL.into_iter().filter(|other| *other != timing) {
                let mut observed = Observed::default();
                observed.add(&all, other);
                assert_eq!(observed.sum, 0);
            }
        }
    }
}
