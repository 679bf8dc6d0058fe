//! What a device with this storage does: the boot loader's rules over what another implementation of FAT reads.

use super::{ESP, Storage, root_disk};
use crate::fixture::{hash_device, uki};
use crate::model::read_esp;
use serde_json::Value;
use weft_release::Slot;
use weft_release::boot::{Candidate, TRIES, Tries, choose};

/// A system that is known to be whole.
struct System {
    version: String,
    image: Vec<u8>,
    tree: Vec<u8>,
    /// Kernel images of slot a and slot b.
    ukis: [Vec<u8>; 2],
}

#[derive(Default)]
pub struct Judge {
    systems: Vec<System>,
    /// A slot may have lost bytes: its kernel starts, and panics.
    pub may_rot: bool,
}

/// An entry as the boot loader sees it, and what it would start.
#[derive(Clone)]
struct Known<'a> {
    candidate: Candidate,
    slot: Slot,
    system: &'a System,
    is_whole: bool,
}

/// A start that succeeds.
pub struct Start {
    pub slot: Slot,
    pub version: String,
    /// How the boot loader renamed entries until then.
    pub renames: Vec<(String, String)>,
}

impl Judge {
    pub fn know(&mut self, version: &str, image: &[u8]) {
        let tree = hash_device(image).0;
        let ukis = Slot::ALL.map(|slot| uki(version, slot, image));
        self.systems.push(System { version: version.to_owned(), image: image.to_vec(), tree, ukis });
    }

    /// What starts in the end, where each start that fails ends in a restart; why nothing does.
    pub fn boot(&self, storage: &Storage) -> Result<Start, String> {
        let mut known = self.known(storage)?;
        let mut renames = Vec::new();
        for _ in 0..most_starts(&known) {
            let chosen = take(&mut known, &mut renames)?;
            if chosen.is_whole {
                return Ok(Start { slot: chosen.slot, version: chosen.system.version.clone(), renames });
            }
        }
        Err("the boot loader comes back to a rotten system".to_owned())
    }

    fn known(&self, storage: &Storage) -> Result<Vec<Known<'_>>, String> {
        let files =
            read_esp(&storage.disks[ESP]).map_err(|error| format!("the ESP cannot be read: {error}"))?;
        if files.get("boot/BOOTX64.EFI").is_none_or(|loader| *loader != [0xb0; 9_000]) {
            return Err("the boot loader is damaged".to_owned());
        }
        let kernels = files.iter().filter(|(name, _)| !name.starts_with("boot/"));
        let known = kernels.map(|(name, contents)| {
            // An image that cannot be loaded ends in the firmware, so none may even be listed.
            let (slot, system) = self.system(contents).ok_or_else(|| format!("{name} would not start"))?;
            let is_whole = is_whole(system, slot, storage);
            if !is_whole && !self.may_rot {
                return Err(format!("the slot of {name} lacks bytes"));
            }
            let os_release = String::from_utf8_lossy(contents);
            let candidate = Candidate::new(name, &os_release).ok_or_else(|| format!("{name} is no entry"))?;
            Ok(Known { candidate, slot, system, is_whole })
        });
        known.collect()
    }

    /// The system of a kernel image.
    fn system(&self, contents: &[u8]) -> Option<(Slot, &System)> {
        Slot::ALL.into_iter().zip(0..2).find_map(|(slot, number)| {
            Some((slot, self.systems.iter().find(|system| system.ukis[number] == contents)?))
        })
    }

    /// Whether one of these versions starts, the other slot's still does when the slot of that one rots, and all records can be read.
    pub fn check(&self, storage: &Storage, may_run: &[&str]) -> Result<(), String> {
        let Start { slot, version, .. } = self.boot(storage)?;
        if !may_run.contains(&version.as_str()) {
            return Err(format!("{version} starts from slot {slot}"));
        }
        self.outlives_rot(storage)?;
        for (name, contents) in storage.records.contents() {
            if name.ends_with(".json") && serde_json::from_slice::<Value>(&contents).is_err() {
                return Err(format!("{name} cannot be read"));
            }
        }
        Ok(())
    }

    /// Whether the other slot's system starts in the end, if there is one, when what starts now never starts again.
    pub fn outlives_rot(&self, storage: &Storage) -> Result<(), String> {
        let mut known = self.known(storage)?;
        let rotten = self.boot(storage)?.slot;
        if !known.iter().any(|known| known.slot != rotten && known.is_whole) {
            return Ok(());
        }
        known.iter_mut().filter(|known| known.slot == rotten).for_each(|known| known.is_whole = false);
        let mut renames = Vec::new();
        for _ in 0..most_starts(&known) {
            if take(&mut known, &mut renames)?.is_whole {
                return Ok(());
            }
        }
        Err(format!("when slot {rotten} rots, the boot loader never leaves it: {renames:?}"))
    }
}

/// Whether a slot has all bytes of a system.
fn is_whole(system: &System, slot: Slot, storage: &Storage) -> bool {
    let (root, verity) = (&storage.disks[root_disk(slot)], &storage.disks[root_disk(slot) + 1]);
    root.begins_with(&system.image) && verity.begins_with(&system.tree)
}

/// The first good start comes after the tries of all bad ones. A name counts for itself where a rename was cut and left two of a system.
fn most_starts(known: &[Known<'_>]) -> usize {
    known.len().saturating_sub(1) * TRIES as usize + 1
}

/// What the boot loader does: it counts in the name of what it starts, and starts it uncounted where that name is taken.
fn take<'a>(known: &mut [Known<'a>], renames: &mut Vec<(String, String)>) -> Result<Known<'a>, String> {
    let candidates: Vec<Candidate> = known.iter().map(|known| known.candidate.clone()).collect();
    let chosen = choose(&candidates).ok_or("the boot loader has no entry")?;
    let taken = chosen.taken_name();
    let is_free = candidates.iter().all(|other| !other.file_name.eq_ignore_ascii_case(&taken));
    let found = known.iter_mut().find(|known| known.candidate == *chosen).ok_or("no entry")?;
    if is_free {
        renames.push((chosen.file_name.clone(), taken.clone()));
        found.candidate.tries = chosen.tries.map(Tries::counted);
        found.candidate.file_name = taken;
    }
    Ok(found.clone())
}
