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
/// Between two attempts at what must succeed in the end, however long a partition takes to be writable.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What came of the trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The device restarts already.
    Settled,
    Kept,
    /// PID 1 restarts the device.
    GivenUp(String),
    /// Broken, and nothing better would boot.
    LeftRunning(String),
}

/// Watches until the release is found good or broken. `pause` waits and returns the time since the kernel's start.
///
/// One that was found good at an earlier boot only gets its tries back. Where its services do not come up, the device is restarted if that
/// leads to a good release in the end, after three times; else it is watched for as long as it runs.
pub fn watch(
    sources: &mut dyn Sources,
    keep: &mut dyn Keep,
    board: &Board,
    mut pause: impl FnMut(Duration) -> Duration,
) -> Ending {
    let mut judge: Option<Judge> = None;
    let mut is_said = false;
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
        match report.boot.outcome {
            // The device restarts.
            Outcome::Failed(_) => return Ending::Settled,
            // This service ended between PID 1's hearing of it and the entry's being kept.
            Outcome::Good => return found_good(&report, sources, keep, board, pause),
            Outcome::Running | Outcome::Ended => {}
        }
        let judge = judge.get_or_insert_with(|| Judge::new(report.limits));
        let observation = observe(report.clone(), sources);
        if !keep::is_kept(&report) {
            match judge.look(now, &observation) {
                Verdict::Open => continue,
                Verdict::Good => return found_good(&report, sources, keep, board, pause),
                Verdict::Broken(why) => return found_broken(&report, why, sources),
            }
        }
        match judge.look_again(now, &observation, board.panicked_before()) {
            Verdict::Open => {}
            Verdict::Good => {
                until_done(&mut pause, || keep.keep(&report));
                return Ending::Kept;
            }
            Verdict::Broken(why) if !is_said => {
                // Without counting, a restart would lead back here.
                if report.counted.is_some() && keep.has_fallback(&report) {
                    return give_up(why, sources);
                }
                tracing::error!("nothing better would boot, going on: {why}");
                is_said = true;
            }
            Verdict::Broken(_) => {}
        }
    }
}

/// Asks only those who are there: a device without a display has no compositor.
fn observe(report: Report, sources: &mut dyn Sources) -> Observation {
    let has = |name: &str| report.services.iter().any(|service| service.name == name);
    let screen = has(judge::COMPOSITOR).then(|| sources.screen());
    let apps = has(judge::APPD).then(|| sources.apps());
    Observation { report, screen, apps }
}

/// Both must succeed in the end, and neither waits for the other: without PID 1's word this boot is given up, without the boot loader's
/// entry one of the next ones is.
fn found_good(
    report: &Report,
    sources: &mut dyn Sources,
    keep: &mut dyn Keep,
    board: &Board,
    mut pause: impl FnMut(Duration) -> Duration,
) -> Ending {
    let (mut kept, mut told) = (false, false);
    until_done(&mut pause, || {
        // The boot loader's entry first: PID 1's word only ends this boot's trial.
        let keeping = if kept { Ok(()) } else { keep.keep(report) };
        kept = keeping.is_ok();
        if !told {
            sources.tell("good")?;
            told = true;
            if let Ok(report) = sources.init() {
                board.set_report(&report);
            }
        }
        keeping.map_err(|why| format!("the boot loader still takes this release for untried: {why}"))
    });
    Ending::Kept
}

/// Tries again until it succeeds, ever less often.
fn until_done(pause: &mut impl FnMut(Duration) -> Duration, mut attempt: impl FnMut() -> Result<(), String>) {
    let mut wait = PERIOD;
    while let Err(why) = attempt() {
        tracing::error!("{why}, retrying");
        pause(wait);
        wait = (wait * 2).min(LONGEST_PAUSE);
    }
}

fn found_broken(report: &Report, why: String, sources: &mut dyn Sources) -> Ending {
    if !report.boot.on_trial {
        tracing::error!("nothing better would boot, going on: {why}");
        return Ending::LeftRunning(why);
    }
    give_up(why, sources)
}

fn give_up(why: String, sources: &mut dyn Sources) -> Ending {
    if let Err(problem) = sources.tell(&format!("failed {why}")) {
        tracing::error!("{problem}");
    }
    Ending::GivenUp(why)
}

#[cfg(test)]
mod tests;
