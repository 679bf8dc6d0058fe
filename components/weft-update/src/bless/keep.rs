//! Keeping a release: the boot loader's entry gets all its tries back, at the first good boot and at every later one.
//!
//! systemd's *Automatic Boot Assessment* takes the counters away instead. On a device that nobody attends to this is a trap: once the disk
//! rots where a kept release needs it, the kernel panics at each start, and the boot loader takes the same entry for ever.

use crate::esp::{self, BootEntries};
use crate::machine;
use weft_release::Slot;
use weft_release::boot::{Assessment, Entry, TRIES, Tries};
use weft_state::health::Report;

/// The boot loader's side of a trial.
pub trait Keep {
    /// Makes the release that runs the one that boots from now on, as often as it is asked.
    fn keep(&mut self, report: &Report) -> Result<(), String>;
    /// Whether a restart may lead to the other slot in the end: a good release is there, and the boot loader would take it.
    fn has_fallback(&mut self, report: &Report) -> bool;
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the boot loader started {0:?}, which is no entry of this system")]
    Entry(String),
    #[error("the boot loader has no entry of the running slot {0}")]
    NoEntry(Slot),
    #[error(transparent)]
    Esp(#[from] esp::Error),
}

/// The entry that the boot loader counted at this boot.
fn counted(report: &Report) -> Option<Result<Entry, Error>> {
    let path = report.counted.as_deref()?;
    let name = path.rsplit(['\\', '/']).next().unwrap_or(path);
    Some(Entry::parse(name).ok_or_else(|| Error::Entry(path.to_owned())))
}

/// Whether the release that runs was found good at an earlier boot. Where nobody counts, it was.
pub fn is_kept(report: &Report) -> bool {
    counted(report).is_none_or(|entry| entry.is_ok_and(|entry| entry.kept))
}

/// Keeps the release that runs; its entry then. `None` where nothing is to be kept: the boot loader did not count this start, and the release
/// has no entry, or one that was never found good and still is to be tried.
pub fn keep(entries: &mut dyn BootEntries, report: &Report) -> Result<Option<Entry>, Error> {
    if let Some(entry) = counted(report) {
        return refill(entries, entry?.slot).map(Some);
    }
    let Ok(slot) = report.boot.slot.parse() else { return Ok(None) };
    let is_kept = machine::entries(entries, slot)?.iter().any(|(_, entry)| entry.kept);
    is_kept.then(|| refill(entries, slot)).transpose()
}

/// Gives the running slot's entry all its tries back; what it is then. Doing it again, after a power cut for one, changes nothing, and
/// neither does it once the release was given up by hand.
pub fn refill(entries: &mut dyn BootEntries, slot: Slot) -> Result<Entry, Error> {
    let own = machine::entries(entries, slot)?;
    let (_, entry) = own.first().ok_or(Error::NoEntry(slot))?;
    if own.iter().all(|(_, entry)| entry.is_left()) {
        return Ok(entry.clone());
    }
    let full = entry.refilled();
    // More than one name is left by a power cut: they name the same bytes.
    for (name, old) in own.iter().filter(|(name, _)| *name != full.file_name()) {
        replace(entries, name, old, &full)?;
    }
    Ok(full)
}

/// Where one write cannot do it, both names are there for a moment. The boot loader counts by renaming, and starts without counting where
/// the new name is taken: a series of names that has the old one in it would end there, and a rotten system would be started for ever.
/// So the new name first counts on from the old one's tries.
fn replace(entries: &mut dyn BootEntries, name: &str, old: &Entry, full: &Entry) -> Result<(), Error> {
    let full_name = full.file_name();
    if entries.rename_at_once(name, &full_name)? {
        return Ok(());
    }
    let done = old.tries.map_or(0, |tries| tries.done);
    let between = Entry { tries: Some(Tries { left: TRIES, done }), ..full.clone() }.file_name();
    entries.rename(name, &between)?;
    Ok(entries.rename(&between, &full_name)?)
}

fn others<'a>(names: &'a [String], own_slot: &'a str) -> impl Iterator<Item = Entry> + 'a {
    let entries = names.iter().filter_map(|name| Entry::parse(name));
    entries.filter(move |entry| entry.slot.to_string() != own_slot)
}

/// The release that has used up its tries without coming up: the other slot's, where no try of it is left. A release that was given up by
/// hand was not tried to the end.
pub fn exhausted(names: &[String], own_slot: &str) -> Option<Entry> {
    others(names, own_slot).find(Entry::is_exhausted)
}

/// Whether the other slot has a release that is good and may be started.
pub fn has_good(names: &[String], own_slot: &str) -> bool {
    others(names, own_slot).any(|entry| entry.assessment() == Assessment::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Names(Vec<String>);

    impl BootEntries for Names {
        fn names(&self) -> Result<Vec<String>, esp::Error> {
            Ok(self.0.clone())
        }
        fn rename(&mut self, from: &str, to: &str) -> Result<(), esp::Error> {
            let place = self.0.iter().position(|name| name == from);
            self.0[place.ok_or_else(|| esp::Error::NoFile(from.to_owned()))?] = to.to_owned();
            Ok(())
        }
        fn rename_at_once(&mut self, from: &str, to: &str) -> Result<bool, esp::Error> {
            if self.0.iter().any(|name| name == to) {
                self.0.retain(|name| name != from);
                return Ok(true);
            }
            self.rename(from, to).map(|()| true)
        }
    }

    fn names(names: &[&str]) -> Names {
        Names(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn each_good_boot_gives_the_tries_back() {
        for own in ["weft-b_2.0.0+2-1.efi", "weft-b_2.0.0_kept+0-3.efi", "weft-b_2.0.0.efi"] {
            let mut esp = names(&["weft-a_1.0.0.efi", own]);
            for _ in 0..2 {
                refill(&mut esp, Slot::B).unwrap();
                assert_eq!(esp.0, ["weft-a_1.0.0.efi", "weft-b_2.0.0_kept+3.efi"], "{own}");
            }
        }
        let mut two = names(&["weft-b_2.0.0_kept+2-1.efi", "weft-b_2.0.0_kept+3.efi"]);
        refill(&mut two, Slot::B).unwrap();
        assert_eq!(two.0, ["weft-b_2.0.0_kept+3.efi"], "a rename was cut");
        assert!(refill(&mut names(&["weft-a_1.0.0.efi"]), Slot::B).is_err(), "it is gone");
    }

    #[test]
    fn what_was_given_up_by_hand_is_not_kept_by_this_boot() {
        let mut left = names(&["weft-a_1.0.0+3.efi", "weft-b_2.0.0_kept+0.efi"]);
        refill(&mut left, Slot::B).unwrap();
        assert_eq!(left.0[1], "weft-b_2.0.0_kept+0.efi");
        let mut back = names(&["weft-a_1.0.0+0-3.efi", "weft-b_2.0.0_kept+0-1.efi"]);
        refill(&mut back, Slot::B).unwrap();
        assert_eq!(back.0[1], "weft-b_2.0.0_kept+3.efi", "the boot loader came back to it");
    }

    fn started(counted: Option<&str>) -> Report {
        let mut report = super::super::tests::report("a", true);
        report.counted = counted.map(|name| format!("\\EFI\\Linux\\{name}"));
        report
    }

    #[test]
    fn the_counted_name_tells_slot_and_whether_it_was_good_before() {
        let kept = |list: &[&str], counted: Option<&str>| {
            let (mut esp, report) = (names(list), started(counted));
            let entry = keep(&mut esp, &report).map(|entry| entry.map(|entry| entry.file_name()));
            (entry.map_err(|error| error.to_string()), is_kept(&report))
        };
        let all = ["weft-a_1.0.0_kept+3.efi", "weft-b_2.0.0+2-1.efi"];
        let b = Ok(Some("weft-b_2.0.0_kept+3.efi".to_owned()));
        assert_eq!(kept(&all, Some("weft-b_2.0.0+2-1.efi")), (b.clone(), false));
        assert_eq!(kept(&["weft-b_2.0.0_kept+2-1.efi"], Some("weft-b_2.0.0_kept+2-1.efi")), (b, true));
        let (error, was_kept) = kept(&all, Some("other+1-2.efi"));
        assert!(error.unwrap_err().contains("other+1-2.efi") && !was_kept);
    }

    #[test]
    fn a_start_that_nobody_counted_keeps_only_what_was_good_before() {
        let mut esp = names(&["weft-a_1.0.0+3.efi"]);
        assert_eq!(keep(&mut esp, &started(None)).unwrap(), None);
        assert_eq!(esp.0, ["weft-a_1.0.0+3.efi"], "it is still to be tried");
        assert_eq!(keep(&mut names(&[]), &started(None)).unwrap(), None, "started without the boot loader");
        let mut older = names(&["weft-a_1.0.0.efi"]);
        assert!(keep(&mut older, &started(None)).unwrap().is_some());
        assert_eq!(older.0, ["weft-a_1.0.0_kept+3.efi"]);
    }

    #[test]
    fn a_release_that_never_came_up_is_found() {
        let found = |list: &[&str]| exhausted(&names(list).0, "a").map(|entry| entry.version.to_string());
        assert_eq!(found(&["weft-a_1.0.0.efi", "weft-b_2.0.0+0-3.efi"]).as_deref(), Some("2.0.0"));
        assert_eq!(found(&["weft-a_1.0.0.efi", "weft-b_2.0.0_kept+0-3.efi"]).as_deref(), Some("2.0.0"));
        assert_eq!(found(&["weft-a_1.0.0+0-3.efi", "weft-b_2.0.0+1-2.efi"]), None);
        assert_eq!(found(&["weft-a_1.0.0.efi", "weft-b_2.0.0+0.efi"]), None, "given up by hand");
    }
}
