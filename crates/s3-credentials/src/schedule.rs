//! When to ask again.

use std::time::Duration;

/// Credentials that do not end are asked for as often: a profile may have others by then.
const WITHOUT_END: Duration = Duration::from_secs(3600);
/// The shortest pause, also where the source gives the same ones until the last moment.
const SHORTEST: Duration = Duration::from_secs(1);
/// The longest pause between failures.
const LONGEST: Duration = Duration::from_secs(60);

/// The pause after credentials that are good for `left`: a third of that remains for attempts that fail, and a little more, so that
/// many machines do not ask at once. `random` is from 0 to 1.
pub(crate) fn after_success(left: Option<Duration>, random: f64) -> Duration {
    let Some(left) = left else { return WITHOUT_END };
    left.mul_f64(2.0 / 3.0 - random / 10.0).clamp(SHORTEST, WITHOUT_END)
}

/// The pause after `failures` in a row, with `left` of the old ones: twice as long each time, half of it by chance, and never so long that
/// fewer than some attempts are left.
pub(crate) fn after_failure(failures: u32, left: Option<Duration>, random: f64) -> Duration {
    let most = left.map_or(LONGEST, |left| (left / 5).clamp(SHORTEST, LONGEST));
    let doubled = SHORTEST.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX));
    doubled.min(most).mul_f64(0.5 + random / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn well_before_the_end() {
        for random in [0.0, 0.5, 1.0] {
            for (left, from, to) in
                [(20, 11, 14), (3600, 2040, 2400), (6 * 3600, 3600, 3600), (1, 1, 1), (0, 1, 1)]
            {
                let pause = after_success(Some(seconds(left)), random);
                assert!(pause >= seconds(from) && pause <= seconds(to), "{left}: {pause:?}");
            }
        }
        assert_eq!(after_success(None, 0.0), seconds(3600));
    }

    #[test]
    fn failures_are_farther_and_farther_apart() {
        let pauses: Vec<_> = (1..10).map(|n| after_failure(n, None, 1.0).as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 32, 60, 60, 60, 60]);
        assert_eq!(after_failure(3, None, 0.0), seconds(4));
        assert_eq!(after_failure(u32::MAX, None, 1.0), seconds(60));
        assert_eq!(after_failure(9, Some(seconds(20)), 1.0), seconds(4));
        assert_eq!(after_failure(9, Some(seconds(0)), 1.0), seconds(1));
    }
}
