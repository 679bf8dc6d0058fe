//! Manifests, packages and stores as a person meets them: what is right loads, what is wrong is named with its place and the fix.

use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weft_manifest::{AppId, Capability, Error, Limits, Manifest, Package, Store, Unused, app_data};

const WHOLE: &str = r#"[package]
id = "org.weft.demo.counter"
name = "Counter"
version = "1.2.3"
description = "Counts."
author = "WEFT"
capabilities = ["fs:rw:app-data", "sys:notifications"]

[runtime]
module = "app.wasm"

[runtime.limits]
memory = "32MiB"
wall = "500ms"
cpu = 50

[ui]
entry = "ui/index.html"
"#;

fn parse(text: &str) -> Result<Manifest, String> {
    Manifest::parse(text, Path::new("wapp.toml")).map_err(|error| error.to_string())
}

/// The error of the whole manifest with one piece of it replaced.
fn broken(from: &str, to: &str) -> String {
    assert!(WHOLE.contains(from));
    parse(&WHOLE.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_whole_manifest_is_read_and_defaults_are_finite() {
    let manifest = parse(WHOLE).unwrap();
    assert_eq!(manifest.id.as_str(), "org.weft.demo.counter");
    assert_eq!(manifest.version.to_string(), "1.2.3");
    assert_eq!(manifest.capabilities, [Capability::AppData { write: true }, Capability::Notifications]);
    let limits = Limits { memory: 32 << 20, wall: Duration::from_millis(500), cpu: 50, ..Limits::default() };
    assert_eq!(manifest.limits, limits);
    assert_eq!(manifest.ui.as_ref().unwrap().entry.as_str(), "ui/index.html");
    assert!(manifest.grants(&Capability::Clock) && !manifest.grants(&Capability::Env));

    let least = "[package]\nid = 'a.b.c'\nname = 'A'\nversion = '0.1.0'\n[runtime]\nmodule = 'app.wasm'\n";
    let manifest = parse(least).unwrap();
    assert_eq!((manifest.limits, manifest.ui, manifest.capabilities), (Limits::default(), None, vec![]));
}

#[test]
fn every_mistake_is_named_with_its_place_field_and_fix() {
    let cases = [
        (
            "\"org.weft.demo.counter\"",
            "\"counter\"",
            "wapp.toml:2:6: package.id: `counter` is not an app id: use three",
        ),
        ("\"Counter\"", "\"\"", "wapp.toml:3:8: package.name: write one line of 1 to 64 characters"),
        ("1.2.3", "1.2", "wapp.toml:4:11: package.version: unexpected end of input"),
        (
            "sys:notifications",
            "sys:root",
            "wapp.toml:7:35: package.capabilities: `sys:root` is not a capability",
        ),
        (
            "sys:notifications",
            "fs:rw:app-data",
            "wapp.toml:7:35: package.capabilities: `fs:rw:app-data` is there twice",
        ),
        (
            "\"app.wasm\"",
            "\"../app.wasm\"",
            "wapp.toml:10:10: runtime.module: `../app.wasm` is not a plain path",
        ),
        ("32MiB", "2GiB", "wapp.toml:13:10: runtime.limits.memory: write a size from 1MiB to 1GiB"),
        ("500ms", "0s", "wapp.toml:14:8: runtime.limits.wall: write a time from 10ms to 60s"),
        ("cpu = 50", "cpu = 0", "wapp.toml:15:7: runtime.limits.cpu: write a number from 1 to 800"),
        ("ui/index.html", "index.html", "wapp.toml:18:9: ui.entry: pages live in the folder ui/"),
        ("author =", "autor =", "wapp.toml:6:1: unknown field `autor`, expected one of `id`, `name`"),
        (
            "module =",
            "modul =",
            "wapp.toml:10:1: unknown field `modul`, expected one of `module`, `unused`, `limits`",
        ),
        ("cpu = 50", "cpu = \"50\"", "wapp.toml:15:7: invalid type: string \"50\", expected u64"),
        ("name = \"Counter\"", "name = \"Counter", "wapp.toml:3:16: "),
    ];
    for (from, to, expected) in cases {
        let error = broken(from, to);
        assert!(error.starts_with(expected), "{from} -> {to}\n  got      {error}\n  expected {expected}");
        assert!(!error.contains('\n'), "{error}");
    }
    assert!(broken("version = \"1.2.3\"\n", "").contains("missing field `version`"));
    assert!(parse("").unwrap_err().contains("missing field `package`"));
}

#[test]
fn every_limit_has_a_range_and_a_field() {
    let limits = |text: &str| parse(&WHOLE.replace("cpu = 50\n", text)).map(|manifest| manifest.limits);
    let all = "cpu = 1\ntable = 5\ninstances = 6\nstack = '128KiB'\nfuel = 1000000\ndescriptors = 16\nstorage = '1GiB'\nwatchdog_secs = 30\n";
    let expected = Limits {
        memory: 32 << 20,
        table: 5,
        instances: 6,
        stack: 128 << 10,
        fuel: 1_000_000,
        descriptors: 16,
        wall: Duration::from_millis(500),
        storage: 1 << 30,
        watchdog: Some(Duration::from_secs(30)),
        cpu: 1,
    };
    assert_eq!(limits(all).unwrap(), expected);
    for (wrong, why) in [
        ("table = 0\n", "runtime.limits.table: write a number from 1 to 10000000"),
        ("instances = 10001\n", "runtime.limits.instances: write a number from 1 to 10000"),
        ("stack = '2MiB'\n", "runtime.limits.stack: write a size from 64KiB to 1MiB"),
        ("fuel = 1\n", "runtime.limits.fuel: write a number from 1000000 to"),
        ("descriptors = 15\n", "runtime.limits.descriptors: write a number from 16 to 4096"),
        ("storage = '17GiB'\n", "runtime.limits.storage: write a size from 4KiB to 16GiB"),
        ("watchdog_secs = 0\n", "runtime.limits.watchdog_secs: write a number from 1 to 3600"),
        ("descriptors = -1\n", "invalid value: integer `-1`, expected u64"),
    ] {
        let error = limits(wrong).unwrap_err();
        assert!(error.starts_with("wapp.toml:15:") && error.contains(why), "{error}");
    }
}

#[test]
fn a_default_can_be_denied_and_nothing_else() {
    let denying = |list: &str| {
        parse(&WHOLE.replace("author = \"WEFT\"", &format!("author = \"WEFT\"\ndenied = {list}")))
    };
    let manifest = denying("['wasi:clock']").unwrap();
    assert!(!manifest.grants(&Capability::Clock) && manifest.grants(&Capability::Random));
    assert!(denying("['net:fetch']").unwrap_err().contains("is not given unless it is asked for"));
    assert!(denying("['wasi:clock', 'wasi:clock']").unwrap_err().contains("is there twice"));
    let unused = |list: &str| parse(&WHOLE.replace("[runtime]\n", &format!("[runtime]\nunused = {list}\n")));
    assert_eq!(unused("['wasi:sockets']").unwrap().unused, [Unused::Sockets]);
    assert!(unused("['weft:app']").unwrap_err().contains("cannot be left unused"));
}

/// A store with one package; `change` may break it.
fn store_with(change: impl Fn(&Path)) -> (tempfile::TempDir, Store) {
    let store = tempfile::tempdir().unwrap();
    let folder = store.path().join("org.weft.demo.counter");
    fs::create_dir_all(folder.join("ui")).unwrap();
    fs::write(folder.join("wapp.toml"), WHOLE).unwrap();
    fs::write(folder.join("app.wasm"), b"\0asm").unwrap();
    fs::write(folder.join("ui/index.html"), "<!doctype html>").unwrap();
    change(&folder);
    let roots = Store::new([store.path().to_owned()]);
    (store, roots)
}

fn counter() -> AppId {
    "org.weft.demo.counter".parse().unwrap()
}

#[test]
fn a_package_is_found_and_knows_its_files() {
    let (folder, store) = store_with(|_| ());
    let package = store.find(&counter()).unwrap();
    assert_eq!(package.module(), folder.path().join("org.weft.demo.counter/app.wasm"));
    assert_eq!(package.entry(), Some(folder.path().join("org.weft.demo.counter/ui/index.html")));
    assert_eq!(
        app_data(Path::new("/d"), &counter()),
        PathBuf::from("/d/weft/app-data/org.weft.demo.counter")
    );
}

#[test]
fn a_package_whose_files_are_not_the_named_ones_is_refused() {
    let refused = |change: &dyn Fn(&Path)| {
        let (_folder, store) = store_with(change);
        store.find(&counter()).unwrap_err()
    };
    let error = refused(&|folder| fs::remove_dir_all(folder.join("ui")).unwrap());
    assert!(error.to_string().ends_with(
        "wapp.toml: ui.entry names ui/index.html, which is not in the package: add the file or correct the field"
    ));
    let error = refused(&|folder| fs::remove_file(folder.join("app.wasm")).unwrap());
    assert!(matches!(error, Error::Missing { field: "runtime.module", .. }), "{error}");
    let error = refused(&|folder| {
        fs::remove_file(folder.join("app.wasm")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("app.wasm")).unwrap();
    });
    assert!(matches!(error, Error::NotAFile { field: "runtime.module", .. }), "{error}");
    let error = refused(&|folder| {
        fs::rename(folder.join("ui"), folder.join("pages")).unwrap();
        std::os::unix::fs::symlink("pages", folder.join("ui")).unwrap();
    });
    assert!(matches!(error, Error::NotAFile { field: "ui.entry", .. }), "{error}");
    let error = refused(&|folder| fs::write(folder.join("wapp.toml"), " ".repeat(70_000)).unwrap());
    assert!(matches!(error, Error::TooLarge { .. }), "{error}");
    let error = refused(&|folder| fs::remove_file(folder.join("wapp.toml")).unwrap());
    assert!(matches!(error, Error::NoManifest(_)), "{error}");
    let error = refused(&|folder| fs::write(folder.join("wapp.toml"), [0xff, 0xfe]).unwrap());
    assert!(matches!(error, Error::Read { .. }), "{error}");
}

#[test]
fn one_broken_package_does_not_hide_the_others() {
    let (folder, store) = store_with(|_| ());
    fs::create_dir(folder.path().join("org.weft.broken")).unwrap();
    fs::write(folder.path().join("org.weft.broken/wapp.toml"), "[package").unwrap();
    fs::create_dir(folder.path().join("not-an-id")).unwrap();
    fs::rename(folder.path().join("org.weft.demo.counter"), folder.path().join("org.weft.demo.other"))
        .unwrap();
    let listed: Vec<(String, bool)> =
        store.list().into_iter().map(|app| (app.id.to_string(), app.package.is_ok())).collect();
    assert_eq!(listed, [("org.weft.broken".to_owned(), false), ("org.weft.demo.other".to_owned(), false)]);
    assert!(matches!(store.find(&"org.weft.demo.other".parse().unwrap()), Err(Error::OtherId { .. })));
    assert!(matches!(store.find(&counter()), Err(Error::NotInstalled { .. })));
}

#[test]
fn the_first_store_that_has_an_app_wins() {
    let (first, _) = store_with(|_| ());
    let (second, _) = store_with(|folder| fs::remove_dir_all(folder.join("ui")).unwrap());
    let both = Store::new([first.path().to_owned(), second.path().to_owned()]);
    assert_eq!(both.list().len(), 1);
    assert!(both.find(&counter()).is_ok());
}

#[test]
fn a_folder_of_any_name_can_be_checked() {
    let (folder, _) = store_with(|_| ());
    let elsewhere = folder.path().join("work");
    fs::rename(folder.path().join("org.weft.demo.counter"), &elsewhere).unwrap();
    assert_eq!(Package::open(&elsewhere).unwrap().manifest.name, "Counter");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_cut_manifest_never_grants_what_the_whole_one_does_not(cut in 0..WHOLE.len()) {
        if let Ok(manifest) = parse(&WHOLE[..cut]) {
            let whole = parse(WHOLE).unwrap();
            prop_assert!(manifest.capabilities.iter().all(|capability| whole.grants(capability)));
        }
    }

    #[test]
    fn an_error_points_into_the_text(position in 0..WHOLE.len(), junk in "[\"\\[=x\\n]{1,3}") {
        let text = format!("{}{junk}{}", &WHOLE[..position], &WHOLE[position..]);
        if let Err(error) = Manifest::parse(&text, Path::new("wapp.toml")) {
            prop_assert!(error.line <= text.lines().count() + 1);
            prop_assert!(error.column >= 1);
        }
    }
}
