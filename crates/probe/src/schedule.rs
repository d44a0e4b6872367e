//! When an origin is asked.

use crate::{Health, ProbeParameters};

/// The questions that one process has asked one origin.
#[derive(Clone, Debug, Default)]
pub struct Schedule {
    /// When those were asked that have no answer yet, the oldest first.
    waiting: Vec<u64>,
    last: Option<u64>,
}

impl Schedule {
    /// Whether to ask at `now`.
    ///
    /// Once each interval, and not while a question is open; but twice as often while there is doubt, which begins when an
    /// answer takes half of its time: an origin that hangs is then found out after an interval, a timeout and half of one
    /// at the latest (with `fall=2`).
    pub fn is_due(&self, now: u64, health: Health, parameters: &ProbeParameters) -> bool {
        let Some(last) = self.last else { return true };
        let limit = if health.is_down() { parameters.rise } else { parameters.fall };
        if self.waiting.len() >= usize::from(limit) {
            return false;
        }
        let is_late = self.waiting.first().is_some_and(|asked| {
            !health.is_down() && now.saturating_sub(*asked) >= parameters.timeout / 2
        });
        if !self.waiting.is_empty() && !is_late {
            return false;
        }
        let hurried = is_late || health.is_in_doubt();
        let pause = if hurried { parameters.interval / 2 } else { parameters.interval };
        now.saturating_sub(last) >= pause
    }

    /// A question was asked.
    pub fn asked(&mut self, now: u64) {
        self.last = Some(now);
        self.waiting.push(now);
    }

    /// The question of `asked` has its answer, or will have none.
    pub fn answered(&mut self, asked: u64) {
        if let Some(place) = self.waiting.iter().position(|waiting| *waiting == asked) {
            self.waiting.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays an origin whose answers take `answer` milliseconds (none: never) from `since` on, a tick every 50; gives when
    /// questions were asked.
    fn play(health: Health, answer: Option<u64>, until: u64) -> Vec<u64> {
        let parameters = ProbeParameters::default();
        let mut schedule = Schedule::default();
        let mut asked = Vec::new();
        for now in (0..until).step_by(50) {
            let open: Vec<u64> = schedule.waiting.clone();
            for start in open {
                if now - start >= answer.unwrap_or(parameters.timeout) {
                    schedule.answered(start);
                }
            }
            if schedule.is_due(now, health, &parameters) {
                schedule.asked(now);
                asked.push(now);
            }
        }
        asked
    }

    #[test]
    fn each_interval() {
        assert_eq!(play(Health::default(), Some(10), 2000), [0, 500, 1000, 1500]);
    }

    #[test]
    fn a_slow_answer_is_asked_after() {
        assert_eq!(play(Health::default(), None, 1000), [0, 250, 500, 750]);
        // Half of the timeout is not over.
        assert_eq!(play(Health::default(), Some(200), 1000), [0, 500]);
    }

    #[test]
    fn a_down_origin_is_not_hurried_while_it_hangs() {
        let parameters = ProbeParameters { fall: 1, ..ProbeParameters::default() };
        let (down, _) = Health::default().after(false, 0, &parameters);
        assert_eq!(play(down, None, 1500), [0, 500, 1000]);
        let (rising, _) = down.after(true, 0, &ProbeParameters::default());
        assert_eq!(play(rising, Some(10), 600), [0, 250, 500]);
    }
}
