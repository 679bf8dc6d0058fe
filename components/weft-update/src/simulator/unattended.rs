//! Updates that nobody asked for, at the hours that the configuration allows.

use super::*;
use crate::automatic::{advance, is_settled, look};
use crate::cli::Updater;
use crate::config::{Automatic, Config};
use crate::records::{RESTART, Restart};
use crate::state::{self, Phase, STATUS, Status};
use jiff::Timestamp;
use std::cell::RefCell;

const WINDOW: Automatic = Automatic { from: 2, to: 5, every: 60 };

/// Takes the next step; each look at the clock takes the next of these times, the last one again and again.
fn step(world: &World, updater: &Updater, times: &[&str]) -> bool {
    step_in(world, updater, times, "boot 1").unwrap()
}

fn step_in(world: &World, updater: &Updater, times: &[&str], boot_id: &str) -> anyhow::Result<bool> {
    let repository = world.repository(&Records::default());
    let release = updater.check(&repository).unwrap().unwrap();
    let left: RefCell<Vec<&str>> = RefCell::new(times.iter().rev().copied().collect());
    let clock = || -> Timestamp {
        let mut left = left.borrow_mut();
        let time = if left.len() > 1 { left.pop().unwrap() } else { left[0] };
        format!("2026-03-02T{time}:00Z").parse().unwrap()
    };
    advance(updater, &repository, &release, &WINDOW, &clock, boot_id)
}

fn updater(world: &World) -> Updater {
    let config = Config {
        product: PRODUCT.to_owned(),
        source: "/".to_owned(),
        automatic: Some(WINDOW),
        certificates: None,
    };
    Updater { config, machine: world.start.again().machine(Slot::A, OLD), root: "/".into() }
}

/// This host has no stick with releases, as a device most of the time.
#[test]
fn without_a_stick_nobody_hears_of_a_look() {
    let world = World::new();
    let mut updater = updater(&world);
    updater.root = world.maker.path("metadata/1.root.json");
    updater.config.source = "usb".to_owned();
    look(&updater, &WINDOW).unwrap();
    updater.config.source = "/nowhere".to_owned();
    look(&updater, &WINDOW).unwrap_err();
}

#[test]
fn a_release_that_the_boot_loader_passes_over_does_not_restart_the_device_all_night() {
    let world = World::new();
    let updater = updater(&world);
    let store = &*updater.machine.store;
    assert!(step(&world, &updater, &["02:00"]));
    let restart = Restart { version: NEW.parse().unwrap(), boot_id: "boot 1".to_owned() };
    state::save(store, RESTART, &restart).unwrap();
    assert!(step(&world, &updater, &["02:01"]), "the restart failed");
    let error = step_in(&world, &updater, &["02:02"], "boot 2").unwrap_err().to_string();
    assert!(error.contains(NEW) && error.contains("kernel image"), "{error}");
    let names = updater.machine.open_esp().unwrap().names().unwrap();
    assert_eq!(names, ["weft-a_1.0.0_kept+3.efi"]);
    assert!(!step_in(&world, &updater, &["02:03"], "boot 2").unwrap(), "it was given up");
}

#[test]
fn the_device_restarts_within_its_hours_and_until_the_release_was_tried() {
    let world = World::new();
    let updater = updater(&world);
    let names = || {
        let mut names = updater.machine.open_esp().unwrap().names().unwrap();
        names.sort();
        names
    };
    assert!(!step(&world, &updater, &["04:50", "07:50"]), "the download took three hours");
    assert_eq!(names(), ["weft-a_1.0.0_kept+3.efi"]);
    let status: Status = state::load(&*updater.machine.store, STATUS).unwrap().unwrap();
    assert_eq!(status.phase, Phase::Staged);
    assert!(step(&world, &updater, &["02:00"]), "the next night");
    assert_eq!(names(), ["weft-a_1.0.0_kept+3.efi", "weft-b_1.1.0+3.efi"]);
    assert!(!step(&world, &updater, &["12:00"]), "the restart failed; by day it is not tried again");
    assert!(step(&world, &updater, &["03:00"]), "the night after");
    updater.machine.open_esp().unwrap().remove("weft-b_1.1.0+3.efi").unwrap();
    assert!(step(&world, &updater, &["03:00"]), "nothing waits for a restart any more");
    assert_eq!(names(), ["weft-a_1.0.0_kept+3.efi", "weft-b_1.1.0+3.efi"]);
}

#[test]
fn nothing_is_looked_for_until_the_running_release_has_its_tries_back() {
    let settled = |name: &str| {
        let storage = World::new().start.again();
        let machine = storage.machine(Slot::A, OLD);
        machine.open_esp().unwrap().rename("weft-a_1.0.0_kept+3.efi", name).unwrap();
        is_settled(&machine).unwrap()
    };
    assert!(!settled("weft-a_1.0.0_kept+2-1.efi"), "this boot was not found good yet");
    for name in ["weft-a_1.0.0_kept+3.efi", "weft-a_1.0.0.efi", "weft-a_1.0.0_kept+0-3.efi"] {
        assert!(settled(name), "{name}");
    }
}
