//! The socket that Wayland clients connect to.

use crate::clients::{ClientInfo, MAX_CLIENTS, MAX_CLIENTS_OF_ONE, Peer};
use crate::state::Weft;
use smithay::reexports::calloop::generic::Generic;
use smithay::reexports::calloop::{Interest, LoopHandle, Mode, PostAction};
use smithay::reexports::wayland_server::{Display, ListeningSocket};
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why clients cannot connect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "no free $XDG_RUNTIME_DIR/wayland-N could be bound; is XDG_RUNTIME_DIR a folder that can be written?"
    )]
    Auto(#[source] smithay::reexports::wayland_server::BindError),
    #[error("cannot listen at {path}")]
    Bind { path: PathBuf, source: io::Error },
    #[error("the Wayland socket cannot be watched")]
    Watch(#[source] io::Error),
}

/// A listening Wayland socket.
#[derive(Debug)]
pub enum Socket {
    /// Passed by the service manager, or bound at a given path.
    Path(UnixListener),
    /// Bound in the runtime folder, with its lock file.
    Named(ListeningSocket),
}

impl Socket {
    /// The socket that the service manager passed.
    pub fn passed(fd: OwnedFd) -> Self {
        Self::Path(UnixListener::from(fd))
    }

    /// Listens at a path. A socket that nobody listens at any more is replaced.
    pub fn bind(path: &Path) -> Result<Self, Error> {
        let stale =
            UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused);
        let bind = || {
            if stale {
                std::fs::remove_file(path)?;
            }
            UnixListener::bind(path)
        };
        bind().map(Self::Path).map_err(|source| Error::Bind { path: path.into(), source })
    }

    /// Listens at the first free `$XDG_RUNTIME_DIR/wayland-N`.
    pub fn auto() -> Result<Self, Error> {
        ListeningSocket::bind_auto("wayland", 0..33).map(Self::Named).map_err(Error::Auto)
    }

    /// Its name in the runtime folder, for `WAYLAND_DISPLAY`.
    pub fn name(&self) -> Option<String> {
        match self {
            Self::Path(_) => None,
            Self::Named(socket) => socket.socket_name().map(|name| name.to_string_lossy().into_owned()),
        }
    }

    fn accept(&self) -> io::Result<Option<UnixStream>> {
        let accepted = match self {
            Self::Path(listener) => listener.accept().map(|(stream, _)| Some(stream)),
            Self::Named(socket) => socket.accept(),
        };
        match accepted {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(None),
            other => other,
        }
    }

    fn poll_fd(&self) -> io::Result<OwnedFd> {
        match self {
            Self::Path(listener) => {
                listener.set_nonblocking(true)?;
                listener.as_fd().try_clone_to_owned()
            }
            Self::Named(socket) => socket.as_fd().try_clone_to_owned(),
        }
    }
}

/// Takes clients from the socket.
pub fn listen(socket: Socket, events: &LoopHandle<'static, Weft>) -> Result<(), Error> {
    let source = Generic::new(socket.poll_fd().map_err(Error::Watch)?, Interest::READ, Mode::Level);
    let accept = move |_, _: &mut _, state: &mut Weft| {
        match socket.accept() {
            Ok(Some(stream)) => {
                if let Err(error) = state.accept(stream) {
                    tracing::warn!("a client cannot be taken, ignoring: {error}");
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!("cannot accept a client, retrying: {error}"),
        }
        Ok(PostAction::Continue)
    };
    events.insert_source(source, accept).map_err(|error| Error::Watch(io::Error::other(error.error)))?;
    Ok(())
}

/// Reads what the clients ask for.
pub fn serve(mut display: Display<Weft>, events: &LoopHandle<'static, Weft>) -> Result<(), Error> {
    let fd = display.backend().poll_fd().try_clone_to_owned().map_err(Error::Watch)?;
    let source = Generic::new(fd, Interest::READ, Mode::Level);
    let dispatch = move |_, _: &mut _, state: &mut Weft| {
        if let Err(error) = display.dispatch_clients(state) {
            tracing::warn!("reading from clients failed, retrying: {error}");
        }
        Ok(PostAction::Continue)
    };
    events.insert_source(source, dispatch).map_err(|error| Error::Watch(io::Error::other(error.error)))?;
    Ok(())
}

impl Weft {
    /// Takes a connection as a client's.
    pub fn accept(&mut self, stream: UnixStream) -> io::Result<()> {
        if self.clients.len() >= MAX_CLIENTS {
            return Err(io::Error::other(format!("there are {MAX_CLIENTS} clients already")));
        }
        let peer = rustix::net::sockopt::socket_peercred(&stream)?;
        let pid = u32::try_from(peer.pid.as_raw_nonzero().get()).unwrap_or(0);
        let peer = Peer { pid, uid: peer.uid.as_raw() };
        if self.has_enough_clients(peer) {
            return Err(io::Error::other(format!(
                "process {pid} or its user has {MAX_CLIENTS_OF_ONE} clients already"
            )));
        }
        let info = ClientInfo::new(pid, peer.uid, self.departed.clone());
        let number = info.number;
        self.display.insert_client(stream, Arc::new(info))?;
        self.clients.insert(number, peer);
        Ok(())
    }

    /// One that takes all connections would lock the others out. Where everybody has the same user, a user is no one's alone.
    fn has_enough_clients(&self, peer: Peer) -> bool {
        let user_counts = self.panel_uid.is_some_and(|panel| panel != peer.uid);
        let same = |other: &&Peer| other.pid == peer.pid || (user_counts && other.uid == peer.uid);
        self.clients.values().filter(same).count() >= MAX_CLIENTS_OF_ONE
    }
}
