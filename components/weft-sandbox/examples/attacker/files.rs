//! Attacks on files, sockets and programs.

use crate::Outcome;
use std::io::{self, Read, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::process::Command;
use std::{fs, thread};

/// What every process may do, so that a sandbox that refuses everything passes no test: threads, libraries, chance; with a folder of its
/// own, files there and in `/tmp`.
pub fn work(folder: &str) -> Outcome {
    let thread = thread::Builder::new()
        .name("worker".into())
        .spawn(|| fs::read_dir("/usr/lib").map(Iterator::count))?;
    let libraries = thread.join().map_err(|_| io::Error::other("the thread died"))??;
    let mut chance = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut chance)?;
    fs::File::options().write(true).open("/dev/null")?.write_all(&chance)?;
    if !folder.is_empty() {
        fs::create_dir("/tmp/own")?;
        fs::write("/tmp/own/note", "x")?;
        fs::rename("/tmp/own/note", "/tmp/own/note2")?;
        fs::remove_dir_all("/tmp/own")?;
        fs::write(Path::new(folder).join("mine"), "mine")?;
        fs::read(Path::new(folder).join("mine"))?;
    }
    Ok(format!("{libraries} libraries"))
}

pub fn read(path: &str) -> Outcome {
    fs::read_to_string(path)
}

/// Leaves nothing behind.
pub fn write(path: &str) -> Outcome {
    fs::write(path, "x")?;
    fs::remove_file(path)?;
    Ok(path.to_owned())
}

/// The command lines of processes other than this one.
pub fn other_processes() -> Outcome {
    let own = std::process::id().to_string();
    for entry in fs::read_dir("/proc")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name != own && name.bytes().all(|byte| byte.is_ascii_digit()) {
            return fs::read_to_string(entry.path().join("cmdline"));
        }
    }
    Err(io::Error::other("nobody else is seen"))
}

/// Devices that a program has no business with.
pub fn devices() -> Outcome {
    let harmless = [
        "null", "zero", "full", "urandom", "random", "shm", "fd", "stdin", "stdout", "stderr", "dri", "input",
    ];
    for entry in fs::read_dir("/dev")?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !harmless.contains(&name.as_str())
            && !name.starts_with("tty")
            && fs::File::open(entry.path()).is_ok()
        {
            return Ok(name);
        }
    }
    Err(io::Error::other("no other device can be opened"))
}

pub fn connect_tcp(address: &str) -> Outcome {
    std::net::TcpStream::connect(address).map(|stream| format!("{stream:?}"))
}

pub fn connect_abstract(name: &str) -> Outcome {
    UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?).map(|stream| format!("{stream:?}"))
}

pub fn connect_path(path: &str) -> Outcome {
    UnixStream::connect(path).map(|stream| format!("{stream:?}"))
}

pub fn run(program: &str) -> Outcome {
    use std::os::unix::process::CommandExt;
    Err(Command::new(program).arg("reached by exec").exec())
}

/// Runs a copy of this very program from a folder that it can write to.
pub fn run_copy(folder: &str) -> Outcome {
    let copy = Path::new(folder).join("copy");
    fs::copy("/proc/self/exe", &copy)?;
    let outcome = fs::set_permissions(&copy, fs::Permissions::from_mode(0o700))
        .and_then(|()| Command::new(&copy).arg("core").output());
    fs::remove_file(&copy)?;
    outcome.map(|_| "a program of its own".to_owned())
}
