//! The trial of a release: whoever watches says in time that it works, or PID 1 gives it up.

use std::time::Duration;
use weft_state::health::{GRACE, Limits};

/// What is decided about the release that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verdict {
    /// Until this time.
    Open { until: Duration },
    /// It works, or nothing is to be decided.
    Settled,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial(Verdict);

impl Trial {
    /// Nothing hangs on this boot.
    pub fn none() -> Self {
        Self(Verdict::Settled)
    }

    /// The times of a release on trial count from the kernel's start.
    pub fn begin(limits: Limits) -> Self {
        Self(Verdict::Open { until: limits.total() + GRACE })
    }

    pub fn settle(&mut self) {
        self.0 = Verdict::Settled;
    }

    /// Until when somebody must have decided.
    pub fn deadline(&self) -> Option<Duration> {
        match self.0 {
            Verdict::Open { until } => Some(until),
            Verdict::Settled => None,
        }
    }

    /// Why the release is given up now, told once.
    pub fn tick(&mut self, now: Duration) -> Option<String> {
        let until = self.deadline().filter(|until| *until <= now)?;
        self.settle();
        Some(format!("nobody found this release good within {} s", until.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_trial_ends_by_a_word_or_by_time() {
        let limits = Limits { settle_secs: 1, total_secs: 40 };
        let mut trial = Trial::begin(limits);
        assert_eq!(trial.tick(at(54)), None);
        assert!(trial.tick(at(55)).unwrap().contains("within 55 s"));
        assert_eq!(trial.tick(at(56)), None, "told once");
        let mut good = Trial::begin(limits);
        good.settle();
        assert_eq!((good.deadline(), good.tick(at(9999))), (None, None));
        assert_eq!(Trial::none().tick(at(9999)), None);
    }
}
