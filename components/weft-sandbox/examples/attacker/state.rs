//! Attacks that use what the process has, or should not have.
#![allow(unsafe_code)]

use crate::Outcome;
use crate::calls::raw;
use std::io;
use std::os::unix::fs::MetadataExt;

fn check(holds: bool, what: String) -> Outcome {
    if holds { Ok(what) } else { Err(io::Error::other("nothing there")) }
}

fn status(field: &str) -> io::Result<String> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    Ok(line.trim_start_matches(':').trim().to_owned())
}

/// Signal 0 to a process outside.
pub fn signal(pid: &str) -> Outcome {
    let pid: usize = pid.parse().map_err(io::Error::other)?;
    raw(libc::SYS_kill, [pid, 0, 0, 0, 0, 0]).map(|_| format!("process {pid}"))
}

pub fn fork() -> Outcome {
    match raw(libc::SYS_clone, [libc::SIGCHLD as usize, 0, 0, 0, 0, 0])? {
        0 => std::process::exit(0),
        pid => Ok(format!("process {pid}")),
    }
}

/// Any capability in any set.
pub fn capabilities() -> Outcome {
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        let value = status(set)?;
        if !value.trim_start_matches('0').is_empty() {
            return Ok(format!("{set} {value}"));
        }
    }
    Err(io::Error::other("all sets are empty"))
}

pub fn new_privileges() -> Outcome {
    check(status("NoNewPrivs")? == "0", "a way to gain privileges".into())
}

/// A user who is root, outside or inside.
pub fn root() -> Outcome {
    let ids = status("Uid")? + " " + &status("Gid")?;
    let root = ids.split_whitespace().any(|id| id == "0") || std::fs::metadata("/proc/self")?.uid() == 0;
    check(root, ids)
}

/// Descriptors that nobody named.
pub fn descriptors() -> Outcome {
    for number in 3..2000 {
        if raw(libc::SYS_fcntl, [number, libc::F_GETFD as usize, 0, 0, 0, 0]).is_ok() {
            return Ok(format!("descriptor {number}"));
        }
    }
    Err(io::Error::other("no descriptor beyond the standard ones"))
}

pub fn environment() -> Outcome {
    std::env::var("WEFT_SECRET").map_err(io::Error::other)
}

/// A core file would leave memory behind.
pub fn core() -> Outcome {
    let mut limit = [0_u64; 2];
    raw(
        libc::SYS_prlimit64,
        [0, libc::RLIMIT_CORE as usize, 0, limit.as_mut_ptr().expose_provenance(), 0, 0],
    )?;
    check(limit[1] > 0, format!("core files of {} bytes", limit[1]))
}
