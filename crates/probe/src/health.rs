//! Whether an origin is up: after how many answers it is thought otherwise.

use crate::ProbeParameters;

/// What is known of an origin. It fits a word of shared memory, and zero is "never asked", which counts as up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Health {
    down: bool,
    asked: bool,
    /// Answers in a row that speak against the state.
    streak: u8,
    /// Since when the state is what it is, in milliseconds.
    since: u64,
}

/// A change of state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// It is down from now on.
    Down,
    /// It is up again after so many milliseconds.
    Up(u64),
}

/// Bits of `since`: enough for 8,900 years.
const SINCE_BITS: u32 = 48;
const SINCE: u64 = (1 << SINCE_BITS) - 1;
const DOWN: u64 = 1 << 63;
const ASKED: u64 = 1 << 62;

impl Health {
    /// From shared memory.
    pub fn from_word(word: u64) -> Self {
        let streak = u8::try_from(word >> SINCE_BITS & 0xff).unwrap_or_default();
        Self { down: word & DOWN != 0, asked: word & ASKED != 0, streak, since: word & SINCE }
    }

    /// For shared memory.
    pub fn word(self) -> u64 {
        let flags = if self.down { DOWN } else { 0 } | if self.asked { ASKED } else { 0 };
        flags | u64::from(self.streak) << SINCE_BITS | self.since & SINCE
    }

    /// Whether it should not be picked.
    pub fn is_down(self) -> bool {
        self.down
    }

    /// Whether it was ever asked.
    pub fn was_asked(self) -> bool {
        self.asked
    }

    /// Whether the last answer spoke against the state.
    pub fn is_in_doubt(self) -> bool {
        self.streak > 0
    }

    /// Since when it is up or down, in milliseconds.
    pub fn since(self) -> u64 {
        self.since
    }

    /// What is known after an answer at `now`, and whether that is a change. The first answer decides by itself: nothing is
    /// known that would speak against it.
    pub fn after(
        self,
        in_order: bool,
        now: u64,
        limits: &ProbeParameters,
    ) -> (Self, Option<Change>) {
        if !self.asked {
            let known = Self { down: !in_order, asked: true, streak: 0, since: now };
            return (known, (!in_order).then_some(Change::Down));
        }
        if in_order != self.down {
            return (Self { streak: 0, ..self }, None);
        }
        let streak = self.streak.saturating_add(1);
        let limit = if self.down { limits.rise } else { limits.fall };
        if streak < limit {
            return (Self { streak, ..self }, None);
        }
        let change = match self.down {
            true => Change::Up(now.saturating_sub(self.since)),
            false => Change::Down,
        };
        (Self { down: !self.down, streak: 0, since: now, ..self }, Some(change))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(fall: u8, rise: u8) -> ProbeParameters {
        ProbeParameters { fall, rise, ..ProbeParameters::default() }
    }

    fn run(limits: &ProbeParameters, answers: &str) -> (Health, String) {
        let mut health = Health::default();
        let mut seen = String::new();
        for (now, answer) in (1000..).step_by(10).zip(answers.chars()) {
            let (next, change) = health.after(answer == '+', now, limits);
            seen.push(match change {
                None => '.',
                Some(Change::Down) => 'D',
                Some(Change::Up(_)) => 'U',
            });
            assert_eq!(Health::from_word(next.word()), next);
            health = next;
        }
        (health, seen)
    }

    #[test]
    fn never_asked_counts_as_up() {
        let new = Health::from_word(0);
        assert!(!new.is_down() && !new.was_asked() && !new.is_in_doubt());
    }

    #[test]
    fn as_many_as_configured_in_a_row() {
        assert_eq!(run(&limits(2, 2), "+-+--+-++--").1, "....D...U.D");
        assert_eq!(run(&limits(1, 1), "-+-+").1, "DUDU");
        assert_eq!(run(&limits(3, 1), "+--+---+").1, "......DU");
    }

    #[test]
    fn the_first_answer_decides() {
        assert_eq!(run(&limits(3, 3), "-").1, "D");
        assert_eq!(run(&limits(3, 3), "+").1, ".");
        assert!(run(&limits(3, 3), "-").0.is_down());
    }

    #[test]
    fn doubt_and_since() {
        let (health, _) = run(&limits(2, 2), "+-");
        assert!(health.is_in_doubt() && !health.is_down() && health.since() == 1000);
        let (health, _) = run(&limits(2, 2), "+--");
        assert!(!health.is_in_doubt() && health.is_down() && health.since() == 1020);
        let (_, change) = health.after(true, 3000, &limits(2, 1));
        assert_eq!(change, Some(Change::Up(1980)));
    }
}
