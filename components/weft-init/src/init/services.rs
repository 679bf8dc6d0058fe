//! Carries out what the supervisor decides, and brings it what services do.

use super::{Init, Output};
use crate::cgroup;
use crate::log::Lines;
use crate::notification;
use crate::reactor::Token;
use crate::service_file::Service;
use crate::spawn;
use crate::supervisor::{Action, State, Unit};
use rustix::fd::AsFd;
use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::VecDeque;
use std::fs;
use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Read from one pipe before others get their turn, in bytes.
const OUTPUT_AT_ONCE: usize = 64 << 10;
/// Datagrams handled before others get their turn.
const DATAGRAMS_AT_ONCE: usize = 32;

impl Init {
    pub(super) fn perform(&mut self, actions: Vec<Action>, now: Duration) {
        let mut queue = VecDeque::from(actions);
        while let Some(action) = queue.pop_front() {
            match action {
                Action::Start(unit) => queue.extend(self.start(unit, now)),
                Action::Terminate(unit) => self.signal(unit, Signal::TERM),
                Action::Kill(unit) => self.kill(unit),
                Action::Say(text) => self.say(&text),
                Action::Complain(text) => self.complain(&text),
                Action::AllStopped => self.services_stopped(now),
            }
        }
        self.say_ready_once();
    }

    fn say_ready_once(&mut self) {
        let ready = |unit| {
            matches!(self.supervisor.state(unit), Some(State::Ready | State::Finished | State::Stopped))
        };
        let running = !self.said_ready && self.shutdown.is_none() && !self.supervisor.is_empty();
        if running && (0..self.supervisor.len()).all(ready) {
            self.said_ready = true;
            self.say("ready");
        }
    }

    fn start(&mut self, unit: Unit, now: Duration) -> Vec<Action> {
        let Some(service) = self.supervisor.service(unit).cloned() else {
            return Vec::new();
        };
        match self.start_process(unit, &service) {
            Ok(pid) => self.supervisor.started(unit, pid, now),
            Err(why) => self.supervisor.start_failed(unit, &why, now),
        }
    }

    fn start_process(&mut self, unit: Unit, service: &Service) -> Result<u32, String> {
        let user = self.accounts.user(&service.user);
        let owner = user
            .map(|user| (user.uid, user.gid))
            .ok_or(format!("user {} is not in /etc/passwd", service.user))?;
        make_folders(service, owner)?;
        for problem in cgroup::create(service, owner) {
            self.complain(&problem);
        }
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| format!("no pipe: {error}"))?;
        // Only the reading end: a program's own writes are not to fail when it writes faster than PID 1 reads.
        rustix::io::ioctl_fionbio(&reader, true).map_err(|error| format!("no pipe: {error}"))?;
        let sockets = self.sockets.get(unit).map(Vec::as_slice).unwrap_or_default();
        let pid =
            spawn::spawn(service, &self.accounts, &writer, sockets).map_err(|error| error.to_string())?;
        let serial = self.next_serial();
        let _ = self.reactor.watch(&reader, Token::Output(serial), false);
        let output = Output { service: service.name.clone(), pipe: reader, lines: Lines::default() };
        self.outputs.insert(serial, output);
        Ok(pid)
    }

    fn signal(&mut self, unit: Unit, signal: Signal) {
        if let Some(pid) = self.supervisor.pid(unit).and_then(raw_pid) {
            let _ = kill_process(pid, signal);
        }
    }

    fn kill(&mut self, unit: Unit) {
        let Some(name) = self.supervisor.service(unit).map(|service| service.name.clone()) else {
            return;
        };
        let swept = cgroup::kill(&name);
        // Without a cgroup the session's process group is the best that is known.
        if let Some(pid) = self.supervisor.pid(unit).and_then(raw_pid).filter(|_| !swept) {
            let _ = kill_process_group(pid, Signal::KILL);
            let _ = kill_process(pid, Signal::KILL);
        }
    }

    pub(super) fn on_output(&mut self, serial: u32, now: Duration) {
        let Some(output) = self.outputs.get_mut(&serial) else {
            return;
        };
        let mut buffer = vec![0; OUTPUT_AT_ONCE];
        let mut lines = Vec::new();
        let at_end = match rustix::io::read(&output.pipe, buffer.as_mut_slice()) {
            Ok(0) => true,
            Ok(length) => {
                output.lines.push(buffer.get(..length).unwrap_or_default(), now, &mut lines);
                false
            }
            Err(Errno::AGAIN | Errno::INTR) => false,
            Err(_) => true,
        };
        if at_end {
            output.lines.finish(now, &mut lines);
        }
        let name = output.service.clone();
        self.journal.keep(now, &name, &lines);
        if at_end && let Some(output) = self.outputs.remove(&serial) {
            self.reactor.forget(output.pipe.as_fd());
        }
    }

    /// Reads what is left in the pipes, before the logs are closed for good.
    pub(super) fn drain_outputs(&mut self, now: Duration) {
        for serial in self.outputs.keys().copied().collect::<Vec<_>>() {
            self.on_output(serial, now);
        }
    }

    pub(super) fn on_notification(&mut self, now: Duration) {
        for _ in 0..DATAGRAMS_AT_ONCE {
            let Some((sender, message)) = self.notify.as_ref().and_then(receive) else {
                return;
            };
            let Some(unit) = self.sender(sender) else {
                continue;
            };
            let actions = self.supervisor.notified(unit, &notification::parse(&message), now);
            self.perform(actions, now);
        }
    }

    /// The service that a process speaks for: its main process, or one directly in its cgroup. What runs in delegated cgroups below, such as
    /// apps, speaks for nobody.
    fn sender(&self, pid: u32) -> Option<Unit> {
        self.supervisor.find_pid(pid).or_else(|| {
            let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
            (0..self.supervisor.len()).find(|unit| {
                self.supervisor.service(*unit).is_some_and(|service| cgroup::holds(&service.name, &text))
            })
        })
    }
}

fn raw_pid(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

/// One datagram and who sent it, as the kernel attests.
fn receive(socket: impl AsFd) -> Option<(u32, Vec<u8>)> {
    let mut message = vec![0; 4096];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1), ScmRights(8))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    let mut parts = [IoSliceMut::new(&mut message)];
    let received = rustix::net::recvmsg(socket, &mut parts, &mut ancillary, flags).ok()?;
    // Descriptors that a service may have passed are closed by being dropped here.
    let credentials = ancillary.drain().find_map(|part| match part {
        RecvAncillaryMessage::ScmCredentials(credentials) => Some(credentials),
        _ => None,
    })?;
    message.truncate(received.bytes);
    Some((u32::try_from(credentials.pid.as_raw_nonzero().get()).ok()?, message))
}

/// The folders that the service file asks for, owned by the service's user and closed to others; its group, which is the user's own, may
/// pass through to paths that it knows: the launcher does, to show a process its part.
fn make_folders(service: &Service, owner: (u32, u32)) -> Result<(), String> {
    let state = service.state_directory.iter().map(|folder| Path::new(crate::phase::STATE).join(folder));
    runtime_folder(service).into_iter().chain(state).try_for_each(|path| make_folder(&path, owner))
}

pub(super) fn runtime_folder(service: &Service) -> Option<PathBuf> {
    service.runtime_directory.as_ref().map(|folder| Path::new("/run").join(folder))
}

pub(super) fn make_folder(path: &Path, (uid, gid): (u32, u32)) -> Result<(), String> {
    fs::create_dir_all(path)
        .and_then(|()| std::os::unix::fs::chown(path, Some(uid), Some(gid)))
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o710)))
        .map_err(|error| format!("cannot make {}: {error}", path.display()))
}
