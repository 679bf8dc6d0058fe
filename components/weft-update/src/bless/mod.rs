//! Whether this boot is kept: services, screen and apps are asked until all of it held for a while, or the time is over.
//!
//! | module | holds |
//! |---|---|
//! | [`judge`] | the rules, without any I/O |
//! | [`sources`] | what PID 1, the compositor and appd say |
//! | [`keep`] | the boot loader's entry, once a release is found good |
//! | [`serve`] | all of it as a service of the device |
//! | [`board`] | what is told to everybody who connects: the system's status |
//!
//! PID 1 alone restarts the device and writes down why; it also decides when nobody tells it anything in time.

pub mod board;
pub mod judge;
pub mod keep;
pub mod serve;
pub mod sources;

use board::Board;
use judge::{Judge, Observation, Verdict};
use keep::Keep;
use sources::Sources;
use std::time::Duration;
use weft_state::boot::Outcome;
use weft_state::health::Report;

/// Between two looks at a release on trial.
const PERIOD: Duration = Duration::from_secs(1);

/// What came of the trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Nothing was to be decided: the boot loader does not count.
    Settled,
    Kept,
    /// PID 1 restarts the device.
    GivenUp(String),
    /// Broken, and nothing better would boot.
    LeftRunning(String),
}

/// Watches until the release is found good or broken. `pause` waits and returns the time since the kernel's start.
pub fn watch(
    sources: &mut dyn Sources,
    keep: &mut dyn Keep,
    board: &Board,
    mut pause: impl FnMut(Duration) -> Duration,
) -> Ending {
    let mut judge: Option<Judge> = None;
    loop {
        let now = pause(PERIOD);
        let report = match sources.init() {
            Ok(report) => report,
            Err(why) => {
                tracing::warn!("{why}, retrying");
                continue;
            }
        };
        board.set_report(&report);
        let Some(entry) = report.counted.clone().filter(|_| !is_decided(&report)) else {
            return Ending::Settled;
        };
        let judge = judge.get_or_insert_with(|| Judge::new(report.limits));
        let observation = observe(report.clone(), sources);
        match judge.look(now, &observation) {
            Verdict::Open => {}
            Verdict::Good => return found_good(&entry, sources, keep),
            Verdict::Broken(why) => return found_broken(&report, why, sources),
        }
    }
}

fn is_decided(report: &Report) -> bool {
    matches!(report.boot.outcome, Outcome::Good | Outcome::Failed(_))
}

/// Asks only those who are there: a device without a display has no compositor.
fn observe(report: Report, sources: &mut dyn Sources) -> Observation {
    let has = |name: &str| report.services.iter().any(|service| service.name == name);
    let screen = has(judge::COMPOSITOR).then(|| sources.screen());
    let apps = has(judge::APPD).then(|| sources.apps());
    Observation { report, screen, apps }
}

fn found_good(entry: &str, sources: &mut dyn Sources, keep: &mut dyn Keep) -> Ending {
    // The boot loader's entry first: PID 1's word only ends this boot's trial.
    if let Err(why) = keep.keep(entry) {
        // Restarting would not mend the partition; the next boot tries it again.
        tracing::error!("the boot loader still counts this release: {why}");
    }
    if let Err(why) = sources.tell("good") {
        tracing::error!("{why}");
    }
    Ending::Kept
}

fn found_broken(report: &Report, why: String, sources: &mut dyn Sources) -> Ending {
    if !report.boot.on_trial {
        tracing::error!("nothing better would boot, going on: {why}");
        return Ending::LeftRunning(why);
    }
    if let Err(problem) = sources.tell(&format!("failed {why}")) {
        tracing::error!("{problem}");
    }
    Ending::GivenUp(why)
}

#[cfg(test)]
mod tests;
