//! What people, other processes and failing parts do between the steps of an update.

use super::*;
use crate::device::BlockDevice;
use crate::records::STAGED;
use crate::state::{Folder as Kept, Store};
use rustix::fs::{FlockOperation, flock};

fn names(storage: &Storage) -> Vec<String> {
    let mut names = storage.machine(Slot::A, OLD).open_esp().unwrap().names().unwrap();
    names.sort();
    names
}

/// Stages `NEW` without handing it to the boot loader.
fn stage_new(world: &World, machine: &Machine) -> Result<(), stage::Error> {
    let repository = world.repository(&Records::default());
    let standing = Standing::load(&*machine.store).unwrap();
    let Choice::Take(release, _) = stage::choose(&repository, machine, PRODUCT, &standing).unwrap() else {
        panic!("the new release is not offered");
    };
    stage::download(machine, &repository, &release, 1).map(drop)
}

#[test]
fn going_back_before_the_restart_undoes_the_update() {
    let world = World::new();
    let storage = world.start.again();
    let machine = storage.machine(Slot::A, OLD);
    update(&machine, &world.repository(&Records::default()));
    let stays = activate::roll_back(&machine).unwrap();
    assert_eq!(
        names(&storage),
        ["weft-a_1.0.0_kept+3.efi"],
        "the untried system must not become the only one"
    );
    assert_eq!(stays.to_string(), OLD);
    let standing = Standing::load(&*machine.store).unwrap();
    assert_eq!(standing.given_up, ["1.1.0".parse().unwrap()], "what was undone does not come by itself");
    assert!(matches!(activate::roll_back(&machine), Err(activate::Error::NoOther(Slot::B))));
    update(&machine, &world.repository(&Records::default()));
    assert_eq!(boot_and_keep(&storage, &world.judge), (Slot::B, NEW.to_owned()));
}

#[test]
fn a_downgrade_can_be_taken_back_and_going_back_twice_is_going_back_once() {
    let world = World::new();
    let storage = world.start.again();
    let machine = storage.machine(Slot::A, OLD);
    for _ in 0..2 {
        assert_eq!(activate::roll_back(&machine).unwrap().to_string(), "0.9.0");
        assert_eq!(names(&storage), ["weft-a_1.0.0_kept+0.efi", "weft-b_0.9.0+3.efi"]);
    }
    let storage = world.start.again();
    let machine = storage.machine(Slot::A, OLD);
    update(&machine, &world.repository(&Records::default()));
    machine.open_esp().unwrap().rename("weft-a_1.0.0_kept+3.efi", "weft-a_1.0.0_kept+0.efi").unwrap();
    activate::roll_back(&machine).unwrap();
    assert_eq!(names(&storage), ["weft-a_1.0.0_kept+3.efi"]);
}

#[test]
fn while_one_process_updates_no_other_touches_the_slots_or_the_boot_loader() {
    let world = World::new();
    let storage = world.start.again();
    let mut machine = storage.machine(Slot::A, OLD);
    let folder = tempfile::tempdir().unwrap();
    machine.store = Box::new(Kept::new(folder.path()));
    let held = std::fs::File::create(folder.path().join("lock")).unwrap();
    flock(&held, FlockOperation::LockExclusive).unwrap();
    let busy = |error: String| assert!(error.contains("another process"), "{error}");
    busy(stage_new(&world, &machine).expect_err("staged").to_string());
    busy(activate::activate(&machine).expect_err("activated").to_string());
    busy(activate::roll_back(&machine).expect_err("rolled back").to_string());
    assert!(storage.log.lock().unwrap().is_empty(), "something was written");
    drop(held);
    stage_new(&world, &machine).unwrap();
    activate::activate(&machine).unwrap();
    assert_eq!(names(&storage), ["weft-a_1.0.0_kept+3.efi", "weft-b_1.1.0+3.efi"]);
}

#[test]
fn what_was_damaged_after_staging_is_downloaded_again() {
    let world = World::new();
    type Damage<'a> = &'a dyn Fn(&Storage);
    let damage: [(&str, Damage<'_>); 5] = [
        ("a block", &|storage| storage.disks[root_disk(Slot::B)].write(0, &[7; 512]).unwrap()),
        ("the hash tree", &|storage| storage.disks[root_disk(Slot::B) + 1].write(4096, &[7; 512]).unwrap()),
        ("the parity", &|storage| storage.disks[root_disk(Slot::B) + 1].write(8192, &[7; 512]).unwrap()),
        ("the kernel image", &|storage| storage.records.save(records::UKI, b"cut").unwrap()),
        ("the record", &|storage| storage.records.save(STAGED, b"{\"slot\":\"b\",\"later\":1}").unwrap()),
    ];
    for (what, damage) in damage {
        let storage = world.start.again();
        let machine = storage.machine(Slot::A, OLD);
        stage_new(&world, &machine).unwrap();
        damage(&storage);
        assert!(activate::activate(&machine).is_err(), "{what} is damaged");
        stage_new(&world, &machine).unwrap();
        activate::activate(&machine).unwrap_or_else(|error| panic!("{what} stays damaged: {error}"));
        assert_eq!(boot_and_keep(&storage, &world.judge), (Slot::B, NEW.to_owned()), "{what}");
    }
}

#[test]
fn a_full_boot_partition_costs_the_device_nothing() {
    let world = World::new();
    let storage = world.start.again();
    let machine = storage.machine(Slot::A, OLD);
    let mut esp = machine.open_esp().unwrap();
    esp.remove("weft-b_0.9.0_kept+3.efi").unwrap();
    esp.install("weft-b_0.9.0_kept+3.efi", 600, std::io::repeat(1)).unwrap();
    let full = esp.install("filler", u32::MAX >> 1, std::io::empty()).unwrap_err();
    let crate::esp::Error::Full { room, .. } = full else { panic!("{full}") };
    esp.install("filler", room as u32, std::io::repeat(1)).unwrap();
    let before = names(&storage);
    let error = stage_new(&world, &machine).expect_err("there is no room for the kernel image");
    assert!(error.to_string().contains("is full"), "{error}");
    assert_eq!(names(&storage), before, "the fallback is gone");
    esp.remove("filler").unwrap();
    stage_new(&world, &machine).unwrap();
}

#[test]
fn nothing_else_that_the_boot_loader_sees_outlives_the_slot_that_it_starts() {
    let world = World::new();
    let storage = world.start.again();
    let machine = storage.machine(Slot::A, OLD);
    let mut esp = machine.open_esp().unwrap();
    let kernel = esp.read("weft-b_0.9.0_kept+3.efi").unwrap();
    for name in ["W~000009.EFI", "weft-b-of-old.efi"] {
        esp.install(name, kernel.len() as u32, &*kernel).unwrap();
    }
    stage_new(&world, &machine).unwrap();
    assert_eq!(names(&storage), ["weft-a_1.0.0_kept+3.efi"]);
}

#[test]
fn what_never_ran_well_is_given_up_and_what_stopped_starting_is_not() {
    let given_up = |name: &str| {
        let storage = World::new().start.again();
        let machine = storage.machine(Slot::A, OLD);
        machine.open_esp().unwrap().rename("weft-b_0.9.0_kept+3.efi", name).unwrap();
        activate::remember_failures(&machine).unwrap();
        !Standing::load(&*machine.store).unwrap().given_up.is_empty()
    };
    assert!(given_up("weft-b_0.9.0+0-3.efi"), "it failed its trial");
    assert!(!given_up("weft-b_0.9.0_kept+0-3.efi"), "it was good, and its slot rotted");
    assert!(given_up("weft-b_0.9.0_kept+0.efi"), "somebody went back from it");
    assert!(!given_up("weft-b_0.9.0_kept+3.efi"));
}
