//! The processes of sessions: what it takes to start them and to be rid of them.

use super::Supervisor;
use crate::cgroup;
use crate::chain::chain;
use crate::launch::{self, Place, Started};
use crate::output::{self, Ready};
use crate::relay::Relay;
use crate::sessions::{End, Event, Role, SessionId};
use rustix::process::Signal;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use tokio::net::UnixStream;
use weft_manifest::{AppId, Package};

/// What belongs to a session with processes.
pub struct Open {
    pub package: Package,
    pub relay: Relay,
    cgroup: Option<cgroup::Session>,
    /// The page's end of its channel, until the shell is started.
    page_channel: Option<OwnedFd>,
}

impl Supervisor {
    pub fn start_runtime(&mut self, session: SessionId, app: &AppId) -> Event {
        let not_started = |reason: String, for_good| Event::NotStarted { session, reason, for_good };
        let package = match self.config.store.find(app) {
            Ok(package) => package,
            Err(error) => return not_started(chain(&error), true),
        };
        match self.open_session(session, package) {
            Ok((open, started)) => {
                let has_page = open.page_channel.is_some();
                self.open.insert(session, open);
                self.children.add(started.pid, session, Role::Runtime);
                Event::Started { session, has_page }
            }
            Err(problem) => not_started(format!("{app} cannot be started: {problem}"), false),
        }
    }

    fn open_session(&mut self, session: SessionId, package: Package) -> Result<(Open, Started), String> {
        let (own, theirs) = channel().map_err(|error| format!("no session channel: {error}"))?;
        let with_page = self.config.shell.is_some() && package.manifest.ui.is_some();
        let page =
            with_page.then(channel).transpose().map_err(|error| format!("no session channel: {error}"))?;
        let (own_page, page_channel) = page.unzip();
        let cgroup = self.cgroup(session, &package);
        let token = token();
        let place =
            Place { session, package: &package, channel: theirs, token: &token, cgroup: cgroup.as_ref() };
        let mut started = launch::runtime(&self.config, place).map_err(|error| chain(&error))?;
        self.follow(&mut started, Ready { session, role: Role::Runtime }, token);
        let relay = Relay::start(session, own, own_page, self.from_components.clone());
        Ok((Open { package, relay, cgroup, page_channel }, started))
    }

    fn cgroup(&self, session: SessionId, package: &Package) -> Option<cgroup::Session> {
        match self.cgroups.as_ref()?.session(session, package.manifest.limits.cpu) {
            Ok(cgroup) => Some(cgroup),
            Err(error) => {
                tracing::error!("session {session} runs without a cgroup: {error}");
                None
            }
        }
    }

    pub fn start_shell(&mut self, session: SessionId) -> Option<Event> {
        let failed = Event::Ended { session, role: Role::Shell, end: End::Failed(1) };
        let open = self.open.get_mut(&session)?;
        let (Some(program), Some(entry), Some(channel)) =
            (&self.config.shell, open.package.entry(), open.page_channel.take())
        else {
            return Some(failed);
        };
        let token = token();
        let place =
            Place { session, package: &open.package, channel, token: &token, cgroup: open.cgroup.as_ref() };
        match launch::shell(program, &entry, place) {
            Ok(mut started) => {
                if let Some(compositor) = &self.compositor {
                    compositor.created(open.package.manifest.id.to_string(), session, started.pid);
                }
                self.children.add(started.pid, session, Role::Shell);
                self.follow(&mut started, Ready { session, role: Role::Shell }, token);
                None
            }
            Err(error) => {
                tracing::error!("session {session}: {}", chain(&error));
                Some(failed)
            }
        }
    }

    fn follow(&self, started: &mut Started, who: Ready, token: String) {
        let stdout = started.stdout.take().map(|pipe| (OwnedFd::from(pipe), Some(token)));
        let stderr = started.stderr.take().map(|pipe| (OwnedFd::from(pipe), None));
        for (pipe, token) in [stdout, stderr].into_iter().flatten() {
            if let Err(error) = output::follow(pipe, who, token, self.ready.clone()) {
                tracing::error!("session {}: its output is lost: {error}", who.session);
            }
        }
    }

    pub fn kill(&mut self, session: SessionId) {
        if let Some(cgroup) = self.open.get(&session).and_then(|open| open.cgroup.as_ref()) {
            cgroup.kill();
        }
        self.children.signal(session, Signal::KILL);
    }

    pub fn clear(&mut self, session: SessionId) {
        self.clients.forget_session(session);
        if let Some(compositor) = &self.compositor {
            compositor.destroyed(session);
        }
        if let Some(cgroup) = self.open.remove(&session).and_then(|open| open.cgroup) {
            cgroup.kill();
            if !cgroup.remove() {
                self.leaving.push(cgroup);
            }
        }
        self.children.kill_orphans();
    }
}

/// A session channel: appd's end and the other one.
fn channel() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (own, theirs) = StdStream::pair()?;
    own.set_nonblocking(true)?;
    Ok((UnixStream::from_std(own)?, theirs.into()))
}

/// 128 random bits in hex: what a process must print to prove that it is the one that was started.
fn token() -> String {
    let mut bytes = [0; 16];
    // 16 bytes are never short (getrandom(2)), and the kernel's generator is seeded long before appd starts.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u128::from_ne_bytes(bytes).to_string()
}
