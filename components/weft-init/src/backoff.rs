//! How long to wait before a service that ended is started again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// A service that ran this long is taken for healthy: its next end counts as the first again.
pub const HEALTHY_AFTER: Duration = Duration::from_secs(30);

/// Waiting time before the start that follows `failures` ends in a row: it doubles from 100 ms to 10 s and stays there, because an
/// appliance never gives up.
pub fn delay(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    FIRST.saturating_mul(1 << doublings).min(LONGEST)
}

/// Ends in a row, counting one that came after the service had run for `ran`.
pub fn count(failures: u32, ran: Duration) -> u32 {
    if ran >= HEALTHY_AFTER { 1 } else { failures.saturating_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn doubles_up_to_ten_seconds() {
        let delays: Vec<u128> = (1..=9).map(|failures| delay(failures).as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
    }

    #[test]
    fn a_healthy_run_starts_over() {
        assert_eq!(count(7, Duration::from_secs(29)), 8);
        assert_eq!(count(7, HEALTHY_AFTER), 1);
    }

    proptest! {
        #[test]
        fn never_shrinks_and_never_exceeds_the_limit(failures in any::<u32>()) {
            prop_assert!(delay(failures) <= delay(failures.saturating_add(1)));
            prop_assert!(delay(failures) >= FIRST && delay(failures) <= LONGEST);
        }
    }
}
