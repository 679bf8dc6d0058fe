//! Signals, read as data: children that ended, and requests to shut down.

use super::Init;
use super::shutdown::Goal;
use crate::supervisor::End;
use crate::sys;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{WaitOptions, WaitStatus, wait};
use std::time::Duration;

/// SIGINT is what the kernel sends for Ctrl-Alt-Del once that no longer restarts the machine by itself (`reboot(2)`, CAD_OFF).
const HANDLED: [i32; 4] = [libc::SIGCHLD, libc::SIGTERM, libc::SIGINT, libc::SIGPWR];

pub fn open() -> Result<OwnedFd, Errno> {
    sys::signal_descriptor(&HANDLED)
}

/// `struct signalfd_siginfo` has 128 bytes, the signal's number first.
const RECORD: usize = 128;

impl Init {
    pub(super) fn on_signals(&mut self, now: Duration) {
        let mut buffer = [0; RECORD * 8];
        let length = rustix::io::read(&self.signals, &mut buffer).unwrap_or(0);
        for record in buffer.get(..length).unwrap_or_default().chunks_exact(RECORD) {
            let number = record.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
            match number {
                libc::SIGINT => self.begin_shutdown(Goal::Reboot, "Ctrl-Alt-Del", now),
                libc::SIGTERM => self.begin_shutdown(Goal::PowerOff, "SIGTERM", now),
                libc::SIGPWR => self.begin_shutdown(Goal::PowerOff, "power failure", now),
                _ => {}
            }
        }
        self.reap(now);
    }

    /// Collects every child that ended, orphans of services included.
    fn reap(&mut self, now: Duration) {
        while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
            let Ok(pid) = u32::try_from(pid.as_raw_nonzero().get()) else {
                continue;
            };
            let end = how(status);
            if let Some(actions) = self.supervisor.exited(pid, end, now) {
                self.perform(actions, now);
            } else {
                self.worker_ended(pid, now);
            }
        }
    }
}

fn how(status: WaitStatus) -> End {
    match status.terminating_signal() {
        Some(signal) => End::Signal(signal),
        None => End::Status(status.exit_status().unwrap_or(0)),
    }
}
