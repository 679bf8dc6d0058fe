//! The only unsafe code of this crate's machine part: a child that dies with its parent.
#![allow(unsafe_code)]

use rustix::process::{Signal, set_parent_process_death_signal};
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes the kernel kill the child when the thread that spawned it ends, however it ends (prctl(2), PR_SET_PDEATHSIG).
pub fn die_with_parent(command: &mut Command) {
    // SAFETY: the closure runs between fork and exec and makes one prctl system call, which is async-signal-safe; it allocates nothing.
    unsafe {
        command.pre_exec(|| Ok(set_parent_process_death_signal(Some(Signal::KILL))?));
    }
}
