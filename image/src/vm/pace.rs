//! How fast this machine is just now, so that time limits mean the same on a slow or busy one.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// What one round takes on the machine that the limits were written on (two idle cores, QEMU TCG).
const REFERENCE: Duration = Duration::from_millis(60);
const ROUNDS: usize = 3;
const MOST: f64 = 10.0;

/// A factor of at least 1 on every time limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace(f64);

impl Pace {
    /// Measures; takes a fifth of a second on the reference machine. Both cores work, as they will with a virtual machine.
    pub fn measure() -> Pace {
        let other = std::thread::spawn(slowest_round);
        let here = slowest_round();
        // The other thread only computes; were it to fail, this core's own figure is as good.
        let there = other.join().unwrap_or(here);
        Pace::from_round(here.max(there))
    }

    fn from_round(round: Duration) -> Pace {
        Pace((round.as_secs_f64() / REFERENCE.as_secs_f64()).clamp(1.0, MOST))
    }

    /// The same, or slower.
    pub fn at_least(self, factor: f64) -> Pace {
        Pace(self.0.max(factor))
    }

    pub fn factor(self) -> f64 {
        self.0
    }

    /// A limit that takes so many seconds on the reference machine.
    pub fn limit(self, seconds: u64) -> Duration {
        Duration::from_secs(seconds).mul_f64(self.0)
    }
}

fn slowest_round() -> Duration {
    // Validation of UTF-8 sits in the standard library, so it runs optimised in every build profile.
    let text = "ä€𝄞ö".repeat(4_000_000).into_bytes();
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(std::str::from_utf8(black_box(&text)).is_ok());
            start.elapsed()
        })
        .max()
        .unwrap_or(REFERENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_machine_gets_more_time_and_a_fast_one_no_less() {
        assert_eq!(Pace::from_round(REFERENCE / 4).limit(10), Duration::from_secs(10));
        assert_eq!(Pace::from_round(REFERENCE * 3).limit(10), Duration::from_secs(30));
        assert_eq!(Pace::from_round(REFERENCE * 1000).factor(), MOST);
    }
}
