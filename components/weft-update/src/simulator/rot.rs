//! A slot that was good and loses bytes, and renames that one write cannot do.

use super::*;
use crate::device::BlockDevice;
use crate::esp::Esp;

fn names(storage: &Storage) -> Vec<String> {
    let mut names = storage.machine(Slot::A, OLD).open_esp().unwrap().names().unwrap();
    names.sort();
    names
}

/// `NEW` was kept in slot b, and then a block of it changed.
fn rotten(world: &World) -> Storage {
    let storage = world.start.again();
    update(&storage.machine(Slot::A, OLD), &world.repository(&Records::default()));
    assert_eq!(boot_and_keep(&storage, &world.judge), (Slot::B, NEW.to_owned()));
    storage.disks[root_disk(Slot::B)].write(7 * 4096, &[0x55; 512]).unwrap();
    storage.again()
}

#[test]
fn a_kept_slot_that_rots_is_left_and_mended_by_the_next_update() {
    let mut world = World::new();
    let storage = rotten(&world);
    world.judge.may_rot = true;
    assert_eq!(boot(&storage, &world.judge), (Slot::A, OLD.to_owned()), "the good slot is never tried");
    assert_eq!(names(&storage), ["weft-a_1.0.0_kept+2-1.efi", "weft-b_1.1.0_kept+0-3.efi"]);
    let fallen = storage.again();
    let keep_old = |storage: &Storage| keep(storage, Slot::A, OLD);
    let kept = every_crash_of(&world, &fallen, &[OLD], keep_old, SEEDS);
    keep_old(&fallen);
    let machine = fallen.machine(Slot::A, OLD);
    activate::remember_failures(&machine).unwrap();
    assert!(Standing::load(&*machine.store).unwrap().given_up.is_empty(), "it was good");
    let repository = world.repository(&Records::default());
    let run = |storage: &Storage| update(&storage.machine(Slot::A, OLD), &repository);
    let mended = every_crash_of(&world, &fallen.again(), &[OLD, NEW], run, SEEDS / 10);
    println!("kept after the fall: {kept}, mended: {mended} crash states, 0 bad");
    run(&fallen);
    world.judge.may_rot = false;
    assert_eq!(boot_and_keep(&fallen, &world.judge), (Slot::B, NEW.to_owned()));
    assert_eq!(names(&fallen), ["weft-a_1.0.0_kept+3.efi", "weft-b_1.1.0_kept+3.efi"]);
}

/// Older images took the counters of a good release away.
#[test]
fn a_release_without_counters_is_counted_from_its_next_good_boot_on() {
    let world = World::new();
    let storage = world.start.again();
    let mut esp = storage.machine(Slot::A, OLD).open_esp().unwrap();
    for (name, old) in
        [("weft-a_1.0.0_kept+3.efi", "weft-a_1.0.0.efi"), ("weft-b_0.9.0_kept+3.efi", "weft-b_0.9.0.efi")]
    {
        esp.rename(name, old).unwrap();
    }
    world.judge.outlives_rot(&storage).expect_err("nothing is counted");
    assert_eq!(boot_and_keep(&storage, &world.judge), (Slot::A, OLD.to_owned()));
    world.judge.outlives_rot(&storage).unwrap();
    update(&storage.machine(Slot::A, OLD), &world.repository(&Records::default()));
    assert_eq!(boot_and_keep(&storage, &world.judge), (Slot::B, NEW.to_owned()));
}

/// The records of slot a's entry lie across two sectors, as the firmware may put them: a rename adds the new name before it takes the old
/// one away. The boot loader cannot count to a name that is taken.
#[test]
fn a_rename_in_two_steps_never_leaves_names_at_which_counting_ends() {
    let name = "weft-a_1.0.0_kept+2-1.efi";
    let world = World::with(|entries| {
        // With "." and "..", which that implementation gives long names, too, the filler's 10 records end two before the sector does.
        let filler = "f".repeat(9 * 13);
        let files = [(filler.as_str(), &b""[..]), (name, entries[0].1), entries[1]];
        let disk = Disk::new(esp_image(&files));
        Esp::open(disk.clone()).unwrap().remove(&filler).unwrap();
        let mut bytes = vec![0; disk.len() as usize];
        disk.read(0, &mut bytes).unwrap();
        bytes
    });
    let mut esp = world.start.again().machine(Slot::A, OLD).open_esp().unwrap();
    assert!(!esp.rename_at_once(name, "weft-a_1.0.0_kept+3.efi").unwrap(), "the records lie in one sector");
    let count = every_crash_of(&world, &world.start, &[OLD], |storage| keep(storage, Slot::A, OLD), SEEDS);
    assert!(count > 10, "{count} crash states");
}
