//! What people, other processes and failing parts do between the steps of an update.

use super::*;

fn names(storage: &Storage) -> Vec<String> {
    let mut names = storage.machine(Slot::A, OLD).open_esp().unwrap().names().unwrap();
    names.sort();
    names
}

#[test]
fn going_back_before_the_restart_undoes_the_update() {
    let world = World::new();
    let storage = world.start.again();
    let machine = storage.machine(Slot::A, OLD);
    update(&machine, &world.repository(&Records::default()));
    let stays = activate::roll_back(&machine).unwrap();
    assert_eq!(names(&storage), ["weft-a_1.0.0.efi"], "the untried system must not become the only one");
    assert_eq!(stays.to_string(), OLD);
    let standing = Standing::load(&*machine.store).unwrap();
    assert_eq!(standing.given_up, ["1.1.0".parse().unwrap()], "what was undone does not come by itself");
    assert!(matches!(activate::roll_back(&machine), Err(activate::Error::NoOther(Slot::B))));
    update(&machine, &world.repository(&Records::default()));
    assert_eq!(boot_and_bless(&storage, &world.judge), (Slot::B, NEW.to_owned()));
}

#[test]
fn a_downgrade_can_be_taken_back_and_going_back_twice_is_going_back_once() {
    let world = World::new();
    let storage = world.start.again();
    let machine = storage.machine(Slot::A, OLD);
    for _ in 0..2 {
        assert_eq!(activate::roll_back(&machine).unwrap().to_string(), "0.9.0");
        assert_eq!(names(&storage), ["weft-a_1.0.0+0.efi", "weft-b_0.9.0+3.efi"]);
    }
    let storage = world.start.again();
    let machine = storage.machine(Slot::A, OLD);
    update(&machine, &world.repository(&Records::default()));
    machine.open_esp().unwrap().rename("weft-a_1.0.0.efi", "weft-a_1.0.0+0.efi").unwrap();
    activate::roll_back(&machine).unwrap();
    assert_eq!(names(&storage), ["weft-a_1.0.0.efi"]);
}
