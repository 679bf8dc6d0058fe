//! The way down: services in reverse order, the state partition, the machine. It takes at most [`TOTAL`], whatever hangs.

use super::Init;
use crate::phase::{STATE, STATE_FLAGS};
use crate::state::ask_for_reset;
use crate::sys::{self, Fork};
use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount_remount, unmount};
use rustix::system::{RebootCommand, reboot};
use std::path::Path;
use std::time::Duration;
use weft_state::boot::Record;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    PowerOff,
    Reboot,
}

/// From the request to `reboot(2)`.
const TOTAL: Duration = Duration::from_millis(2800);
/// From the request to the death of the last service, at the latest.
const SERVICES: Duration = Duration::from_millis(2000);

/// What the next boot is told beside the orderly end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    Nothing,
    /// The release is broken, and why.
    Failed(String),
    /// The state is to be dropped.
    Reset,
}

/// A shutdown on its way.
pub struct Shutdown {
    goal: Goal,
    note: Note,
    deadline: Duration,
    /// The process that unmounts, once the services are gone.
    worker: Option<u32>,
}

impl Shutdown {
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    pub fn goal(&self) -> Goal {
        self.goal
    }
}

impl Init {
    pub(super) fn begin_shutdown(&mut self, goal: Goal, why: &str, now: Duration) {
        self.shut_down_with(goal, Note::Nothing, why, now);
    }

    pub(super) fn shut_down_with(&mut self, goal: Goal, note: Note, why: &str, now: Duration) {
        if self.shutdown.is_some() {
            return;
        }
        let what = match goal {
            Goal::PowerOff => "powering off",
            Goal::Reboot => "restarting",
        };
        self.say(&format!("{what}: {why}"));
        self.shutdown = Some(Shutdown { goal, note, deadline: now + TOTAL, worker: None });
        let actions = self.supervisor.shut_down(now + SERVICES, now);
        self.perform(actions, now);
    }

    /// Every service is gone: what is left over is killed, and the partition let go of.
    pub(super) fn services_stopped(&mut self, now: Duration) {
        if self.shutdown.as_ref().is_none_or(|shutdown| shutdown.worker.is_some()) {
            return;
        }
        self.say("services stopped");
        self.on_kernel_log(now);
        self.drain_outputs(now);
        self.journal.logs.close();
        sys::kill_everybody();
        let note = self.shutdown.as_ref().map_or(Note::Nothing, |shutdown| shutdown.note.clone());
        match sys::fork() {
            Ok(Fork::Child) => {
                leave(&note);
                let_go();
                sys::exit_now(0)
            }
            Ok(Fork::Parent(pid)) => {
                if let Some(shutdown) = &mut self.shutdown {
                    shutdown.worker = Some(pid);
                }
            }
            Err(_) => self.finish(),
        }
    }

    /// A process that belongs to no service ended.
    pub(super) fn worker_ended(&mut self, pid: u32, _now: Duration) {
        self.forget_state_worker(pid);
        if self.shutdown.as_ref().is_some_and(|shutdown| shutdown.worker == Some(pid)) {
            self.finish();
        }
    }

    pub(super) fn tick_shutdown(&mut self, now: Duration) {
        if self.shutdown.as_ref().is_some_and(|shutdown| shutdown.deadline <= now) {
            self.complain("the shutdown took too long, ending it");
            self.finish();
        }
    }

    fn finish(&mut self) {
        let goal = self.shutdown.as_ref().map_or(Goal::Reboot, |shutdown| shutdown.goal);
        if let Some(watchdog) = self.watchdog.take() {
            watchdog.close();
        }
        let _ = reboot(match goal {
            Goal::PowerOff => RebootCommand::PowerOff,
            Goal::Reboot => RebootCommand::Restart,
        });
        // A machine that cannot switch itself off stays here, with everything written.
        if let Some(shutdown) = &mut self.shutdown {
            shutdown.deadline = Duration::MAX;
        }
    }
}

/// What the next boot finds. A full or broken disk keeps what it has.
fn leave(note: &Note) {
    let state = Path::new(STATE);
    if *note == Note::Reset {
        ask_for_reset();
    }
    if let Ok(Some(mut record)) = Record::load(state) {
        if let Note::Failed(reason) = note {
            record.failed(reason);
        }
        record.ended();
        let _ = record.store(state);
    }
}

/// The worker: it may wait, PID 1 does not wait for it beyond the deadline.
fn let_go() {
    const ATTEMPTS: u32 = 50;
    const PAUSE: Duration = Duration::from_millis(10);
    // Killed processes hold their files until they are really gone.
    for _ in 0..ATTEMPTS {
        match unmount(STATE, UnmountFlags::empty()) {
            Err(Errno::BUSY) => std::thread::sleep(PAUSE),
            _ => return rustix::fs::sync(),
        }
    }
    rustix::fs::sync();
    let _ = mount_remount(STATE, STATE_FLAGS | MountFlags::RDONLY, c"");
}
