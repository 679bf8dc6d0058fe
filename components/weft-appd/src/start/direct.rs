//! Processes that are appd's own children, as appd's user.

use super::{Argument, Error, Key, News, Spec, end};
use crate::cgroup;
use crate::sessions::SessionId;
use crate::sys;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};
use std::collections::{HashMap, VecDeque};
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Children by their process id, which is also their process group's.
#[derive(Debug, Default)]
pub struct Direct {
    children: HashMap<Pid, Key>,
    started: VecDeque<News>,
}

impl Direct {
    pub fn start(&mut self, spec: Spec<'_>) -> Result<(), Error> {
        let key = (spec.session, spec.role);
        let program = spec.program.clone();
        let failed = |source| Error::Spawn { program: program.clone(), source };
        let mut command = Command::new(&spec.program);
        let mut descriptors = Vec::new();
        for argument in spec.arguments {
            match argument {
                Argument::Text(text) => drop(command.arg(text)),
                Argument::Descriptor(descriptor) => {
                    command.arg(descriptor.as_raw_fd().to_string());
                    descriptors.push(descriptor);
                }
            }
        }
        command.env_clear().envs(spec.environment);
        command.stdin(Stdio::null()).stdout(spec.stdout).stderr(spec.stderr).process_group(0);
        let entrance = spec.cgroup.map(cgroup::Session::entrance).transpose().map_err(failed)?;
        sys::prepare(&mut command, descriptors, entrance);
        let child = command.spawn().map_err(failed)?;
        // Whoever dies is reaped by the event loop, which waits for all children at once.
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            self.children.insert(pid, key);
        }
        self.started.push_back(News::Started(key, child.id()));
        Ok(())
    }

    /// Sends a signal to all processes of a session, with whatever they started in their groups.
    pub fn signal(&self, session: SessionId, signal: Signal) {
        for (pid, _) in self.children.iter().filter(|(_, (of, _))| *of == session) {
            // It may just have died.
            let _ = kill_process_group(*pid, signal);
        }
    }

    /// Who was started, then one dead child at a time. Before its id becomes free its process group is killed.
    pub fn reap(&mut self) -> Option<News> {
        if let Some(news) = self.started.pop_front() {
            return Some(news);
        }
        loop {
            let pid = Pid::from_raw(sys::dead_child()?)?;
            let known = self.children.remove(&pid);
            if known.is_some() {
                let _ = kill_process_group(pid, Signal::KILL);
            }
            let status = waitpid(Some(pid), WaitOptions::NOHANG).ok().flatten();
            if let (Some((session, role)), Some((_, status))) = (known, status) {
                let end = end(role, status.exit_status(), status.terminating_signal());
                return Some(News::Ended((session, role), end));
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
            for pid in pids.filter(|pid| !self.children.contains_key(pid)) {
                tracing::warn!("process {} was left behind by a session, killing it", pid.as_raw_nonzero());
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}
