//! Stands in for `weft-runtime` in tests. Its "component" is the package's file `script`, one command a line:
//! `print TEXT`, `argument TEXT` (fails unless it was started with it), `ready`, `exit CODE`, `abort`, `wait` (until the session channel closes), `stubborn` (ignores SIGTERM from here on), and
//! `serve`: connects the session channel to `$WEFT_COMPILED_DIR/<session>.sock`, where a test plays the component.

use std::io::{self, Read, Write};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let value = |name: &str| args.iter().position(|arg| arg == name).and_then(|at| args.get(at + 1)).cloned();
    let (Some(session), Some(module), Some(fd)) = (args.get(2), value("--module"), value("--ipc-fd")) else {
        return Err(io::Error::other("usage: fake_runtime APP SESSION --module FILE --ipc-fd N"));
    };
    let raw = fd.parse().map_err(io::Error::other)?;
    // SAFETY: the number is that of the channel which appd passed to this process.
    #[allow(unsafe_code)]
    let mut channel = UnixStream::from(unsafe { OwnedFd::from_raw_fd(raw) });
    let module = PathBuf::from(module);
    let script = std::fs::read_to_string(module.with_file_name("script"))?;
    for line in script.lines() {
        match line.split_once(' ').unwrap_or((line, "")) {
            ("print", text) => println!("{text}"),
            ("ready", _) => println!("READY {}", std::env::var("WEFT_READY_TOKEN").unwrap_or_default()),
            ("exit", code) => std::process::exit(code.parse().map_err(io::Error::other)?),
            ("abort", _) => std::process::abort(),
            ("argument", text) if args.join(" ").contains(text) => {}
            ("stubborn", _) => ignore_sigterm(),
            ("wait", _) => wait(&mut channel)?,
            ("serve", _) => serve(session, &channel)?,
            _ => return Err(io::Error::other(format!("unknown command `{line}`"))),
        }
        io::stdout().flush()?;
    }
    Ok(())
}

fn ignore_sigterm() {
    // SAFETY: SIG_IGN is a disposition that runs no code of this process.
    #[allow(unsafe_code)]
    unsafe {
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
    }
}

fn wait(channel: &mut UnixStream) -> io::Result<()> {
    while channel.read(&mut [0; 4096])? > 0 {}
    Ok(())
}

fn serve(session: &str, channel: &UnixStream) -> io::Result<()> {
    let folder = PathBuf::from(std::env::var_os("WEFT_COMPILED_DIR").ok_or(io::ErrorKind::NotFound)?);
    let listener = UnixListener::bind(folder.join(format!("{session}.sock")))?;
    println!("READY {}", std::env::var("WEFT_READY_TOKEN").unwrap_or_default());
    let (test, _) = listener.accept()?;
    let (mut to_test, mut from_appd) = (test.try_clone()?, channel.try_clone()?);
    std::thread::spawn(move || {
        let _ = io::copy(&mut from_appd, &mut to_test);
        std::process::exit(0);
    });
    io::copy(&mut test.try_clone()?, &mut channel.try_clone()?)?;
    // The test is gone; the session goes on.
    wait(&mut channel.try_clone()?)
}
