//! Stands in for `weft-app-shell` in tests: says READY and connects the session channel to `$FAKE_SHELL_DIR/<session>.sock`, where a test
//! plays the page. `FAKE_SHELL_MODE=stubborn` ignores SIGTERM and leaves an orphan in a process group of its own.

use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let (Some(session), Some(entry), Some(fd)) = (args.get(2), value("--ui"), value("--ipc-fd")) else {
        return Err(io::Error::other("usage: fake_shell APP SESSION --ui PAGE --package DIR --ipc-fd N"));
    };
    if !std::fs::exists(&entry)? {
        return Err(io::Error::other(format!("there is no page {entry}")));
    }
    let folder = PathBuf::from(std::env::var_os("FAKE_SHELL_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mode = std::env::var("FAKE_SHELL_MODE").unwrap_or_default();
    if mode == "stubborn" {
        // SAFETY: SIG_IGN is a disposition that runs no code of this process.
        #[allow(unsafe_code)]
        unsafe {
            libc::signal(libc::SIGTERM, libc::SIG_IGN);
        }
        std::process::Command::new("/bin/sleep").arg("1000").process_group(0).spawn()?;
    }
    let raw = fd.parse().map_err(io::Error::other)?;
    // SAFETY: the number is that of the channel which appd passed to this process.
    #[allow(unsafe_code)]
    let channel = UnixStream::from(unsafe { OwnedFd::from_raw_fd(raw) });
    let listener = UnixListener::bind(folder.join(format!("{session}.sock")))?;
    println!("READY {}", std::env::var("WEFT_READY_TOKEN").unwrap_or_default());
    loop {
        let (test, _) = listener.accept()?;
        let (mut to_test, mut from_component) = (test.try_clone()?, channel.try_clone()?);
        std::thread::spawn(move || copy(&mut from_component, &mut to_test));
        copy(&mut test.try_clone()?, &mut channel.try_clone()?)?;
    }
}

fn copy(from: &mut UnixStream, to: &mut UnixStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..read])?;
    }
}
