//! Keeping a release: the boot loader's entry loses its counters, see systemd's *Automatic Boot Assessment*.

use crate::esp::{self, BootEntries};
use weft_release::boot::Entry;

/// Makes a release the one that boots from now on.
pub trait Keep {
    /// `counted` is where the boot loader keeps the tries of the entry that it started, with backslashes as in UEFI.
    fn keep(&mut self, counted: &str) -> Result<(), String>;
    /// For an entry that nobody counts: does what a power cut may have left undone after it was kept.
    fn complete(&mut self, slot: &str, version: &str) -> Result<(), String>;
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the boot loader started {0:?}, which is no entry of this system")]
    Entry(String),
    #[error(transparent)]
    Esp(#[from] esp::Error),
}

/// Takes the counters off the entry that runs. Doing it again, after a power cut for one, changes nothing.
pub fn bless(entries: &mut dyn BootEntries, counted: &str) -> Result<Entry, Error> {
    let name = counted.rsplit(['\\', '/']).next().unwrap_or(counted);
    let entry = Entry::parse(name).ok_or_else(|| Error::Entry(counted.to_owned()))?;
    let blessed = entry.blessed();
    if !entries.names()?.iter().any(|other| *other == blessed.file_name()) {
        entries.rename(name, &blessed.file_name())?;
    }
    Ok(blessed)
}

/// The entry of what runs, where it has no counters.
pub fn kept(names: &[String], slot: &str, version: &str) -> Option<Entry> {
    let mut entries = names.iter().filter_map(|name| Entry::parse(name));
    entries.find(|entry| {
        entry.slot.to_string() == slot && entry.version.to_string() == version && entry.tries.is_none()
    })
}

/// The release that has used up its tries without coming up: the other slot's, where no try of it is left. A release that was given up by
/// hand was not tried to the end.
pub fn exhausted(names: &[String], own_slot: &str) -> Option<Entry> {
    let mut entries = names.iter().filter_map(|name| Entry::parse(name));
    entries.find(|entry| {
        entry.slot.to_string() != own_slot
            && entry.tries.is_some_and(|tries| tries.left == 0 && tries.done >= weft_release::boot::TRIES)
    })
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
    }

    fn names(names: &[&str]) -> Names {
        Names(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn the_entry_that_runs_loses_its_counters_once() {
        let mut esp = names(&["weft-a_1.0.0.efi", "weft-b_2.0.0+2-1.efi"]);
        for _ in 0..2 {
            bless(&mut esp, "\\EFI\\Linux\\weft-b_2.0.0+2-1.efi").unwrap();
            assert_eq!(esp.0, ["weft-a_1.0.0.efi", "weft-b_2.0.0.efi"]);
        }
        let error = bless(&mut esp, "\\EFI\\Linux\\other+1-2.efi").unwrap_err().to_string();
        assert!(error.contains("other+1-2.efi"), "{error}");
        assert!(bless(&mut names(&[]), "weft-b_2.0.0+2-1.efi").is_err(), "it is gone");
    }

    #[test]
    fn only_the_running_entry_without_counters_is_kept() {
        let found = |list: &[&str]| kept(&names(list).0, "b", "2.0.0").is_some();
        assert!(found(&["weft-a_1.0.0.efi", "weft-b_2.0.0.efi"]));
        assert!(!found(&["weft-a_2.0.0.efi", "weft-b_2.0.0+1-2.efi", "weft-b_1.9.0.efi"]));
    }

    #[test]
    fn a_release_that_never_came_up_is_found() {
        let found = |list: &[&str]| exhausted(&names(list).0, "a").map(|entry| entry.version.to_string());
        assert_eq!(found(&["weft-a_1.0.0.efi", "weft-b_2.0.0+0-3.efi"]).as_deref(), Some("2.0.0"));
        assert_eq!(found(&["weft-a_1.0.0+0-3.efi", "weft-b_2.0.0+1-2.efi"]), None);
        assert_eq!(found(&["weft-a_1.0.0.efi", "weft-b_2.0.0+0.efi"]), None, "given up by hand");
    }
}
