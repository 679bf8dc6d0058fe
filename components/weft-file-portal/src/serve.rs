//! Accepts clients and answers their lines, one thread a connection.

use crate::lines::{Lines, write_line};
use crate::{Listener, Refusal, Reply, Roots, parse};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, getppid};
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Connections at a time; a session needs one.
const MAX_CONNECTIONS: usize = 8;
/// How long a client may take to send a line once it began, or to take an answer.
const LINE_TIME: Duration = Duration::from_secs(30);
/// How soon the end of the session is noticed.
const SESSION_CHECK: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// What ends the session besides the removal of the socket's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// Nothing.
    Socket,
    /// The end of the process that was this one's parent at the start.
    Parent(Option<Pid>),
}

impl SessionEnd {
    /// With the parent of now; to be asked for before anybody can know that this process is there, since a parent that has ended by then is
    /// no longer told from its successor.
    pub fn of_parent() -> Self {
        Self::Parent(getppid())
    }
}

/// Why the portal stopped serving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    SocketGone,
    ParentGone,
}

/// A portal: what clients may reach, and who may be a client.
pub struct Portal {
    pub roots: Roots,
    /// The user whose processes may connect.
    pub peer_uid: u32,
}

impl Portal {
    /// Serves until the session is over.
    pub fn serve(self, listener: &Listener, session: SessionEnd) -> io::Result<End> {
        let portal = Arc::new(self);
        let connections = Arc::new(AtomicUsize::new(0));
        loop {
            if let Some(end) = ended(listener, session) {
                return Ok(end);
            }
            match poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&SESSION_CHECK)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(errno) => return Err(errno.into()),
            }
            match listener.socket.accept() {
                Ok((stream, _)) => portal.clone().welcome(stream, connections.clone()),
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn welcome(self: Arc<Self>, stream: UnixStream, connections: Arc<AtomicUsize>) {
        let refusal = match weft_service::peer_uid(&stream) {
            Ok(peer) if peer == self.peer_uid => None,
            Ok(peer) => {
                tracing::warn!("refused a client of user {peer}");
                Some(Refusal::Denied("this portal serves another user".to_owned()))
            }
            Err(error) => Some(Refusal::Failed(error.to_string())),
        };
        let refusal = refusal.or_else(|| {
            let before = connections.fetch_add(1, Ordering::AcqRel);
            (before >= MAX_CONNECTIONS).then(|| {
                connections.fetch_sub(1, Ordering::AcqRel);
                Refusal::Busy(format!("at most {MAX_CONNECTIONS} connections at a time"))
            })
        });
        if let Some(refusal) = refusal {
            // A refusal fits the socket's empty buffer, so that this never waits.
            let _ = stream.set_nonblocking(true).and_then(|()| answer(&stream, &refusal.into()));
            return;
        }
        let slot = Slot(connections);
        let spawned = std::thread::Builder::new().name("connection".to_owned()).spawn(move || {
            let _slot = slot;
            self.converse(&stream);
        });
        if let Err(error) = spawned {
            tracing::warn!("cannot start a thread for a client ({error}), ignoring it");
        }
    }

    /// Answers each line of a client until it is gone or misbehaves.
    fn converse(&self, stream: &UnixStream) {
        if let Err(error) = stream.set_nonblocking(false) {
            tracing::warn!("cannot talk to a client ({error}), ignoring it");
            return;
        }
        let mut lines = Lines::new(stream, LINE_TIME);
        loop {
            let (reply, go_on) = match lines.next() {
                Ok(None) => return,
                Ok(Some(line)) => (self.reply(&line), true),
                Err(refusal) => (refusal.into(), false),
            };
            if answer(stream, &reply).is_err() || !go_on {
                return;
            }
        }
    }

    fn reply(&self, line: &[u8]) -> Reply {
        parse(line).and_then(|operation| self.roots.execute(&operation)).unwrap_or_else(Reply::from)
    }
}

/// A place among the connections, free again when it is dropped.
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn answer(stream: &UnixStream, reply: &Reply) -> io::Result<()> {
    write_line(stream, serde_json::to_vec(reply)?, LINE_TIME)
}

fn ended(listener: &Listener, session: SessionEnd) -> Option<End> {
    match session {
        _ if !listener.is_reachable() => Some(End::SocketGone),
        SessionEnd::Parent(parent) if getppid() != parent => Some(End::ParentGone),
        SessionEnd::Parent(_) | SessionEnd::Socket => None,
    }
}

/// Whether accepting failed for this one client only, or for want of something that others will give back.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted
    )
}
