//! Handing the other slot to the boot loader, and going back.

use crate::delta;
use crate::device::BlockDevice;
use crate::esp::{self, BootEntries, Esp};
use crate::machine::{self, Machine, entries};
use crate::records::{self, STAGED, Staged, Standing, UKI};
use crate::stage::{sha256, slot_of};
use crate::state::{self, STATUS, Status};
use semver::Version;
use weft_release::boot::{Assessment, Entry};
use weft_release::{Index, IndexError, Slot};

/// Why the boot loader was not told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no release is staged: download one first")]
    NothingStaged,
    #[error("the staged kernel image is damaged: download the release again")]
    Uki,
    #[error("cannot read the other slot's hash tree")]
    Read(#[source] std::io::Error),
    #[error("the other slot's hash tree is damaged: download the release again")]
    Tree(#[from] IndexError),
    #[error("the parity behind the other slot's hash tree is damaged: download the release again")]
    Parity,
    #[error(transparent)]
    Delta(#[from] delta::Error),
    #[error("slot {0} holds no system that could be started")]
    NoOther(Slot),
    #[error("the boot loader has no entry of the running slot {0}")]
    NoRunning(Slot),
    #[error(transparent)]
    Esp(#[from] esp::Error),
    #[error(transparent)]
    State(#[from] state::Error),
}

/// Gives what is staged to the boot loader, which tries it three times; the version. Doing it twice is doing it once.
pub fn activate(machine: &Machine) -> Result<Version, Error> {
    let (store, slot) = (&*machine.store, machine.running.other());
    let _lock = store.lock()?;
    let staged = records::staged(store)?.ok_or(Error::NothingStaged)?;
    if slot_of(&staged) != Some(slot) {
        // It runs: the power went after it was activated.
        store.remove(STAGED)?;
        return Err(Error::NothingStaged);
    }
    let release = &staged.release;
    let uki = match check(machine, &staged) {
        Ok(uki) => uki,
        Err(error) => {
            // The next download begins anew instead of finding everything done.
            store.remove(STAGED)?;
            return Err(error);
        }
    };
    let mut esp = machine.open_esp()?;
    let name = Entry::fresh(slot, release.version.clone()).file_name();
    for (old, _) in entries(&esp, slot)? {
        esp.remove(&old)?;
    }
    records::save_installed(store, slot, release)?;
    let len = u32::try_from(uki.len()).map_err(|_| Error::Uki)?;
    esp.install(&name, len, &*uki)?;
    if release.version < machine.version {
        give_up(&mut esp, machine.running)?;
    }
    store.remove(STAGED)?;
    store.remove(UKI)?;
    Ok(release.version.clone())
}

/// Reads the whole slot once more, for it may have waited for days, and the kernel image.
fn check(machine: &Machine, staged: &Staged) -> Result<Vec<u8>, Error> {
    let release = &staged.release;
    let room = machine.other_verity.len().min(release.hash_bytes);
    let mut verity = vec![0; room as usize];
    machine.other_verity.read(0, &mut verity).map_err(Error::Read)?;
    let index = Index::read(&verity, release.data_blocks, &release.root_hash, &release.salt)?;
    if sha256(&verity) != staged.verity_sha256 {
        return Err(Error::Parity);
    }
    drop(verity);
    delta::check(&*machine.other_root, &index, &release.salt)?;
    let uki = machine.store.load(UKI)?;
    uki.filter(|uki| sha256(uki) == staged.uki_sha256).ok_or(Error::Uki)
}

/// Prefers the other slot from the next boot on; the version that the next boot starts. The version that is left is not taken by itself
/// again.
///
/// A system that was activated and never proved good is nothing to go back to: it is taken from the boot loader, and what runs stays.
/// A good one gets tries again, so that it, too, is left behind if it no longer starts.
pub fn roll_back(machine: &Machine) -> Result<Version, Error> {
    let other = machine.running.other();
    let _lock = machine.store.lock()?;
    let mut esp = machine.open_esp()?;
    let candidates = entries(&esp, other)?;
    let own = entries(&esp, machine.running)?;
    if own.is_empty() {
        return Err(Error::NoRunning(machine.running));
    }
    let mut standing = Standing::load(&*machine.store)?;
    let first = |assessment| candidates.iter().find(|(_, entry)| entry.assessment() == assessment);
    if let Some((_, entry)) = first(Assessment::Indeterminate) {
        let is_left = own.iter().all(|(_, entry)| entry.assessment() == Assessment::Bad);
        if is_left && standing.given_up.contains(&machine.version) {
            // Said twice.
            return Ok(entry.version.clone());
        }
        standing.give_up(&entry.version, &*machine.store)?;
        undo(machine, &mut esp, &own, &candidates)?;
        return Ok(machine.version.clone());
    }
    let (name, entry) = first(Assessment::Good).cloned().ok_or(Error::NoOther(other))?;
    standing.give_up(&machine.version, &*machine.store)?;
    esp.rename(&name, &Entry::fresh(other, entry.version.clone()).file_name())?;
    give_up(&mut esp, machine.running)?;
    Ok(entry.version)
}

/// Takes back an activation.
fn undo(
    machine: &Machine,
    esp: &mut Esp<machine::Device>,
    own: &[(String, Entry)],
    untried: &[(String, Entry)],
) -> Result<(), Error> {
    // A signed downgrade had put the running system behind.
    for (name, entry) in own.iter().filter(|(_, entry)| entry.assessment() == Assessment::Bad) {
        esp.rename(name, &entry.refilled().file_name())?;
    }
    for (name, _) in untried {
        esp.remove(name)?;
    }
    Ok(state::save(&*machine.store, STATUS, &Status::default())?)
}

/// Notes what was left, so that the device does not take it again by itself: releases that used up their tries without ever being found good, and
/// those that were given up by hand. One that was good and then stopped starting is no bad release: its slot rotted, or the power went
/// too often during its start. Taking it again mends it, for of a slot only the damaged blocks are fetched.
pub fn remember_failures(machine: &Machine) -> Result<(), Error> {
    let esp = machine.open_esp()?;
    for (_, entry) in entries(&esp, machine.running.other())? {
        let stopped_starting = entry.kept && entry.is_exhausted();
        if entry.assessment() == Assessment::Bad && !stopped_starting {
            Standing::load(&*machine.store)?.give_up(&entry.version, &*machine.store)?;
        }
    }
    Ok(())
}

/// Puts a slot's entries behind all others.
fn give_up(esp: &mut dyn BootEntries, slot: Slot) -> Result<(), Error> {
    for (name, entry) in entries(esp, slot)? {
        esp.rename(&name, &entry.given_up().file_name())?;
    }
    Ok(())
}
