//! PID 1's side of the state partition: a worker process brings it up, and a temporary state stands in where that fails.

use super::Init;
use crate::phase::{STATE, STATE_FLAGS};
use crate::reactor::Token;
use crate::state::{Report, parse_report, prepare};
use crate::sys::{self, Fork};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::time::Duration;

/// A disk that takes longer is taken for dead. Writing the template to a slow card takes seconds.
const LIMIT: Duration = Duration::from_secs(60);

/// The process at work on the partition.
pub struct Worker {
    pid: Option<u32>,
    reports: Option<OwnedFd>,
    partial: String,
    /// Until `/state` is decided.
    deadline: Option<Duration>,
}

impl Worker {
    pub fn deadline(&self) -> Option<Duration> {
        self.deadline
    }
}

impl Init {
    pub(super) fn start_state_worker(&mut self, now: Duration) {
        let worker = pipe_with(PipeFlags::CLOEXEC).and_then(|(reader, writer)| {
            rustix::io::ioctl_fionbio(&reader, true)?;
            match sys::fork()? {
                Fork::Child => {
                    prepare(&self.info, &mut |report: Report| {
                        // Nobody reads any more only when PID 1 has given the disk up.
                        let _ = rustix::io::write(&writer, report.to_line().as_bytes());
                    });
                    sys::exit_now(0)
                }
                Fork::Parent(pid) => Ok((pid, reader)),
            }
        });
        match worker {
            Ok((pid, reader)) => {
                let _ = self.reactor.watch(&reader, Token::StateWorker, false);
                self.state_worker = Some(Worker {
                    pid: Some(pid),
                    reports: Some(reader),
                    partial: String::new(),
                    deadline: Some(now + LIMIT),
                });
            }
            Err(error) => self.use_temporary_state(&format!("no process for it: {error}"), now),
        }
    }

    pub(super) fn on_state_report(&mut self, now: Duration) {
        let Some(worker) = &mut self.state_worker else {
            return;
        };
        let Some(reader) = &worker.reports else {
            return;
        };
        let mut buffer = [0; 4096];
        let at_end = match rustix::io::read(reader, &mut buffer) {
            Ok(0) => true,
            Ok(length) => {
                worker.partial.push_str(&String::from_utf8_lossy(buffer.get(..length).unwrap_or_default()));
                false
            }
            Err(Errno::AGAIN | Errno::INTR) => false,
            Err(_) => true,
        };
        let complete = worker.partial.rfind('\n').map_or(0, |end| end + 1);
        let lines: String = worker.partial.drain(..complete).collect();
        if at_end && let Some(reader) = worker.reports.take() {
            self.reactor.forget(&reader);
        }
        for report in lines.lines().filter_map(parse_report) {
            match report {
                Report::Mounted => {
                    self.state_kept = Some(true);
                    self.state_is_up(now);
                }
                Report::Unusable(why) => self.use_temporary_state(&why, now),
                Report::Note(text) => self.say(&text),
            }
        }
        if at_end && self.undecided() {
            self.use_temporary_state("the process that checks it ended without a word", now);
        }
    }

    pub(super) fn tick_state(&mut self, now: Duration) {
        let late =
            self.state_worker.as_ref().and_then(Worker::deadline).is_some_and(|deadline| deadline <= now);
        if !late {
            return;
        }
        if let Some(pid) = self.state_worker.as_ref().and_then(|worker| worker.pid) {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
        }
        self.use_temporary_state(&format!("the disk did not answer within {} s", LIMIT.as_secs()), now);
    }

    fn undecided(&self) -> bool {
        self.state_worker.as_ref().is_some_and(|worker| worker.deadline.is_some())
    }

    pub(super) fn forget_state_worker(&mut self, pid: u32) {
        if let Some(worker) = self.state_worker.as_mut().filter(|worker| worker.pid == Some(pid)) {
            worker.pid = None;
        }
    }

    fn use_temporary_state(&mut self, why: &str, now: Duration) {
        self.state_kept = Some(false);
        self.complain(&format!("the state partition cannot be used: {why}"));
        self.complain("running with a temporary state in memory: NOTHING IS KEPT after a restart");
        let options = c"mode=755,size=25%";
        if let Err(error) = rustix::mount::mount("tmpfs", STATE, "tmpfs", STATE_FLAGS, options) {
            self.complain(&format!("cannot mount a temporary state: {error}"));
        }
        self.state_is_up(now);
    }

    fn state_is_up(&mut self, now: Duration) {
        if let Some(worker) = &mut self.state_worker {
            worker.deadline = None;
        }
        if self.shutdown.is_some() {
            return;
        }
        if let Err(error) = self.journal.logs.open(&Path::new(STATE).join("log")) {
            self.complain(&format!("logs are not kept: {STATE}/log cannot be written: {error}"));
        }
        let actions = self.supervisor.state_mounted(now);
        self.perform(actions, now);
    }
}
