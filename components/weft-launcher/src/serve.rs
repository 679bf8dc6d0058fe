//! The event loop: one caller at a time, and what it started.

use crate::accounts::Accounts;
use crate::channel::{Channel, Received};
use crate::children::Children;
use crate::config::Config;
use crate::order::Desk;
use crate::uids::{self, Uids};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::SocketFlags;
use weft_ipc::launcher::{Request, Response, Spawn};

/// Why the launcher cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Uids(#[from] uids::Error),
    #[error("cannot wait for requests")]
    Wait(#[source] Errno),
    #[error("cannot take connections")]
    Accept(#[source] Errno),
}

/// Serves one connection after the other. Returns only errors.
pub fn serve(listener: &OwnedFd, config: Config, accounts: Accounts) -> Result<(), Error> {
    let uids = Uids::load(&config.uids)?;
    let mut desk = Desk { config, accounts, uids };
    loop {
        let socket = match rustix::net::accept_with(listener, SocketFlags::CLOEXEC) {
            Ok(socket) => socket,
            Err(Errno::INTR | Errno::CONNABORTED) => continue,
            Err(error) => return Err(Error::Accept(error)),
        };
        match rustix::net::sockopt::socket_peercred(&socket) {
            Ok(peer) if peer.uid.as_raw() == desk.config.client => {
                converse(&mut desk, &Channel::new(socket))?
            }
            Ok(peer) => tracing::warn!("refused a connection of user {}", peer.uid.as_raw()),
            Err(error) => tracing::warn!("refused a connection of nobody known: {error}"),
        }
    }
}

/// Until the connection ends, and everything that was started over it.
fn converse(desk: &mut Desk, channel: &Channel) -> Result<(), Error> {
    let mut children = Children::default();
    let outcome = loop {
        let mut watched: Vec<PollFd<'_>> = children
            .descriptors()
            .chain([channel.as_fd()])
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut watched, None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => break Err(Error::Wait(error)),
        }
        let mut heard = children.reap().iter().all(|ended| channel.send(ended, None));
        heard &= match channel.receive() {
            Received::Request(Request::Spawn(spawn), descriptors) => {
                answer(desk, channel, &mut children, spawn, descriptors)
            }
            Received::Request(Request::Kill { id }, _) => {
                children.kill(id);
                true
            }
            Received::Bad(why) => {
                tracing::warn!("the connection is closed: {why}");
                false
            }
            Received::End => false,
            Received::Nothing => true,
        };
        if !heard {
            break Ok(());
        }
    };
    children.end_all();
    outcome
}

/// Starts what is asked for and says so; `false` where nobody listens.
fn answer(
    desk: &mut Desk,
    channel: &Channel,
    children: &mut Children,
    spawn: Spawn,
    descriptors: Vec<OwnedFd>,
) -> bool {
    let id = spawn.id;
    let refuse = |reason: String| {
        tracing::warn!("refused: {reason}");
        channel.send(&Response::Refused { id, reason: reason.chars().take(4096).collect() }, None)
    };
    if children.has(id) {
        return refuse(format!("a living process has the number {id}"));
    }
    let sandbox = match desk.describe(spawn, descriptors) {
        Ok(sandbox) => sandbox,
        Err(refusal) => return refuse(chain(&refusal)),
    };
    match sandbox.spawn() {
        Err(error) => refuse(chain(&error)),
        Ok(child) => {
            let told = channel.send(&Response::Spawned { id, pid: child.pid }, Some(child.pidfd.as_fd()));
            children.insert(id, child);
            told
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
