//! A power cut behind every single change of every transaction leaves the old version or the new one, whole and launchable.

mod common;

use common::recorder::{Change, Recorder, after_power_cut, copy_tree};
use common::{DEVELOPMENT, ID, World, id, places};
use std::path::Path;
use weft_package::launch::{self, Refusal};
use weft_package::store::Options;
use weft_package::{Places, Store};

const APPROVED: Options = Options { development: false, claim_data: false, approve: true, keep_image: false };

/// The version that is launched, `None` where there is no app. Anything else is a broken state.
fn launched(places: &Places) -> Option<String> {
    match launch::open(places, &id()) {
        Ok(app) => {
            let page = std::fs::read_to_string(app.package.entry().unwrap()).unwrap();
            let version = app.package.manifest.version.to_string();
            assert_eq!(page, format!("<p>{version}"), "the files are of another version than the manifest");
            Some(version)
        }
        Err(Refusal::NotInstalled { .. }) => None,
        Err(refusal) => panic!("the app is left broken: {refusal}"),
    }
}

/// Runs a transaction, then looks at every state that a power cut during it may leave.
fn for_every_power_cut(world: &World, transaction: impl Fn(&Store<'_>), mut check: impl FnMut(&Places)) {
    let root = world.path("world");
    let before = world.path("before");
    copy_tree(&root, &before);
    let recorder = Recorder::default();
    transaction(&Store::with_disk(&world.places, &recorder));
    let changes = recorder.changes();
    assert!(changes.len() > 5, "only {} changes were recorded", changes.len());
    type Survives = fn(usize) -> bool;
    let kinds: [Survives; 4] = [|_| false, |_| true, |index| index % 2 == 0, |index| index % 2 == 1];
    for count in 0..=changes.len() {
        for survives in kinds {
            let copy = world.path("copy");
            after_power_cut(&before, &root, &copy, &changes[..count], survives);
            check(&places(&copy));
            std::fs::remove_dir_all(&copy).unwrap();
        }
    }
}

fn old_or_new(world: &World, old: Option<&str>, new: Option<&str>, transaction: impl Fn(&Store<'_>)) {
    let mut seen = Vec::new();
    let next = world.package("9.0.0", &[]);
    for_every_power_cut(world, transaction, |places| {
        let found = launched(places);
        assert!(found.as_deref() == old || found.as_deref() == new, "{found:?} is active");
        seen.push(found);
        if seen.len() % 5 == 0 {
            works_on(places, &next);
        }
    });
    assert!(seen.iter().any(|found| found.as_deref() == old), "no power cut came before the switch");
    assert_eq!(seen.last().unwrap().as_deref(), new, "the transaction did nothing");
}

/// Whatever a power cut left, the next installation works and leaves no rubbish.
fn works_on(places: &Places, next: &Path) {
    let store = Store::new(places);
    let claimed = Options { claim_data: true, ..DEVELOPMENT };
    if let Err(error) = store.uninstall(&id(), true) {
        assert!(error.to_string().contains("not installed"), "{error}");
    }
    store.install(next, claimed).unwrap();
    assert_eq!(launched(places).as_deref(), Some("9.0.0"));
    let revisions = std::fs::read_dir(places.store().join(".revisions").join(ID)).unwrap();
    assert!(revisions.count() <= 2, "revisions are left behind");
    let staging = std::fs::read_dir(places.store().join(".staging")).unwrap();
    let left: Vec<_> =
        staging.map(|entry| entry.unwrap().file_name()).filter(|name| name != ".lock").collect();
    assert!(left.is_empty(), "{left:?} is left behind");
}

#[test]
fn a_first_installation() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    let package = world.signed("1.0.0", &["sys:notifications"], &key);
    old_or_new(&world, None, Some("1.0.0"), |store| {
        store.install(&package, Options::default()).unwrap();
    });
}

#[test]
fn an_update_that_asks_for_more() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    world.install(&world.signed("1.0.0", &["wasi:env"], &key)).unwrap();
    let package = world.signed("2.0.0", &["sys:notifications"], &key);
    old_or_new(&world, Some("1.0.0"), Some("2.0.0"), |store| {
        store.install(&package, APPROVED).unwrap();
    });
}

#[test]
fn an_update_that_removes_the_version_before_the_last() {
    let world = World::new();
    for version in ["1.0.0", "2.0.0"] {
        world.install_dev(&world.package(version, &[])).unwrap();
    }
    let package = world.package("3.0.0", &[]);
    old_or_new(&world, Some("2.0.0"), Some("3.0.0"), |store| {
        store.install(&package, DEVELOPMENT).unwrap();
    });
}

#[test]
fn a_rollback() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    world.install(&world.signed("1.0.0", &["wasi:env"], &key)).unwrap();
    Store::new(&world.places)
        .install(&world.signed("2.0.0", &["sys:notifications"], &key), APPROVED)
        .unwrap();
    old_or_new(&world, Some("2.0.0"), Some("1.0.0"), |store| {
        store.rollback(&id()).unwrap();
    });
}

#[test]
fn an_uninstallation() {
    let world = World::new();
    for version in ["1.0.0", "2.0.0"] {
        world.install_dev(&world.package(version, &["sys:notifications"])).unwrap();
    }
    old_or_new(&world, Some("2.0.0"), None, |store| store.uninstall(&id(), false).unwrap());
}

#[test]
fn after_a_power_cut_the_version_before_is_still_there() {
    let world = World::new();
    for version in ["1.0.0", "2.0.0"] {
        world.install_dev(&world.package(version, &[])).unwrap();
    }
    let package = world.package("3.0.0", &[]);
    for_every_power_cut(
        &world,
        |store| {
            store.install(&package, DEVELOPMENT).unwrap();
        },
        |places| {
            let active = launched(places).unwrap();
            let before = Store::new(places).rollback(&id()).unwrap().version.to_string();
            let expected = if active == "3.0.0" { "2.0.0" } else { "1.0.0" };
            assert_eq!(before, expected);
            assert_eq!(launched(places).as_deref(), Some(expected));
        },
    );
}

#[test]
fn the_test_would_notice_a_missing_flush() {
    let world = World::new();
    let root = world.path("world");
    let before = world.path("before");
    copy_tree(&root, &before);
    let recorder = Recorder::default();
    Store::with_disk(&world.places, &recorder).install(&world.package("1.0.0", &[]), DEVELOPMENT).unwrap();
    let unflushed: Vec<Change> =
        recorder.changes().into_iter().filter(|change| !matches!(change, Change::SyncTree(_))).collect();
    let copy = world.path("copy");
    after_power_cut(&before, &root, &copy, &unflushed, |_| false);
    assert!(
        matches!(launch::open(&places(&copy), &id()), Err(Refusal::Modified(_))),
        "the loss goes unnoticed"
    );
}
