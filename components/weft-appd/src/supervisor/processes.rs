//! The processes of sessions: what it takes to start them and to be rid of them.

use super::Supervisor;
use crate::cgroup;
use crate::chain::chain;
use crate::code::Making;
use crate::mounts::Mounted;
use crate::output::{self, Who};
use crate::plan::{self, Plan};
use crate::record::Record;
use crate::relay::Relay;
use crate::services::Complaints;
use crate::sessions::{End, Event, Role, SessionId};
use crate::start::Spec;
use std::fs::DirBuilder;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use weft_ipc::session::Notice;
use weft_manifest::Package;
use weft_package::SessionLock;

/// What belongs to a session with processes.
#[derive(Debug)]
pub struct Open {
    pub package: Package,
    /// As long as it is held, no update takes the package's files away.
    pub(super) _lock: Option<SessionLock>,
    /// `None` once its processes are told to leave.
    pub relay: Option<Relay>,
    pub record: Arc<Record>,
    /// Its component is told of all sessions.
    pub supervises: bool,
    pub complaints: Complaints,
    /// When its page answered last.
    pub alive: Option<Instant>,
    pub(super) cgroup: Option<cgroup::Session>,
    /// Its code, where that was made on this device.
    pub(super) code: Option<PathBuf>,
    /// Its code, while it is made.
    pub(super) making: Option<Making>,
    /// Where its package is an image.
    pub(super) mounted: Option<Mounted>,
    pub(super) portal_socket: Option<PathBuf>,
    /// The page's end of its channel, until the shell is started.
    pub(super) page_channel: Option<OwnedFd>,
    pub(super) outputs: Vec<(Role, JoinHandle<()>)>,
}

impl Open {
    pub fn notify(&self, notice: Notice) -> Result<(), String> {
        match &self.relay {
            Some(relay) => relay.notify(notice),
            None => Err("the session is ending".to_owned()),
        }
    }
}

impl Supervisor {
    pub(super) fn start(
        &mut self,
        session: SessionId,
        role: Role,
        plan: Plan,
        token: Option<String>,
        open: &mut Open,
    ) -> Result<(), String> {
        for folder in &plan.folders {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
        }
        let (stdout, stderr) = (pipe()?, pipe()?);
        let spec = Spec {
            session,
            role,
            app: &open.package.manifest.id,
            program: plan.program,
            arguments: plan.arguments,
            environment: plan.environment,
            data: plan.data,
            documents: plan.documents,
            readable: plan.readable,
            display: plan.display,
            stdout: stdout.1,
            stderr: stderr.1,
            cgroup: open.cgroup.as_ref(),
        };
        self.starter.start(spec).map_err(|error| chain(&error))?;
        for (reader, token) in [(stdout.0, token), (stderr.0, None)] {
            let who = Who { session, role };
            match output::follow(reader, who, token, self.senders.signs.clone(), open.record.clone()) {
                Ok(task) => open.outputs.push((role, task)),
                Err(error) => tracing::error!("session {session}: its output is lost: {error}"),
            }
        }
        Ok(())
    }

    pub(super) fn cgroup(&self, session: SessionId, package: &Package) -> Option<cgroup::Session> {
        match self.cgroups.as_ref()?.session(session, package.manifest.limits.cpu) {
            Ok(cgroup) => Some(cgroup),
            Err(error) => {
                tracing::error!("session {session} runs without a cgroup: {error}");
                None
            }
        }
    }

    pub(super) fn start_shell(&mut self, session: SessionId) -> Option<Event> {
        let failed = Event::Ended { session, role: Role::Shell, end: End::Failed(1) };
        let mut open = self.open.remove(&session)?;
        let parts = (&self.config.shell, open.package.entry(), open.page_channel.take());
        let started = match parts {
            (Some(program), Some(entry), Some(channel)) => {
                let token = token();
                let plan =
                    plan::shell(&self.config, program, &entry, &open.package, session, &token, channel);
                self.start(session, Role::Shell, plan, Some(token), &mut open)
            }
            _ => Err("there is nothing to show its page with".to_owned()),
        };
        self.open.insert(session, open);
        let problem = started.err()?;
        tracing::error!("session {session}: {problem}");
        Some(failed)
    }

    /// A process runs.
    pub(super) fn is_started(&mut self, session: SessionId, role: Role, pid: u32) -> Option<Event> {
        let open = self.open.get(&session)?;
        if let (Role::Shell, Some(compositor)) = (role, &self.compositor) {
            compositor.created(open.package.manifest.id.to_string(), session, pid);
        }
        None
    }

    /// Asks the session's processes to leave.
    pub(super) fn terminate(&mut self, session: SessionId) {
        self.starter.ask_to_leave(session);
        if self.config.launcher.is_some()
            && let Some(open) = self.open.get_mut(&session)
        {
            // Its processes have another user's id and take no signals of appd's: they leave when their channels close.
            open.relay = None;
        }
    }

    pub(super) fn kill(&mut self, session: SessionId) {
        if let Some(cgroup) = self.open.get(&session).and_then(|open| open.cgroup.as_ref()) {
            cgroup.kill();
        }
        self.starter.kill(session);
    }
}

/// A session channel: appd's end and the other one.
pub(super) fn channel() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (own, theirs) = StdStream::pair()?;
    own.set_nonblocking(true)?;
    Ok((UnixStream::from_std(own)?, theirs.into()))
}

/// A pipe for a process's output: the end to read from and the one to write to.
fn pipe() -> Result<(OwnedFd, OwnedFd), String> {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|error| format!("no pipe: {error}"))
}

/// 128 random bits: what a process must print to prove that it is the one that was started.
pub(super) fn token() -> String {
    let mut bytes = [0; 16];
    // 16 bytes are never short (getrandom(2)), and the kernel's generator is seeded long before appd starts.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u128::from_ne_bytes(bytes).to_string()
}
