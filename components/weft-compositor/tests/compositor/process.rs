//! The program itself: how it is started, what the service manager hears, how it ends.

use crate::output::{PATIENCE, eventually};
use std::io::{Read, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use wayland_client::Connection;

pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weft-compositor"));
    command.stdin(Stdio::piped()).stderr(Stdio::piped()).env_remove("WEFT_COMPOSITOR_SOCKET");
    command
}

/// Ends the program with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn start(folder: &Path, arguments: &[&str]) -> (Running, UnixDatagram) {
    let notified = UnixDatagram::bind(folder.join("notify")).unwrap();
    notified.set_read_timeout(Some(PATIENCE)).unwrap();
    let child = program()
        .args(["--headless", "64x48"])
        .args(arguments)
        .env("XDG_RUNTIME_DIR", folder)
        .env("NOTIFY_SOCKET", folder.join("notify"))
        .env("WATCHDOG_USEC", "200000")
        .spawn()
        .unwrap();
    (Running(child), notified)
}

fn next(notified: &UnixDatagram) -> String {
    let mut message = [0; 256];
    let length = notified.recv(&mut message).unwrap();
    String::from_utf8_lossy(&message[..length]).into_owned()
}

#[test]
fn it_reports_ready_and_alive_serves_and_ends_on_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("wayland-7");
    let (mut running, notified) = start(folder.path(), &["--socket", socket.to_str().unwrap()]);
    assert_eq!(next(&notified), "READY=1");
    assert_eq!(next(&notified), "WATCHDOG=1");
    assert_eq!(next(&notified), "WATCHDOG=1");
    Connection::from_socket(UnixStream::connect(&socket).unwrap()).unwrap().roundtrip().unwrap();
    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(running.0.wait().unwrap().success());
}

#[test]
fn it_finds_a_free_name_and_replaces_a_socket_that_nobody_listens_at() {
    let folder = tempfile::tempdir().unwrap();
    let (_running, notified) = start(folder.path(), &[]);
    assert_eq!(next(&notified), "READY=1");
    assert!(UnixStream::connect(folder.path().join("wayland-0")).is_ok());
    let stale = folder.path().join("stale");
    drop(std::os::unix::net::UnixListener::bind(&stale).unwrap());
    std::fs::remove_file(folder.path().join("notify")).unwrap();
    let (_second, notified) = start(folder.path(), &["--socket", stale.to_str().unwrap()]);
    assert_eq!(next(&notified), "READY=1");
    assert!(UnixStream::connect(&stale).is_ok());
}

#[test]
fn commands_on_standard_input_drive_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let (mut running, notified) = start(folder.path(), &[]);
    assert_eq!(next(&notified), "READY=1");
    let picture = folder.path().join("picture.ppm");
    let mut input = running.0.stdin.take().unwrap();
    writeln!(input, "resize 32x16\nmove 3 3\nnonsense\npicture {}\nstop", picture.display()).unwrap();
    assert!(running.0.wait().unwrap().success());
    let bytes = std::fs::read(&picture).unwrap();
    assert!(bytes.starts_with(b"P6 32 16 255\n"));
    assert_eq!(bytes.len(), b"P6 32 16 255\n".len() + 32 * 16 * 3);
}

#[test]
fn what_it_cannot_do_is_one_clear_error() {
    let run = |arguments: &[&str]| {
        let mut command = program();
        let output = command
            .args(arguments)
            .env("XDG_RUNTIME_DIR", "/nonexistent")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).trim().to_string())
    };
    let (code, error) = run(&["--full"]);
    assert_eq!(
        (code, error.as_str()),
        (Some(64), "weft-compositor: unknown argument `--full`; --help lists the known ones")
    );
    let (code, error) = run(&["--headless", "64x48"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("XDG_RUNTIME_DIR"), "{error}");
    let (code, error) = run(&["--headless", "64x48", "--socket", "/nonexistent/socket"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("cannot listen at /nonexistent/socket"), "{error}");
}

#[test]
fn a_client_that_does_not_read_does_not_hold_the_others_up() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("wayland-7");
    let (_running, notified) = start(folder.path(), &["--socket", socket.to_str().unwrap()]);
    assert_eq!(next(&notified), "READY=1");
    let mut deaf = UnixStream::connect(&socket).unwrap();
    deaf.set_nonblocking(true).unwrap();
    // wl_display.sync, again and again with a new number, each of which is answered twice.
    for number in 2..200_000u32 {
        let mut request = Vec::new();
        for word in [1u32, 12 << 16, number] {
            request.extend_from_slice(&word.to_ne_bytes());
        }
        if deaf.write_all(&request).is_err() {
            break;
        }
    }
    eventually(|| {
        match Connection::from_socket(UnixStream::connect(&socket).unwrap()).unwrap().roundtrip() {
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    });
    drop(deaf.read(&mut [0; 16]));
}
