//! What PID 1 itself has to say: on the console and in its own log.

use crate::log::{Store, stamp};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::time::Duration;

/// Bytes kept for a console that takes none at the moment.
const PENDING_LIMIT: usize = 64 << 10;

/// The console, which never blocks PID 1.
#[derive(Debug, Default)]
pub struct Console {
    fd: Option<OwnedFd>,
    pending: Vec<u8>,
}

impl Console {
    pub fn open() -> Self {
        let flags = OFlags::WRONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Self { fd: rustix::fs::open(c"/dev/console", flags, Mode::empty()).ok(), pending: Vec::new() }
    }

    pub fn fd(&self) -> Option<&OwnedFd> {
        self.fd.as_ref()
    }

    /// Whether something waits for room.
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty() && self.fd.is_some()
    }

    fn push(&mut self, text: &str) {
        if self.pending.len() + text.len() <= PENDING_LIMIT {
            self.pending.extend_from_slice(text.as_bytes());
        }
        self.flush();
    }

    /// Writes what the console takes.
    pub fn flush(&mut self) {
        let Some(fd) = &self.fd else {
            self.pending.clear();
            return;
        };
        while !self.pending.is_empty() {
            match rustix::io::write(fd, &self.pending) {
                Ok(written) => drop(self.pending.drain(..written.min(self.pending.len()))),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => self.pending.clear(),
            }
        }
    }
}

/// Console and log together.
#[derive(Debug, Default)]
pub struct Journal {
    pub console: Console,
    pub logs: Store,
    disk_failed: bool,
}

impl Journal {
    pub fn say(&mut self, now: Duration, text: &str) {
        let line = format!("{}{text}\n", stamp(now));
        self.console.push(&format!("weft-init: {line}"));
        self.keep(now, "init", line.as_bytes());
    }

    pub fn complain(&mut self, now: Duration, text: &str) {
        self.say(now, &format!("error: {text}"));
    }

    /// Something for the log alone.
    pub fn note(&mut self, now: Duration, text: &str) {
        self.keep(now, "init", format!("{}{text}\n", stamp(now)).as_bytes());
    }

    /// Appends whole lines to a log; the first refusal of a full or broken disk is told on the console.
    pub fn keep(&mut self, now: Duration, log: &str, lines: &[u8]) {
        if lines.is_empty() {
            return;
        }
        let outcome = self.logs.append(log, lines);
        match outcome {
            Ok(()) => self.disk_failed = false,
            Err(_) if self.disk_failed => {}
            Err(error) => {
                self.disk_failed = true;
                let text =
                    format!("weft-init: {}error: the log {log} cannot be written: {error}\n", stamp(now));
                self.console.push(&text);
            }
        }
    }
}
