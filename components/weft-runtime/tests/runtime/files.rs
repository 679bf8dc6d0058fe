//! Folders of a component: what it may do there, and every way out of them that is closed.

use crate::harness::{Served, World};
use std::path::Path;
use weft_runtime::Exit;

/// A session with `/data`, and a folder beside it that it must not reach.
fn serve(grant: &str, mode: &str) -> (tempfile::TempDir, Served) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["data", "data/sub", "outside"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("outside/secret"), "secret").unwrap();
    std::fs::write(folder.path().join("data/own"), "own").unwrap();
    let preopen = format!("{}::/data::{mode}", folder.path().join("data").display());
    let probe = World::probe("files").serve(&["--grant", grant, "--preopen", &preopen]);
    (folder, probe)
}

#[test]
fn the_granted_folder_is_read_and_written() {
    let (folder, mut probe) = serve("fs:rw:app-data", "rw");
    assert_eq!(probe.done("read /data/own"), "own");
    probe.done("write /data/sub/new 5");
    probe.done("append /data/sub/new 5");
    probe.done("mkdir /data/sub/deep");
    probe.done("rename /data/sub/new /data/sub/deep/old");
    assert_eq!(std::fs::read(folder.path().join("data/sub/deep/old")).unwrap(), b"xxxxxxxxxx");
    assert_eq!(probe.done("list /data"), "own sub");
    probe.done("remove /data/own");
    assert!(!folder.path().join("data/own").exists());
    probe.close().is(Exit::Done, "");
}

#[test]
fn the_read_form_cannot_change_anything() {
    let (folder, mut probe) = serve("fs:read:app-data", "ro");
    assert_eq!(probe.done("read /data/own"), "own");
    for order in [
        "write /data/own 1",
        "write /data/new 1",
        "append /data/own 1",
        "sparse /data/own 0",
        "mkdir /data/new",
        "symlink own /data/new",
        "link /data/own /data/new",
        "rename /data/own /data/new",
        "remove /data/own",
    ] {
        probe.fails(order, "");
    }
    assert_eq!(std::fs::read(folder.path().join("data/own")).unwrap(), b"own");
    assert_eq!(std::fs::read_dir(folder.path().join("data")).unwrap().count(), 2);
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let (folder, mut probe) = serve("fs:rw:app-data", "rw");
    let data = folder.path().join("data");
    let outside = folder.path().join("outside");
    let link = |to: &Path, name: &str| std::os::unix::fs::symlink(to, data.join(name)).unwrap();
    link(&outside, "absolute");
    link(Path::new("../outside"), "relative");
    link(Path::new("sub/../../outside/secret"), "winding");
    link(Path::new("/proc/self/root"), "magic");
    link(Path::new("/proc/self/cwd"), "cwd");
    link(Path::new("absolute/secret"), "chain");
    let real = outside.join("secret").display().to_string();
    for path in [
        "/data/../outside/secret",
        "/data/sub/../../outside/secret",
        "/data/./../outside/secret",
        "/data/absolute/secret",
        "/data/relative/secret",
        "/data/winding",
        "/data/chain",
        "/data/magic/etc/passwd",
        "/data/magic/proc/self/maps",
        "/data/cwd/Cargo.toml",
        "/outside/secret",
        "../outside/secret",
        "/etc/passwd",
        "/proc/self/maps",
        "",
        &real,
    ] {
        probe.fails(&format!("read {path}"), "");
        probe.fails(&format!("write {path} 3"), "");
        // A link itself may get another name; what it points to may not.
        for order in ["link", "rename"] {
            probe.order(&format!("{order} {path} /data/stolen"));
            probe.fails("read /data/stolen", "");
            probe.order(&format!("rename /data/stolen {path}"));
        }
    }
    probe.fails("mkdir /data/absolute/new", "");
    probe.fails("list /data/relative", "");
    probe.fails("remove /data/absolute/secret", "");
    assert_eq!(std::fs::read(outside.join("secret")).unwrap(), b"secret");
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}

#[test]
fn links_that_the_component_makes_do_not_help_it() {
    let (folder, mut probe) = serve("fs:rw:app-data", "rw");
    let secret = folder.path().join("outside/secret").display().to_string();
    for target in
        [secret.as_str(), "/etc/passwd", "../outside/secret", "sub/../../outside/secret", "/proc/self/root"]
    {
        // Making one may be refused; following it is.
        let made = probe.order(&format!("symlink {target} /data/made"));
        probe.fails("read /data/made", "");
        if made.starts_with("ok") {
            probe.fails("write /data/made 3", "");
            probe.done("remove /data/made");
        }
    }
    assert_eq!(std::fs::read(secret).unwrap(), b"secret");
}

#[test]
fn without_the_capability_there_is_no_folder() {
    let mut probe = World::probe("files").serve(&[]);
    for order in
        ["read /data/own", "read /etc/passwd", "write /data/x 1", "list /", "list .", "read app.wasm"]
    {
        probe.fails(order, "");
    }
}

#[test]
fn variables_are_for_those_who_ask_and_are_never_the_systems() {
    assert_eq!(World::probe("files").serve(&[]).done("env"), "");
    let told = World::probe("files").serve(&["--grant", "wasi:env"]).done("env");
    assert_eq!(told, "WEFT_APP_ID=org.weft.test.app WEFT_SESSION_ID=1");
}

#[test]
fn what_is_printed_goes_to_the_log_and_stdio_can_be_denied() {
    let world = World::probe("files");
    let mut probe = world.serve(&[]);
    probe.done("print hello");
    let outcome = probe.close();
    outcome.is(Exit::Done, "stdout: hello");
    assert_eq!(outcome.stdout(), "READY token\n");
    world.run(&["--deny", "wasi:stdio"]).is(Exit::Refused, "remove wasi:stdio from package.denied");
}
