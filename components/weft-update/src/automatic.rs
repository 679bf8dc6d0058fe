//! Taking releases without being asked: look now and then, download when the device's wave is due, restart only in the window.

use crate::activate::{remember_failures, roll_back};
use crate::cli::Updater;
use crate::config::Automatic;
use crate::machine::{Machine, entries};
use crate::records::{RESTART, Restart, Standing};
use crate::repository::Repository;
use crate::state::{self, Phase, Store};
use crate::{power, source, stage};
use anyhow::Context;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use semver::Version;
use std::time::Duration;
use weft_release::boot::{Assessment, Entry};
use weft_release::{Release, Turn};

/// After a failure, sooner than the next look: a download goes on where it stopped.
const RETRY: Duration = Duration::from_secs(300);

/// random(4)
pub const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Between two looks at the own entry at the begin of a boot.
const SETTLING: Duration = Duration::from_secs(5);

/// What to do with a release now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Given up here before, or not this device's turn.
    Leave,
    Download,
    /// Besides, hand it to the boot loader and restart.
    Activate,
}

/// Decides about a release that the device may install.
pub fn decide(release: &Release, standing: &Standing, window: &Automatic, now: Timestamp) -> Step {
    if standing.given_up.contains(&release.version) {
        return Step::Leave;
    }
    match release.turn(standing.place, now) {
        Turn::Now if window.allows(now.to_zoned(TimeZone::UTC).hour().unsigned_abs()) => Step::Activate,
        Turn::Now => Step::Download,
        Turn::At(_) | Turn::NotYetPlanned => Step::Leave,
    }
}

/// Runs until the device restarts.
pub fn serve(updater: &Updater, window: Automatic) -> anyhow::Result<()> {
    // What goes wrong here goes wrong in a look, too, which says so.
    while matches!(is_settled(&updater.machine), Ok(false)) {
        std::thread::sleep(SETTLING);
    }
    loop {
        let wait = match updater.noting(|| look(updater, &window)) {
            Ok(()) => Duration::from_secs(u64::from(window.every) * 60),
            Err(error) => {
                tracing::warn!("{error:#}, retrying");
                RETRY
            }
        };
        std::thread::sleep(wait);
    }
}

/// Whether the running release, if it was found good before, has its tries back. A download holds the lock that this needs, for hours: it
/// would leave the release as if it had not come up. One that has used up its tries waits for nothing: an update may be what it needs.
pub fn is_settled(machine: &Machine) -> anyhow::Result<bool> {
    let own = entries(&machine.open_esp()?, machine.running)?;
    let waits = |entry: &Entry| entry.assessment() == Assessment::Good && *entry != entry.refilled();
    Ok(!own.iter().any(|(_, entry)| entry.tries.is_some() && waits(entry)))
}

pub fn look(updater: &Updater, window: &Automatic) -> anyhow::Result<()> {
    remember_failures(&updater.machine)?;
    let repository = match updater.repository() {
        // Most of the time there is none, and nobody is to hear of it.
        Err(error) if matches!(error.downcast_ref(), Some(source::Error::NoStick)) => return Ok(()),
        repository => repository?,
    };
    let Some(release) = updater.check(&repository)? else {
        return updater.note(Phase::Idle, None, None);
    };
    let boot_id = std::fs::read_to_string(BOOT_ID).with_context(|| format!("cannot read {BOOT_ID}"))?;
    if advance(updater, &repository, &release, window, &Timestamp::now, boot_id.trim())? {
        let restart = Restart { version: release.version, boot_id: boot_id.trim().to_owned() };
        state::save(&*updater.machine.store, RESTART, &restart)?;
        power::reboot()?;
    }
    Ok(())
}

/// Brings a release as far as it may come now; whether the device shall restart.
pub fn advance(
    updater: &Updater,
    repository: &Repository,
    release: &Release,
    window: &Automatic,
    clock: &dyn Fn() -> Timestamp,
    boot_id: &str,
) -> anyhow::Result<bool> {
    let standing = Standing::load(&*updater.machine.store)?;
    let step = decide(release, &standing, window, clock());
    if let Some(entry) = awaits_restart(&updater.machine, &release.version)? {
        if is_passed_over(&*updater.machine.store, &entry, boot_id)? {
            // Or the device would restart again and again, all through the window.
            roll_back(&updater.machine)?;
            anyhow::bail!(
                "the boot loader does not start version {}: its kernel image on the boot partition is damaged, and the version is given up",
                entry.version
            );
        }
        // Applied by hand, or the restart failed.
        return Ok(step == Step::Activate);
    }
    if step == Step::Leave {
        updater.note(Phase::Available, Some(&release.version), None)?;
        return Ok(false);
    }
    let progress = stage::download(&updater.machine, repository, release, crate::cli::CONNECTIONS)?;
    updater.note(Phase::Staged, Some(&release.version), Some(progress))?;
    // A download may take hours, and the window may be over.
    if decide(release, &standing, window, clock()) != Step::Activate {
        return Ok(false);
    }
    updater.activate()?;
    Ok(true)
}

/// The entry of this version where the boot loader is to try it and has not begun, or not come to an end.
fn awaits_restart(machine: &Machine, version: &Version) -> anyhow::Result<Option<Entry>> {
    let other = entries(&machine.open_esp()?, machine.running.other())?;
    let is_tried =
        |entry: &Entry| entry.version == *version && entry.assessment() == Assessment::Indeterminate;
    Ok(other.into_iter().map(|(_, entry)| entry).find(is_tried))
}

/// Whether the device restarted for this entry and the boot loader took none of its tries.
fn is_passed_over(store: &dyn Store, entry: &Entry, boot_id: &str) -> anyhow::Result<bool> {
    let restart: Option<Restart> = state::load(store, RESTART)?;
    let came_back =
        restart.is_some_and(|restart| restart.version == entry.version && restart.boot_id != boot_id);
    Ok(came_back && *entry == Entry::fresh(entry.slot, entry.version.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Maker, image};
    use weft_release::{Place, Wave};

    #[test]
    fn waves_windows_and_what_was_given_up_are_heeded() {
        let after: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        let release = Maker::new().release("1.1.0", &image(1, 1), |release| {
            release.waves = vec![Wave { after, percent: 50 }];
        });
        let mut standing = Standing { place: Place::draw(4999), epoch: 0, given_up: Vec::new() };
        let window = Automatic { from: 2, to: 4, every: 60 };
        let at = |standing: &Standing, now: &str| decide(&release, standing, &window, now.parse().unwrap());
        assert_eq!(at(&standing, "2026-02-28T03:00:00Z"), Step::Leave, "before its wave");
        assert_eq!(at(&standing, "2026-03-02T12:00:00Z"), Step::Download, "outside of the window");
        assert_eq!(at(&standing, "2026-03-02T03:59:00Z"), Step::Activate);
        let late = Standing { place: Place::draw(5000), ..standing.clone() };
        assert_eq!(at(&late, "2026-03-02T03:00:00Z"), Step::Leave, "the wave does not reach it");
        standing.given_up.push(release.version.clone());
        assert_eq!(at(&standing, "2026-03-02T03:00:00Z"), Step::Leave, "it failed here");
    }
}
