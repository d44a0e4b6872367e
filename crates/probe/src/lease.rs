//! Which of several processes probes: the one that holds the lease.
//!
//! A lease is a word in shared memory that is changed by compare-and-exchange. It ends by itself, so that a process that is
//! killed or stopped is replaced, and one that wakes up sees that it lost it.

/// For how long a lease is taken, in milliseconds. Its holder takes it anew with each tick.
const LENGTH: u64 = 1000;
/// Bits of a process id: Linux has none above 2^22.
const HOLDER_BITS: u32 = 22;
const HOLDER: u64 = (1 << HOLDER_BITS) - 1;

/// The word: who holds the lease, and until when. Zero is nobody.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Lease(u64);

impl Lease {
    /// From shared memory.
    pub fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// For shared memory.
    pub fn word(self) -> u64 {
        self.0
    }

    /// What to exchange it for so that `process` holds the lease at `now`; none while somebody else does.
    pub fn claim(self, process: u32, now: u64) -> Option<Self> {
        let process = u64::from(process) & HOLDER;
        if self.holder() != process && self.is_running(now) {
            return None;
        }
        let until = now.saturating_add(LENGTH);
        Some(Self(until.checked_shl(HOLDER_BITS)? | process))
    }

    /// Whether `process` holds it at `now`.
    pub fn is_held(self, process: u32, now: u64) -> bool {
        self.holder() == u64::from(process) & HOLDER && self.is_running(now)
    }

    fn holder(self) -> u64 {
        self.0 & HOLDER
    }

    /// A time that nobody can have set is another clock's.
    fn is_running(self, now: u64) -> bool {
        let until = self.0 >> HOLDER_BITS;
        until > now && until <= now.saturating_add(LENGTH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time() {
        let free = Lease::default();
        assert!(!free.is_held(7, 0));
        let mine = free.claim(7, 5000).unwrap();
        assert!(mine.is_held(7, 5000) && mine.is_held(7, 5999) && !mine.is_held(7, 6000));
        assert!(!mine.is_held(8, 5000));
        assert_eq!(mine.claim(8, 5999), None);
        assert!(mine.claim(8, 6000).unwrap().is_held(8, 6999));
        assert!(mine.claim(7, 5500).unwrap().is_held(7, 6499));
    }

    #[test]
    fn another_clocks_lease_does_not_last() {
        let far = Lease::default().claim(7, 1 << 30).unwrap();
        assert!(far.claim(8, 1000).unwrap().is_held(8, 1000));
        assert_eq!(Lease::from_word(far.word()), far);
    }

    #[test]
    fn the_largest_process_id() {
        let most = (1 << 22) - 1;
        assert!(Lease::default().claim(most, 1).unwrap().is_held(most, 1));
    }
}
