//! The processes that appd started, and those that they left behind.

use crate::sessions::{End, Role, SessionId};
use crate::sys;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process, kill_process_group, waitpid};
use std::collections::HashMap;

/// Exit codes of `weft-runtime` that say that the component can never run: usage, invalid module, not compiled, refused.
const REFUSED: std::ops::RangeInclusive<i32> = 2..=5;

/// Children by their process id, which is also their process group's.
#[derive(Debug, Default)]
pub struct Children(HashMap<Pid, (SessionId, Role)>);

impl Children {
    pub fn add(&mut self, pid: u32, session: SessionId, role: Role) {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            self.0.insert(pid, (session, role));
        }
    }

    /// Sends a signal to all processes of a session, with whatever they started in their groups.
    pub fn signal(&self, session: SessionId, signal: Signal) {
        for (pid, _) in self.0.iter().filter(|(_, (of, _))| *of == session) {
            // It may just have died.
            let _ = kill_process_group(*pid, signal);
        }
    }

    /// Takes one dead child away; `None` when there is none. Before its id becomes free its process group is killed.
    pub fn reap(&mut self) -> Option<(SessionId, Role, End)> {
        loop {
            let pid = Pid::from_raw(sys::dead_child()?)?;
            let known = self.0.remove(&pid);
            if known.is_some() {
                let _ = kill_process_group(pid, Signal::KILL);
            }
            let status = waitpid(Some(pid), WaitOptions::NOHANG).ok().flatten();
            if let (Some((session, role)), Some((_, status))) = (known, status) {
                return Some((session, role, end(status, role)));
            }
        }
    }

    /// Kills what sessions left behind: children of appd that it never started.
    pub fn kill_orphans(&self) {
        let own = std::process::id();
        // One list a thread (proc_pid_children(5)); orphans are adopted by any of them.
        let lists = std::fs::read_dir(format!("/proc/{own}/task")).into_iter().flatten().flatten();
        let children =
            lists.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
        for text in children {
            let pids = text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
            for pid in pids.filter(|pid| !self.0.contains_key(pid)) {
                tracing::warn!("process {} was left behind by a session, killing it", pid.as_raw_nonzero());
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn end(status: WaitStatus, role: Role) -> End {
    match (status.exit_status(), status.terminating_signal()) {
        (Some(0), _) => End::Done,
        (Some(code), _) if role == Role::Runtime && REFUSED.contains(&code) => End::Refused(code),
        (Some(code), _) => End::Failed(code),
        (None, signal) => End::Killed(signal.unwrap_or_default()),
    }
}
