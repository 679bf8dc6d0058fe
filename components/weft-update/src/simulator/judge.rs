//! What a device with this storage does: the boot loader's rules over what another implementation of FAT reads.

use super::{ESP, Storage, root_disk};
use crate::fixture::{hash_device, uki};
use crate::model::read_esp;
use serde_json::Value;
use weft_release::Slot;
use weft_release::boot::{Candidate, choose};

/// A system that is known to be whole.
struct System {
    version: String,
    image: Vec<u8>,
    tree: Vec<u8>,
    /// Kernel images of slot a and slot b.
    ukis: [Vec<u8>; 2],
}

#[derive(Default)]
pub struct Judge(Vec<System>);

impl Judge {
    pub fn know(&mut self, version: &str, image: &[u8]) {
        let tree = hash_device(image).0;
        let ukis = Slot::ALL.map(|slot| uki(version, slot, image));
        self.0.push(System { version: version.to_owned(), image: image.to_vec(), tree, ukis });
    }

    /// The system that starts: its slot and version; why none does.
    pub fn boot(&self, storage: &Storage) -> Result<(Slot, String), String> {
        let files =
            read_esp(&storage.disks[ESP]).map_err(|error| format!("the ESP cannot be read: {error}"))?;
        if files.get("boot/BOOTX64.EFI").is_none_or(|loader| *loader != [0xb0; 9_000]) {
            return Err("the boot loader is damaged".to_owned());
        }
        let mut candidates = Vec::new();
        let kernels = files.iter().filter(|(name, _)| !name.starts_with("boot/"));
        for (name, contents) in kernels {
            // An image that cannot be loaded ends in the firmware, so none may even be listed.
            let (slot, system) =
                self.whole(contents, storage).ok_or_else(|| format!("{name} would not start"))?;
            let os_release = String::from_utf8_lossy(contents);
            let candidate = Candidate::new(name, &os_release).ok_or_else(|| format!("{name} is no entry"))?;
            candidates.push((candidate, slot, system));
        }
        let entries: Vec<Candidate> = candidates.iter().map(|(candidate, ..)| candidate.clone()).collect();
        let chosen = choose(&entries).ok_or("the boot loader has no entry")?;
        let found = candidates.iter().find(|(candidate, ..)| candidate == chosen);
        found.map(|(_, slot, system)| (*slot, system.version.clone())).ok_or_else(|| "no entry".to_owned())
    }

    /// The system of a kernel image, if that and its slot have all their bytes.
    fn whole(&self, contents: &[u8], storage: &Storage) -> Option<(Slot, &System)> {
        Slot::ALL.into_iter().zip(0..2).find_map(|(slot, number)| {
            let system = self.0.iter().find(|system| system.ukis[number] == contents)?;
            let (root, verity) = (&storage.disks[root_disk(slot)], &storage.disks[root_disk(slot) + 1]);
            let is_whole = root.begins_with(&system.image) && verity.begins_with(&system.tree);
            is_whole.then_some((slot, system))
        })
    }

    /// Whether one of these versions starts, and all records can be read.
    pub fn check(&self, storage: &Storage, may_run: &[&str]) -> Result<(), String> {
        let (slot, version) = self.boot(storage)?;
        if !may_run.contains(&version.as_str()) {
            return Err(format!("{version} starts from slot {slot}"));
        }
        for (name, contents) in storage.records.contents() {
            if name.ends_with(".json") && serde_json::from_slice::<Value>(&contents).is_err() {
                return Err(format!("{name} cannot be read"));
            }
        }
        Ok(())
    }
}
