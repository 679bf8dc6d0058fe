//! The portal as its clients meet it, most of them hostile: each test is one way out of the folder, or one way to keep it busy.

mod world;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use world::{Client, SECRET, World, assert_denied, request};

#[test]
fn files_are_written_read_and_listed() {
    let world = World::new(&[]);
    assert_eq!(world.write("rw/new/folder/b", "aGk="), r#"{"ok":true}"#);
    assert_eq!(world.write("rw/a", ""), r#"{"ok":true}"#);
    assert_eq!(world.ask("read", "rw/new/folder/b"), r#"{"data_b64":"aGk="}"#);
    assert_eq!(world.ask("read", "rw/./new//folder/b"), r#"{"data_b64":"aGk="}"#);
    assert_eq!(world.ask("list", "rw"), r#"{"entries":["a","new"]}"#);
    assert_eq!(world.ask("list", "rw/new/"), r#"{"entries":["folder"]}"#);
    assert_eq!(world.ask("read", "ro/file"), r#"{"data_b64":"b2xk"}"#);
    assert!(world.ask("read", "rw/gone").starts_with(r#"{"error":"not found: "#));
    assert!(world.ask("read", "rw/new").starts_with(r#"{"error":"bad request: "#));
    assert!(world.ask("list", "rw/a").starts_with(r#"{"error":"bad request: "#));
    // The seeds' portal answered `null` here; clients told writes from errors by luck.
    assert!(world.write("rw/new", "").starts_with(r#"{"error":"bad request: "#));
}

#[test]
fn a_rewritten_file_keeps_its_permissions_and_leaves_nothing_beside_it() {
    let world = World::new(&[]);
    fs::write(world.path("rw/a"), "old").unwrap();
    fs::set_permissions(world.path("rw/a"), fs::Permissions::from_mode(0o604)).unwrap();
    let before = fs::metadata(world.path("rw/a")).unwrap().ino();
    assert_eq!(world.write("rw/a", "aGk="), r#"{"ok":true}"#);
    let after = fs::metadata(world.path("rw/a")).unwrap();
    assert_eq!((after.mode() & 0o777, fs::read(world.path("rw/a")).unwrap()), (0o604, b"hi".to_vec()));
    assert_ne!(after.ino(), before, "the file was replaced, not overwritten");
    assert_eq!(world.ask("list", "rw"), r#"{"entries":["a"]}"#);
}

#[test]
fn a_folder_to_read_is_not_written() {
    let world = World::new(&[]);
    for name in ["ro/file", "ro/new", "ro/new/folder/file"] {
        assert_denied(&world.write(name, "aGk="));
    }
    assert_eq!(fs::read_to_string(world.path("ro/file")).unwrap(), "old");
    assert_eq!(fs::read_dir(world.path("ro")).unwrap().count(), 1);
}

#[test]
fn paths_outside_are_denied_however_they_are_written() {
    let world = World::new(&[]);
    for name in ["out/secret", "rw/../out/secret", "rw/./../out/secret", "rw-other/secret", "rw/../rw/a", ""]
    {
        for op in ["read", "list"] {
            assert_denied(&world.ask(op, name));
        }
        assert_denied(&world.write(name, "aGk="));
    }
    let mut client = world.connect();
    for path in ["/", "/etc/passwd", "/proc/self/root", "/proc/self/cwd", "//etc/passwd"] {
        assert_denied(&client.ask(&request("read", Path::new(path), None)));
    }
    for path in ["", "rw/a", "../out/secret", "~/secret"] {
        let answer = client.ask(&request("read", Path::new(path), None));
        assert!(answer.starts_with(r#"{"error":"bad request: "#), "{answer}");
    }
    world.assert_untouched();
}

#[test]
fn symbolic_links_are_not_followed_at_any_place() {
    let world = World::new(&[]);
    symlink(world.path("out"), world.path("rw/folder")).unwrap();
    symlink(world.path("out/secret"), world.path("rw/file")).unwrap();
    symlink("../out/secret", world.path("rw/relative")).unwrap();
    symlink("/proc/self/root", world.path("rw/magic")).unwrap();
    symlink(world.path("out/fresh"), world.path("rw/dangling")).unwrap();
    symlink("a", world.path("rw/inside")).unwrap();
    fs::write(world.path("rw/a"), "x").unwrap();
    for name in
        ["rw/file", "rw/relative", "rw/folder/secret", "rw/magic/etc/passwd", "rw/dangling", "rw/inside"]
    {
        assert_denied(&world.ask("read", name));
        assert_denied(&world.write(name, "aGk="));
    }
    for name in ["rw/folder", "rw/folder/", "rw/magic"] {
        assert!(world.ask("list", name).starts_with(r#"{"error":"#));
        assert!(!world.ask("list", name).contains("secret\""));
    }
    assert_denied(&world.write("rw/folder/new", "aGk="));
    assert_denied(&world.write("rw/folder/new/deep", "aGk="));
    world.assert_untouched();
}

#[test]
fn hard_links_are_refused_since_their_other_name_may_be_outside() {
    let world = World::new(&[]);
    fs::hard_link(world.path("out/secret"), world.path("rw/link")).unwrap();
    fs::hard_link(world.path("out/secret"), world.path("ro/link")).unwrap();
    for name in ["rw/link", "ro/link"] {
        assert_denied(&world.ask("read", name));
        assert_denied(&world.write(name, "aGk="));
    }
    world.assert_untouched();
}

#[test]
fn a_path_whose_folder_turns_into_a_link_meanwhile_never_leads_out() {
    let world = World::new(&[]);
    let (turning, parked) = (world.path("rw/turning"), world.path("rw/parked"));
    fs::create_dir(&turning).unwrap();
    fs::write(turning.join("secret"), "").unwrap();
    let (flip, out) = ((turning.clone(), parked), world.path("out"));
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stopped = stop.clone();
    let attacker = std::thread::spawn(move || {
        while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
            fs::rename(&flip.0, &flip.1).unwrap();
            symlink(&out, &flip.0).unwrap();
            fs::remove_file(&flip.0).unwrap();
            fs::rename(&flip.1, &flip.0).unwrap();
        }
    });
    let mut client = world.connect();
    let path = turning.join("secret");
    let mut seen = std::collections::BTreeSet::new();
    // On a busy machine the attacker may not get its turn for long.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut tries = 0;
    while tries < 3000 || (seen.len() < 2 && Instant::now() < deadline) {
        tries += 1;
        let answer = client.ask(&request("read", &path, None));
        assert!(!answer.contains(SECRET), "{answer}");
        seen.insert(answer.get(..15).unwrap_or_default().to_owned());
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    attacker.join().unwrap();
    assert!(seen.len() > 1, "the race was never met: {seen:?}");
    world.assert_untouched();
}

#[test]
fn things_that_are_no_files_do_not_hold_the_portal_up() {
    let world = World::new(&[]);
    let made = Command::new("mkfifo").arg(world.path("rw/pipe")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(world.path("rw/socket")).unwrap();
    assert_denied(&world.ask("read", "rw/pipe"));
    assert_denied(&world.write("rw/pipe", "aGk="));
    assert!(world.ask("read", "rw/socket").starts_with(r#"{"error":"#));
}

#[test]
fn large_files_and_folders_are_refused_not_truncated() {
    let world = World::new(&[]);
    let file = fs::File::create(world.path("rw/large")).unwrap();
    file.set_len(16 * 1024 * 1024 + 1).unwrap();
    assert!(world.ask("read", "rw/large").starts_with(r#"{"error":"too large: "#));
    file.set_len(16 * 1024 * 1024).unwrap();
    assert_eq!(world.ask("read", "rw/large").len(), r#"{"data_b64":""}"#.len() + 22_369_624);
    fs::create_dir(world.path("rw/many")).unwrap();
    for index in 0..=10_000 {
        fs::write(world.path("rw/many").join(index.to_string()), "").unwrap();
    }
    assert!(world.ask("list", "rw/many").starts_with(r#"{"error":"too large: "#));
}

#[test]
fn a_bad_line_is_answered_and_the_next_one_served_but_an_endless_one_ends_the_connection() {
    let world = World::new(&[]);
    let mut client = world.connect();
    for line in ["", "{", r#"{"op":"read","path":"/a","path":"/b"}"#, &"[".repeat(1_000_000), "\u{0}"] {
        assert!(client.ask(line).starts_with(r#"{"error":"bad request: "#));
    }
    client.0.get_mut().write_all(b"\xff\xfe\n").unwrap();
    assert!(client.answer().starts_with(r#"{"error":"bad request: "#));
    assert_eq!(client.ask(&request("list", &world.path("rw"), None)), r#"{"entries":[]}"#);
    let answer = client.ask(&"x".repeat(24 * 1024 * 1024));
    assert!(answer.is_empty() || answer.starts_with(r#"{"error":"too large: "#), "{answer}");
    assert_eq!(client.ask("{}"), "", "the connection is closed");
    assert_eq!(world.ask("list", "rw"), r#"{"entries":[]}"#);
}

#[test]
fn only_so_many_connections_and_silent_ones_give_their_place_back() {
    let world = World::new(&[]);
    let mut silent: Vec<Client> = (0..8).map(|_| world.connect()).collect();
    for client in &mut silent {
        assert_eq!(client.ask(&request("list", &world.path("rw"), None)), r#"{"entries":[]}"#);
    }
    assert!(world.connect().answer().starts_with(r#"{"error":"busy: "#));
    silent.pop();
    let deadline = Instant::now() + Duration::from_secs(10);
    while world.ask("list", "rw") != r#"{"entries":[]}"# {
        assert!(Instant::now() < deadline);
    }
}

#[test]
fn other_users_are_refused() {
    let world = World::new(&["--peer-uid", "54321"]);
    assert_denied(&world.connect().answer());
    let world = World::new(&[]);
    world.connect();
    assert_eq!(fs::metadata(world.path("socket")).unwrap().mode() & 0o777, 0o600);
}

#[test]
fn the_portal_ends_with_its_socket_or_its_parent_and_two_never_share_one() {
    let mut world = World::new(&[]);
    world.connect();
    let second =
        Command::new(env!("CARGO_BIN_EXE_weft-file-portal")).arg(world.path("socket")).output().unwrap();
    assert!(!second.status.success() && String::from_utf8_lossy(&second.stderr).contains("another portal"));
    fs::remove_file(world.path("socket")).unwrap();
    world.wait_for_end();

    let socket = world.path("orphan");
    let script = r#""$0" "$1" --exit-with-parent 2>/dev/null & until [ -S "$1" ]; do :; done"#;
    let portal = env!("CARGO_BIN_EXE_weft-file-portal");
    assert!(Command::new("sh").args(["-c", script, portal]).arg(&socket).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(10);
    while socket.exists() {
        assert!(Instant::now() < deadline, "the portal outlived its parent");
        std::thread::yield_now();
    }
}

#[test]
fn a_left_over_socket_is_replaced_and_another_file_is_not() {
    let mut world = World::new(&[]);
    world.connect();
    world.portal.kill().unwrap();
    world.portal.wait().unwrap();
    assert!(world.path("socket").exists());
    let start =
        |socket: PathBuf| Command::new(env!("CARGO_BIN_EXE_weft-file-portal")).arg(socket).spawn().unwrap();
    world.portal = start(world.path("socket"));
    let deadline = Instant::now() + Duration::from_secs(10);
    while world.ask("read", "rw/a").is_empty() {
        assert!(Instant::now() < deadline);
    }
    assert!(!start(world.path("out/secret")).wait().unwrap().success());
    world.assert_untouched();
}
