//! The crash-state simulator: every state that a power cut can leave, judged by the boot loader's rules.
//!
//! A scenario runs on model disks that log its writes and flushes. A crash state is a moment of the log, with everything flushed before
//! it, and of what was written since the last flush any subset of sectors. Of each state it is asked what a user would ask: does the
//! old or the new system start, with all its bytes; does the other slot's still start when that one rots; can the records be read; does the
//! next update work.

mod crash;
mod judge;
mod misuse;
mod rot;
mod unattended;

use crate::bless::keep;
use crate::esp::BootEntries;
use crate::fixture::{self, Maker, PRODUCT, image, uki};
use crate::machine::Machine;
use crate::model::{Disk, Event, Log, Records, esp_image};
use crate::records::{self, Standing};
use crate::repository::Repository;
use crate::source::Folder;
use crate::stage::{self, Choice};
use crate::{activate, model};
use crash::Crash;
use judge::{Judge, Start};
use std::collections::BTreeMap;
use std::sync::Arc;
use weft_release::Slot;

pub const ESP: usize = 0;
/// The number of a slot's root disk; its hash disk is the next one.
pub fn root_disk(slot: Slot) -> usize {
    match slot {
        Slot::A => 1,
        Slot::B => 3,
    }
}

const BLOCKS: usize = 40;
/// Random states of each moment at which many sectors wait.
const SEEDS: u64 = 1000;
const OLD: &str = "1.0.0";
const NEW: &str = "1.1.0";

/// All storage of a device.
#[derive(Clone)]
pub struct Storage {
    pub disks: Vec<Disk>,
    pub records: Records,
    pub log: Log,
}

impl Storage {
    fn of(bases: Vec<Arc<Vec<u8>>>) -> Self {
        let log = Log::default();
        let disk = |(number, base)| Disk::with(number, base, model::Sectors::new(), log.clone());
        let disks = bases.into_iter().enumerate().map(disk).collect();
        Self { disks, records: Records::with(BTreeMap::new(), log.clone()), log }
    }

    pub fn machine(&self, running: Slot, version: &str) -> Machine {
        let disk = |number: usize| -> crate::machine::Device { Arc::new(self.disks[number].clone()) };
        Machine {
            running,
            version: version.parse().unwrap(),
            epoch: 0,
            store: Box::new(self.records.clone()),
            esp: disk(ESP),
            running_root: disk(root_disk(running)),
            running_verity: disk(root_disk(running) + 1),
            other_root: disk(root_disk(running.other())),
            other_verity: disk(root_disk(running.other()) + 1),
        }
    }

    /// The same bytes, with a log that begins now.
    fn again(&self) -> Self {
        let log = Log::default();
        let fresh =
            |(number, disk): (usize, &Disk)| Disk::with(number, disk.base(), disk.sectors(), log.clone());
        let disks = self.disks.iter().enumerate().map(fresh).collect();
        Self { disks, records: Records::with(self.records.contents(), log.clone()), log }
    }
}

/// Releases, the device that takes them, and who judges it.
struct World {
    maker: Maker,
    judge: Judge,
    start: Storage,
}

impl World {
    /// `OLD` runs in slot a and is kept; slot b holds something older that was kept, too.
    fn new() -> Self {
        Self::with(esp_image)
    }

    /// With another layout of the boot loader's partition.
    fn with(make_esp: impl FnOnce(&[(&str, &[u8])]) -> Vec<u8>) -> Self {
        let mut maker = Maker::new();
        let (older, old, new) = (image(3, BLOCKS), image(5, BLOCKS), image(9, BLOCKS));
        // The new one shares a third of its blocks with the old one.
        let new = [&old[..BLOCKS / 3 * 4096], &new[BLOCKS / 3 * 4096..]].concat();
        let mut judge = Judge::default();
        for (version, image) in [("0.9.0", &older), (OLD, &old), (NEW, &new)] {
            judge.know(version, image);
        }
        let ukis = [uki(OLD, Slot::A, &old), uki("0.9.0", Slot::B, &older)];
        let esp = make_esp(&[("weft-a_1.0.0_kept+3.efi", &ukis[0]), ("weft-b_0.9.0_kept+3.efi", &ukis[1])]);
        let padded = |mut bytes: Vec<u8>| {
            bytes.resize(256 << 10, 0);
            Arc::new(bytes)
        };
        let tree = |image: &[u8]| padded(fixture::hash_device(image).0);
        let bases = vec![Arc::new(esp), padded(old.clone()), tree(&old), padded(older.clone()), tree(&older)];
        maker.release(NEW, &new, |release| release.epoch = 2);
        maker.publish();
        Self { maker, judge, start: Storage::of(bases) }
    }

    fn repository(&self, store: &Records) -> Repository {
        let source = Arc::new(Folder::open(self.maker.folder()).unwrap());
        let root = std::fs::read(self.maker.path("metadata/1.root.json")).unwrap();
        Repository::load(source, store, &root).unwrap()
    }
}

/// Takes the newest release up to the boot loader.
fn update(machine: &Machine, repository: &Repository) {
    let standing = Standing::load(&*machine.store).unwrap();
    match stage::choose(repository, machine, PRODUCT, &standing).unwrap() {
        Choice::Current => {}
        Choice::Take(release, _) => {
            stage::download(machine, repository, &release, 1).unwrap();
            activate::activate(machine).unwrap();
        }
    }
}

/// What the boot loader does until a system runs.
fn boot(storage: &Storage, judge: &Judge) -> (Slot, String) {
    let Start { slot, version, renames } = judge.boot(storage).unwrap();
    let mut esp = storage.machine(slot, &version).open_esp().unwrap();
    renames.iter().for_each(|(from, to)| esp.rename(from, to).unwrap());
    (slot, version)
}

/// What is done at a good boot, the first one and every other.
fn keep(storage: &Storage, slot: Slot, version: &str) {
    let machine = storage.machine(slot, version);
    let entry = keep::refill(&mut machine.open_esp().unwrap(), slot).unwrap();
    records::blessed(&*machine.store, slot, &entry.version).unwrap();
}

fn boot_and_keep(storage: &Storage, judge: &Judge) -> (Slot, String) {
    let (slot, version) = boot(storage, judge);
    keep(storage, slot, &version);
    (slot, version)
}

/// Judges all crash states of what a scenario does from `start` on; how many there were.
fn every_crash_of(
    world: &World,
    start: &Storage,
    may_run: &[&str],
    scenario: impl Fn(&Storage),
    seeds: u64,
) -> usize {
    let log = log_of(start, scenario);
    assert!(log.iter().any(|event| matches!(event, Event::Write { .. })), "nothing was written");
    let repository = world.repository(&Records::default());
    let mut count = 0;
    for moment in 0..=log.len() {
        for crash in Crash::all_at(&log, moment, seeds) {
            let storage = crash.apply(start);
            world.judge.check(&storage, may_run).unwrap_or_else(|wrong| panic!("{crash}: {wrong}"));
            count += 1;
            // The whole way is gone from a part of the states.
            if count % 100 == 0 {
                let (slot, version) = boot_and_keep(&storage, &world.judge);
                update(&storage.machine(slot, &version), &repository);
                let (_, version) = boot_and_keep(&storage, &world.judge);
                assert_eq!(version, NEW, "{crash}: the next update did not arrive");
            }
        }
    }
    count
}

#[test]
fn whenever_the_power_goes_a_whole_system_starts_and_the_next_update_works() {
    let world = World::new();
    let mut total = 0;
    let mut add = |name: &str, count: usize| {
        println!("{name}: {count} crash states, 0 bad");
        total += count;
    };
    let repository = world.repository(&Records::default());
    let run = |storage: &Storage| update(&storage.machine(Slot::A, OLD), &repository);
    let updated = world.start.again();
    run(&updated);
    add("download, stage and activate", every_crash_of(&world, &world.start, &[OLD, NEW], run, SEEDS));
    let keep_new = |storage: &Storage| keep(storage, Slot::B, NEW);
    let tried = updated.again();
    assert_eq!(boot(&tried, &world.judge), (Slot::B, NEW.to_owned()));
    add("keep", every_crash_of(&world, &tried, &[NEW], keep_new, SEEDS));
    let kept = tried.again();
    keep_new(&kept);
    let later = kept.again();
    boot(&later, &world.judge);
    add("keep at a later boot", every_crash_of(&world, &later, &[NEW], keep_new, SEEDS));
    let back = |storage: &Storage| drop(activate::roll_back(&storage.machine(Slot::B, NEW)).unwrap());
    add("roll back", every_crash_of(&world, &kept, &[OLD, NEW], back, SEEDS));
    let log = log_of(&world.start, run);
    for part in [3, 2] {
        let halfway = Crash::all_at(&log, log.len() * (part - 1) / part, 1).remove(0).apply(&world.start);
        add("resume", every_crash_of(&world, &halfway, &[OLD, NEW], run, SEEDS));
    }
    println!("{total} crash states, 0 bad");
    assert!(total >= 10_000, "only {total} crash states");
}

/// The judge must be able to say no: on a disk that ignores flushes, the same update has bad states.
#[test]
fn a_disk_that_lies_about_flushes_is_found_out() {
    let world = World::new();
    let repository = world.repository(&Records::default());
    let mut log = log_of(&world.start, |storage| update(&storage.machine(Slot::A, OLD), &repository));
    log.retain(|event| *event != Event::Flush { disk: ESP });
    let states = (0..=log.len()).flat_map(|moment| Crash::all_at(&log, moment, 20));
    let bad = states.filter(|crash| world.judge.check(&crash.apply(&world.start), &[OLD, NEW]).is_err());
    assert!(bad.take(1).count() == 1, "no bad state was found");
}

fn log_of(start: &Storage, scenario: impl Fn(&Storage)) -> Vec<Event> {
    let run = start.again();
    scenario(&run);
    let log = run.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    log.clone()
}
