//! Who may install what.

mod common;

use common::{BASICS, DEVELOPMENT, ID, World, component, id, manifest, snapshot};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use weft_package::Store;
use weft_package::store::{Error, Options, Outcome};

const APPROVE: Options = Options { development: false, claim_data: false, approve: true, keep_image: false };
const CLAIM: Options = Options { development: false, claim_data: true, approve: false, keep_image: false };

/// The installation is refused with this sentence and leaves the store as it was.
fn refused(world: &World, package: &Path, options: Options, sentence: &str) {
    let before = snapshot(world.places.store());
    let error = Store::new(&world.places)
        .install(package, options)
        .expect_err("the attack succeeded: it is installed");
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    assert!(text.contains(sentence), "{text}");
    let ours = |state: Vec<(std::path::PathBuf, Vec<u8>)>| -> Vec<_> {
        state
            .into_iter()
            .filter(|(path, _)| !path.to_string_lossy().contains("lock"))
            .filter(|(path, _)| !path.to_string_lossy().contains(".locks"))
            .collect()
    };
    assert_eq!(ours(before), ours(snapshot(world.places.store())), "something is half installed");
}

#[test]
fn package_without_a_signature() {
    let world = World::new();
    refused(&world, &world.package("1.0.0", &[]), Options::default(), "is not signed");
    assert_eq!(world.install_dev(&world.package("1.0.0", &[])).unwrap().outcome, Outcome::Installed);
}

#[test]
fn package_of_an_unknown_publisher() {
    let world = World::new();
    let package = world.signed("1.0.0", &[], &world.key("stranger"));
    refused(&world, &package, Options::default(), "is of no trusted publisher");
}

#[test]
fn file_changed_added_or_removed_after_signing() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    type Attack = fn(&Path);
    let attacks: [Attack; 4] = [
        |folder| fs::write(folder.join("app.wasm"), component(&["weft:app/notify@0.2.0"])).unwrap(),
        |folder| fs::write(folder.join("ui/extra.js"), "").unwrap(),
        |folder| fs::remove_file(folder.join("ui/style.css")).unwrap(),
        |folder| fs::rename(folder.join("ui/style.css"), folder.join("ui/style2.css")).unwrap(),
    ];
    for attack in attacks {
        let package = world.package("1.0.0", &[]);
        fs::write(package.join("ui/style.css"), "p {}").unwrap();
        weft_package::signature::sign(&package, &key).unwrap();
        attack(&package);
        refused(&world, &package, Options::default(), "is of no trusted publisher");
    }
}

#[test]
fn signature_over_another_app() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    let signed = world.signed("1.0.0", &[], &key);
    let other = world.package("1.0.1", &[]);
    fs::copy(signed.join("signature.sig"), other.join("signature.sig")).unwrap();
    refused(&world, &other, Options::default(), "is of no trusted publisher");
}

#[test]
fn signature_that_is_no_signature() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    for text in ["", "00", &"0".repeat(128), &"F".repeat(128), &"g".repeat(128), &"0".repeat(4096)] {
        let package = world.signed("1.0.0", &[], &key);
        fs::write(package.join("signature.sig"), text).unwrap();
        assert!(world.install(&package).is_err(), "{text}");
    }
}

#[test]
fn id_of_another_publisher() {
    let world = World::new();
    let (first, second) = (world.key("first"), world.key("second"));
    world.trust(&first);
    world.trust(&second);
    world.install(&world.signed("1.0.0", &[], &first)).unwrap();
    refused(
        &world,
        &world.signed("2.0.0", &[], &second),
        Options::default(),
        "only its first publisher may update",
    );
    refused(&world, &world.signed("2.0.0", &[], &second), CLAIM, "only its first publisher may update");
    refused(&world, &world.package("2.0.0", &[]), DEVELOPMENT, "only its first publisher may update");
    Store::new(&world.places).uninstall(&id(), false).unwrap();
    refused(&world, &world.signed("2.0.0", &[], &second), Options::default(), "--claim-data");
    Store::new(&world.places).install(&world.signed("2.0.0", &[], &second), CLAIM).unwrap();
    refused(
        &world,
        &world.signed("3.0.0", &[], &first),
        Options::default(),
        "only its first publisher may update",
    );
}

#[test]
fn data_left_by_somebody_else() {
    let world = World::new();
    let data = world.places.app_data(&id());
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("diary"), "dear diary").unwrap();
    refused(&world, &world.package("1.0.0", &[]), DEVELOPMENT, "holds data of an app of that name");
    Store::new(&world.places)
        .install(&world.package("1.0.0", &[]), Options { claim_data: true, ..DEVELOPMENT })
        .unwrap();
    assert_eq!(fs::read_to_string(data.join("diary")).unwrap(), "dear diary");
}

#[test]
fn older_version_sent_again() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    let old = world.signed("1.0.0", &[], &key);
    world.install(&old).unwrap();
    world.install(&world.signed("1.1.0", &[], &key)).unwrap();
    refused(&world, &old, Options::default(), "is older than the installed 1.1.0");
}

#[test]
fn update_that_asks_for_more() {
    let world = World::new();
    let key = world.key("key");
    world.trust(&key);
    let store = Store::new(&world.places);
    world.install(&world.signed("1.0.0", &["fs:rw:app-data"], &key)).unwrap();
    let update = world.signed("2.0.0", &["fs:rw:app-data", "net:fetch", "sys:clipboard:read"], &key);
    refused(
        &world,
        &update,
        Options::default(),
        "to exchange data with any public host over HTTP (net:fetch), and to read the clipboard",
    );
    assert_eq!(world.version(), "1.0.0");
    let approved = store.approve(&id(), &[]).unwrap();
    assert_eq!(approved.len(), 2);
    world.install(&update).unwrap();
    assert_eq!(world.version(), "2.0.0");
    // What was allowed once and given up is asked for again.
    world.install(&world.signed("3.0.0", &[], &key)).unwrap();
    refused(&world, &world.signed("4.0.0", &["net:fetch"], &key), Options::default(), "net:fetch");
    store.install(&world.signed("4.0.0", &["net:fetch"], &key), APPROVE).unwrap();
    // Less, or a narrower form of the same, needs nobody.
    world.install(&world.signed("5.0.0", &["net:fetch:example.org"], &key)).unwrap();
    refused(&world, &world.signed("6.0.0", &["net:fetch"], &key), Options::default(), "any public host");
}

#[test]
fn approving_half_is_not_enough() {
    let world = World::new();
    let store = Store::new(&world.places);
    world.install_dev(&world.package("1.0.0", &[])).unwrap();
    let update = world.package("2.0.0", &["sys:notifications", "sys:clipboard:write"]);
    refused(&world, &update, DEVELOPMENT, "sys:clipboard:write");
    store.approve(&id(), &["sys:notifications".parse().unwrap()]).unwrap();
    let Err(Error::NeedsApproval { added, .. }) = world.install_dev(&update) else {
        panic!("it is installed")
    };
    assert_eq!(added, ["sys:clipboard:write".parse().unwrap()]);
}

#[test]
fn rollback_goes_back_and_forth() {
    let world = World::new();
    let store = Store::new(&world.places);
    world.install_dev(&world.package("1.0.0", &["sys:notifications"])).unwrap();
    assert!(store.rollback(&id()).unwrap_err().to_string().contains("no earlier version"));
    world.install_dev(&world.package("2.0.0", &[])).unwrap();
    for version in ["1.0.0", "2.0.0", "1.0.0"] {
        store.rollback(&id()).unwrap();
        assert_eq!(world.version(), version);
    }
}

#[test]
fn rollback_to_a_changed_version() {
    let world = World::new();
    world.install_dev(&world.package("1.0.0", &[])).unwrap();
    let first = fs::canonicalize(world.active()).unwrap();
    world.install_dev(&world.package("2.0.0", &[])).unwrap();
    fs::write(first.join("ui/index.html"), "evil").unwrap();
    let error = Store::new(&world.places).rollback(&id()).unwrap_err();
    assert!(error.to_string().contains("was changed after it was installed"), "{error}");
    assert_eq!(world.version(), "2.0.0");
}

#[test]
fn damaged_installation_is_repaired_by_installing_again() {
    let world = World::new();
    let package = world.package("1.0.0", &[]);
    world.install_dev(&package).unwrap();
    assert_eq!(world.install_dev(&package).unwrap().outcome, Outcome::Unchanged);
    fs::write(world.active().join("ui/index.html"), "damaged").unwrap();
    world.install_dev(&package).unwrap();
    assert_eq!(world.version(), "1.0.0");
}

#[test]
fn uninstalling_keeps_data_and_purging_removes_it() {
    let world = World::new();
    let (store, data) = (Store::new(&world.places), world.places.app_data(&id()));
    assert!(matches!(store.uninstall(&id(), false), Err(Error::NotInstalled { .. })));
    world.install_dev(&world.package("1.0.0", &[])).unwrap();
    fs::create_dir_all(&data).unwrap();
    fs::write(data.join("note"), "x").unwrap();
    store.uninstall(&id(), false).unwrap();
    assert!(data.join("note").exists());
    store.uninstall(&id(), true).unwrap();
    assert!(!data.exists() && !world.places.data.join("owners").join(ID).exists());
}

#[test]
fn folder_with_links_devices_or_odd_names() {
    type Attack = (&'static str, fn(&Path));
    let attacks: [Attack; 7] = [
        ("is a link", |ui| symlink("/etc/passwd", ui.join("passwd")).unwrap()),
        ("is a link", |ui| symlink("..", ui.join("up")).unwrap()),
        ("is a link", |ui| {
            rustix::fs::mknodat(
                rustix::fs::CWD,
                ui.join("pipe"),
                rustix::fs::FileType::Fifo,
                rustix::fs::Mode::RUSR,
                0,
            )
            .unwrap()
        }),
        ("is not UTF-8", |ui| {
            use std::os::unix::ffi::OsStrExt;
            fs::write(ui.join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap()
        }),
        ("control characters", |ui| fs::write(ui.join("a\tb"), "").unwrap()),
        ("control characters", |ui| fs::write(ui.join("a\nb"), "").unwrap()),
        ("is reserved", |ui| fs::create_dir(ui.join("../data")).unwrap()),
    ];
    for (sentence, attack) in attacks {
        let world = World::new();
        let package = world.package("1.0.0", &[]);
        attack(&package.join("ui"));
        refused(&world, &package, DEVELOPMENT, sentence);
    }
}

#[test]
fn component_that_imports_what_is_not_granted() {
    let attacks = [
        ("weft:app/fetch@0.2.0", "add net:fetch to package.capabilities"),
        ("weft:app/clipboard@0.2.0#read", "add sys:clipboard:read"),
        ("wasi:sockets/tcp@0.2.0", "add net:tcp:<host>:<port> or net:listen:<port>"),
        ("wasi:sockets/udp@0.2.0", "this system gives to no app"),
        ("wasi:http/outgoing-handler@0.2.0", "this system does not have"),
        ("evil:backdoor/shell", "this system does not have"),
    ];
    for (import, sentence) in attacks {
        let world = World::new();
        let package = world.package("1.0.0", &["sys:clipboard:write"]);
        fs::write(package.join("app.wasm"), component(&[BASICS[0], import])).unwrap();
        refused(&world, &package, DEVELOPMENT, sentence);
    }
}

#[test]
fn component_that_is_none() {
    let cases: [(&[u8], &str); 4] = [
        (b"#!/bin/sh\n", "is not a WebAssembly component"),
        (b"\0asm\x01\0\0\0", "is a core module"),
        (b"\0asm\x0d\0\x01\0\x0a\xff\xff\xff\xff\x0f", "is damaged"),
        (b"", "is not a WebAssembly component"),
    ];
    for (bytes, sentence) in cases {
        let world = World::new();
        let package = world.package("1.0.0", &[]);
        fs::write(package.join("app.wasm"), bytes).unwrap();
        refused(&world, &package, DEVELOPMENT, sentence);
    }
}

#[test]
fn manifest_that_is_none() {
    let cases = [
        (manifest("1.0.0", &["fs:rw:everything"]), "is not a capability"),
        (manifest("1.0.0", &[]).replace("app.wasm", "../../etc/passwd"), "is not a plain path"),
        (manifest("1.0.0", &[]) + "[extra]\n", "unknown field"),
        (manifest("1.0.0", &[]) + "[ui]\n", "duplicate key"),
        ("[".repeat(60_000), "wapp.toml:"),
        ("x".repeat(100_000), "is over 65536 bytes"),
    ];
    for (text, sentence) in cases {
        let world = World::new();
        let package = world.package("1.0.0", &[]);
        fs::write(package.join("wapp.toml"), text).unwrap();
        refused(&world, &package, DEVELOPMENT, sentence);
    }
}
