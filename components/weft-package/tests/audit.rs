//! The statement about what apps can reach.

mod common;

use common::{World, component, id};
use std::fs;
use weft_package::audit::{self, Statement};

/// The statement about an app with these grants and imports, installed without any check.
fn statement(capabilities: &[&str], extra: &str, imports: &[&str]) -> Statement {
    let world = World::new();
    let folder = world.places.system.join(id().as_str());
    common::package(&folder, "1.0.0", capabilities);
    let text = fs::read_to_string(folder.join("wapp.toml")).unwrap();
    fs::write(
        folder.join("wapp.toml"),
        text.replace("module = \"app.wasm\"\n", &format!("module = \"app.wasm\"\n{extra}\n")),
    )
    .unwrap();
    fs::write(folder.join("app.wasm"), component(imports)).unwrap();
    audit::stores(&world.places).unwrap().remove(0)
}

fn faults(capabilities: &[&str], imports: &[&str]) -> Vec<String> {
    let mut all = vec!["weft:app/notify@0.2.0"];
    all.extend(imports);
    statement(capabilities, "", &all).faults().collect()
}

#[test]
fn what_agrees_is_sound() {
    for (capabilities, imports) in [
        (&[][..], &["weft:app/ipc@0.1.0", "wasi:clocks/wall-clock@0.2.3", "wasi:cli/stdout@0.2.0"][..]),
        (&["fs:read:app-data"], &["wasi:filesystem/types@0.2.0"]),
        (&["net:fetch:example.org"], &["weft:app/fetch@0.2.0"]),
        (&["net:tcp:example.org:443"], &["wasi:sockets/tcp@0.2.0", "wasi:sockets/network@0.2.0"]),
        (&["sys:clipboard:read"], &["weft:app/clipboard@0.2.0#read"]),
        (&["sys:clipboard:write"], &["weft:app/clipboard-write@0.2.0"]),
        (&["app:send:org.example.other"], &["weft:app/messages@0.2.0"]),
        (&["wasi:clock", "wasi:stdio"], &[]),
        (&["wasi:env"], &["wasi:cli/environment@0.2.0"]),
    ] {
        assert_eq!(faults(capabilities, imports), [""; 0], "{capabilities:?} {imports:?}");
    }
}

#[test]
fn component_that_reaches_further_than_its_manifest_says() {
    for (capabilities, import, sentence) in [
        (&[][..], "weft:app/fetch@0.2.0", "add net:fetch"),
        (&["sys:clipboard:write"], "weft:app/clipboard@0.2.0#read", "add sys:clipboard:read"),
        (&[], "weft:app/supervisor@0.2.0", "add sys:supervisor"),
        (&[], "weft:app/messages@0.2.0", "add app:send:<id>"),
        (&["net:tcp:example.org:53"], "wasi:sockets/udp@0.2.0", "gives to no app"),
        (&[], "wasi:http/outgoing-handler@0.2.0", "does not have"),
        (&[], "weft:app/fetch2@0.2.0", "does not have"),
    ] {
        let found = faults(capabilities, &[import]);
        assert!(found.iter().any(|fault| fault.contains(sentence)), "{import}: {found:?}");
    }
}

#[test]
fn manifest_that_asks_for_what_nothing_uses() {
    for capability in [
        "fs:rw:app-data",
        "net:fetch",
        "net:listen:8080",
        "sys:notifications",
        "sys:clipboard:read",
        "sys:supervisor",
        "app:send:org.example.other",
        "wasi:env",
    ] {
        let found = faults(&[capability], &[]);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains(&format!("grants {capability}, and the component imports nothing")),
            "{found:?}"
        );
    }
}

#[test]
fn denied_default_that_is_imported() {
    let world = World::new();
    let folder = world.places.system.join(id().as_str());
    common::package(&folder, "1.0.0", &[]);
    let text = fs::read_to_string(folder.join("wapp.toml")).unwrap();
    fs::write(
        folder.join("wapp.toml"),
        text.replace("capabilities = []", "capabilities = []\ndenied = [\"wasi:clock\"]"),
    )
    .unwrap();
    fs::write(folder.join("app.wasm"), component(&["weft:app/notify@0.2.0", "wasi:clocks/wall-clock@0.2.0"]))
        .unwrap();
    let found = audit::stores(&world.places).unwrap().remove(0);
    assert!(found.faults().any(|fault| fault.contains("add wasi:clock")), "{found:?}");
}

#[test]
fn imports_that_a_language_carries_along_are_declared() {
    let imports = ["weft:app/notify@0.2.0", "wasi:sockets/udp@0.2.0"];
    assert!(!statement(&[], "", &imports).is_sound());
    assert!(statement(&[], "unused = [\"wasi:sockets\"]", &imports).is_sound());
}

#[test]
fn refused_app_is_a_fault_and_hides_no_other() {
    let world = World::new();
    common::package(&world.places.system.join(id().as_str()), "1.0.0", &["fs:rw:app-data"]);
    common::package(&world.places.store().join("org.example.by.hand"), "1.0.0", &[]);
    let statements = audit::stores(&world.places).unwrap();
    assert_eq!(statements.len(), 2);
    let sound: Vec<bool> = statements.iter().map(Statement::is_sound).collect();
    assert_eq!(sound, [false, true], "{statements:?}");
}

#[test]
fn image_that_is_none() {
    let world = World::new();
    let file = world.path("disk.img");
    for bytes in [vec![], vec![0; 100], vec![0; 1 << 20], b"EFI PART".repeat(1000)] {
        fs::write(&file, bytes).unwrap();
        let error = audit::image(&file).unwrap_err().to_string();
        assert!(error.contains("disk.img"), "{error}");
    }
}
