//! What is refused at launch, each attack by its name.

mod common;

use common::{BASICS, DEVELOPMENT, ID, World, component, id, manifest};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use weft_package::launch::{self, Publisher, Refusal};
use weft_package::record::{Owner, Records};
use weft_package::store::Options;
use weft_package::{Store, signature};

/// An installed app of a trusted publisher.
fn installed() -> (World, weft_package::key::SecretKey) {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    world.install(&world.signed("1.0.0", &["sys:notifications"], &key)).unwrap();
    (world, key)
}

fn refusal(world: &World) -> String {
    world.open().expect_err("the attack succeeded: the app is launched").to_string()
}

#[test]
fn a_sound_app_is_launched_from_its_revision() {
    let (world, key) = installed();
    let app = world.open().unwrap();
    assert_eq!(app.publisher, Publisher::Owner(Owner::Publisher(key.public())));
    assert!(app.package.folder.starts_with(world.places.store().join(".revisions").join(ID)));
    assert!(!app.package.folder.is_symlink());
}

#[test]
fn file_changed_after_installation() {
    let (world, _) = installed();
    fs::write(world.active().join("ui/index.html"), "<p>evil").unwrap();
    assert!(refusal(&world).contains("was changed after it was installed"));
}

#[test]
fn file_added_after_installation() {
    let (world, _) = installed();
    fs::write(world.active().join("ui/more.js"), "evil()").unwrap();
    assert!(refusal(&world).contains("was changed after it was installed"));
}

#[test]
fn file_removed_after_installation() {
    let (world, _) = installed();
    fs::remove_file(world.active().join("ui/index.html")).unwrap();
    assert!(refusal(&world).contains("was changed after it was installed"));
}

#[test]
fn file_replaced_by_a_link_to_the_same_contents() {
    let (world, _) = installed();
    let page = world.active().join("ui/index.html");
    fs::copy(&page, world.path("copy.html")).unwrap();
    fs::remove_file(&page).unwrap();
    symlink(world.path("copy.html"), &page).unwrap();
    assert!(refusal(&world).contains("is a link or a special file"));
}

#[test]
fn signature_of_another_publisher_put_in_place() {
    let (world, _) = installed();
    let evil = world.key("evil");
    world.trust(&evil);
    signature::sign(&world.active(), &evil).unwrap();
    assert!(refusal(&world).contains("was changed after it was installed"));
}

#[test]
fn revision_of_another_publisher_renamed_to_fit() {
    let (world, _) = installed();
    let (evil, other) = (world.key("evil"), World::new());
    other.trust(&evil);
    let installed = other.install(&other.signed("1.0.0", &[], &evil)).unwrap();
    let name = weft_package::hex::encode(&installed.revision);
    let target = Path::new(".revisions").join(ID).join(&name);
    fs::rename(other.places.store().join(&target), world.places.store().join(&target)).unwrap();
    fs::remove_file(world.active()).unwrap();
    symlink(&target, world.active()).unwrap();
    assert!(refusal(&world).contains("is not the one of"));
}

#[test]
fn publishers_key_withdrawn() {
    let (world, key) = installed();
    world.distrust(&key);
    let text = refusal(&world);
    assert!(text.contains("is not trusted any more") && text.contains("keys"), "{text}");
    world.trust(&key);
    world.open().unwrap();
}

#[test]
fn folder_put_into_the_store_by_hand() {
    let world = World::new();
    common::package(&world.active(), "1.0.0", &[]);
    assert!(refusal(&world).contains("was not made by an installation"));
}

#[test]
fn link_out_of_the_store() {
    let world = World::new();
    let elsewhere = world.package("1.0.0", &[]);
    fs::create_dir_all(world.places.store()).unwrap();
    symlink(&elsewhere, world.active()).unwrap();
    assert!(refusal(&world).contains("was not made by an installation"));
}

#[test]
fn link_to_another_apps_revision() {
    let (world, _) = installed();
    let target = fs::read_link(world.active()).unwrap();
    let other = "org.example.other";
    symlink(target, world.places.store().join(other)).unwrap();
    let error = launch::open(&world.places, &other.parse().unwrap()).unwrap_err();
    assert!(matches!(error, Refusal::Foreign(_)), "{error}");
}

#[test]
fn app_that_takes_the_id_of_a_system_app() {
    let (world, _) = installed();
    common::package(&world.places.system.join(ID), "1.0.0", &[]);
    assert!(refusal(&world).contains("has the id of an app of the system"));
    let error = world.install_dev(&world.package("2.0.0", &[])).unwrap_err();
    assert!(error.to_string().contains("is an app of the system"), "{error}");
}

#[test]
fn system_app_needs_no_signature() {
    let world = World::new();
    common::package(&world.places.system.join(ID), "1.0.0", &["sys:notifications"]);
    let app = world.open().unwrap();
    assert_eq!(app.publisher, Publisher::System);
    assert!(app.lock.is_none());
}

#[test]
fn system_app_that_is_a_link() {
    let world = World::new();
    fs::create_dir_all(&world.places.system).unwrap();
    symlink(world.package("1.0.0", &[]), world.places.system.join(ID)).unwrap();
    assert!(matches!(world.open(), Err(Refusal::Foreign(_))));
}

#[test]
fn owner_record_removed_or_damaged() {
    let (world, _) = installed();
    let record = world.places.data.join("owners").join(ID);
    fs::write(&record, "not a key").unwrap();
    assert!(refusal(&world).contains("is damaged"));
    fs::remove_file(&record).unwrap();
    assert!(refusal(&world).contains("has no owner on record"));
}

#[test]
fn approval_taken_back() {
    let (world, _) = installed();
    fs::write(world.places.data.join("approvals").join(ID), "").unwrap();
    assert!(refusal(&world).contains("asks for sys:notifications, which was not allowed"));
    Store::new(&world.places).approve(&id(), &[]).unwrap();
    world.open().unwrap();
}

#[test]
fn development_owner_does_not_excuse_a_changed_file() {
    let world = World::new();
    world.install_dev(&world.package("1.0.0", &[])).unwrap();
    fs::write(world.active().join("app.wasm"), component(&BASICS[..1])).unwrap();
    assert!(refusal(&world).contains("was changed after it was installed"));
}

#[test]
fn missing_app_is_told_apart_from_a_refused_one() {
    let error = World::new().open().unwrap_err();
    assert!(matches!(error, Refusal::NotInstalled { .. }) && !error.is_host_fault(), "{error}");
}

#[test]
fn live_session_keeps_its_files_through_updates() {
    let world = World::new();
    world.install_dev(&world.package("1.0.0", &[])).unwrap();
    let session = world.open().unwrap();
    for version in ["2.0.0", "3.0.0", "4.0.0"] {
        world.install_dev(&world.package(version, &[])).unwrap();
    }
    assert_eq!(fs::read_to_string(session.package.entry().unwrap()).unwrap(), "<p>1.0.0");
    let error = Store::new(&world.places).uninstall(&id(), false).unwrap_err();
    assert!(error.to_string().contains("is running"), "{error}");
    let folder = session.package.folder.clone();
    drop(session);
    world.install_dev(&world.package("5.0.0", &[])).unwrap();
    assert!(!folder.exists(), "the revision of an ended session stays for ever");
    Store::new(&world.places).uninstall(&id(), false).unwrap();
    assert!(matches!(world.open(), Err(Refusal::NotInstalled { .. })));
}

#[test]
fn capability_without_anything_behind_it() {
    let world = World::new();
    let folder = world.package("1.0.0", &[]);
    fs::write(folder.join("wapp.toml"), manifest("1.0.0", &["hw:gpu:render"])).unwrap();
    let error = world.install_dev(&folder).unwrap_err();
    assert!(error.to_string().contains("nothing on this system stands behind it"), "{error}");
}

#[test]
fn records_of_two_apps_are_apart() {
    let (world, key) = installed();
    let records = Records::of(&world.places, &"org.example.other".parse().unwrap());
    assert_eq!(records.owner().unwrap(), None);
    assert_eq!(Records::of(&world.places, &id()).owner().unwrap(), Some(Owner::Publisher(key.public())));
    let options = Options { claim_data: true, ..DEVELOPMENT };
    let error = Store::new(&world.places).install(&world.package("2.0.0", &[]), options).unwrap_err();
    assert!(error.to_string().contains("only its first publisher may update"), "{error}");
}
