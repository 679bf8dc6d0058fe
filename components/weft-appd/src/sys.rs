//! The unsafe calls of this crate.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use tokio::io::unix::AsyncFd;

/// Orphans of sessions become children of this process, so that it can end them.
pub fn adopt_orphans() -> io::Result<()> {
    // SAFETY: prctl(2) with PR_SET_CHILD_SUBREAPER takes one flag and no pointers.
    check(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })
}

/// Prepares a command's process: it dies with appd, enters `cgroup` (an open `cgroup.procs`), and inherits `descriptors` under their
/// numbers here. The command must be spawned from the main thread: PR_SET_PDEATHSIG is about the thread that spawns.
pub fn prepare(command: &mut Command, descriptors: Vec<OwnedFd>, cgroup: Option<OwnedFd>) {
    let parent = std::process::id();
    let before_exec = move || {
        // SAFETY: prctl(2), getppid(2), fcntl(2) and write(2) are safe between fork and exec (signal-safety(7)); the descriptors are
        // open in the child, which holds copies of the parent's.
        unsafe {
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0))?;
            // appd may have died before the line above.
            if libc::getppid().cast_unsigned() != parent {
                return Err(io::Error::from_raw_os_error(libc::ESRCH));
            }
            for descriptor in &descriptors {
                check(libc::fcntl(descriptor.as_raw_fd(), libc::F_SETFD, 0))?;
            }
            if let Some(procs) = &cgroup
                && libc::write(procs.as_raw_fd(), c"0".as_ptr().cast(), 1) != 1
            {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: the closure only makes the async-signal-safe calls above; it neither allocates nor locks.
    unsafe { command.pre_exec(before_exec) };
}

/// The process id of a dead child, which stays a zombie so that its id stays its own.
pub fn dead_child() -> Option<i32> {
    // SAFETY: siginfo_t is plain data for which zeroes are a value; waitid(2) writes it, or leaves the process id 0 when no child is dead.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        check(libc::waitid(libc::P_ALL, 0, &raw mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT))
            .ok()?;
        Some(info.si_pid()).filter(|pid| *pid > 0)
    }
}

/// Lets the event loop wait for a descriptor.
pub fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is the same open descriptor for as long as it lives, and the AsyncFd gives no way to change it but by `&mut`,
    // which nobody uses.
    unsafe { AsyncFd::register(fd) }.map_err(io::Error::from)
}

fn check(outcome: libc::c_int) -> io::Result<()> {
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
