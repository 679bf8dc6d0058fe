//! The socket that the portal listens on.

use rustix::process::umask;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Why there is no socket to listen on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot listen on {path}")]
    Bind { path: PathBuf, source: io::Error },
    #[error("another portal serves {0}")]
    InUse(PathBuf),
    #[error("{0} exists and is no socket, remove it or name another path")]
    NotASocket(PathBuf),
    #[error("the inherited descriptor is no listening Unix socket")]
    Inherited(#[source] io::Error),
}

/// A listening socket, with its file if this process made it.
#[derive(Debug)]
pub struct Listener {
    pub(crate) socket: UnixListener,
    file: Option<SocketFile>,
}

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device_and_inode: (u64, u64),
}

impl Listener {
    /// Makes a socket that only this process's user may connect to. One left over by a portal that is gone is replaced.
    pub fn bind(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Bind { path: path.to_owned(), source };
        remove_left_over(path)?;
        // The file must not be open to others even for a moment. Nothing else runs in this process yet.
        let before = umask(rustix::fs::Mode::from_raw_mode(0o177));
        let bound = UnixListener::bind(path);
        umask(before);
        let socket = bound.map_err(failed)?;
        let device_and_inode = identity(path).map_err(failed)?;
        socket.set_nonblocking(true).map_err(failed)?;
        Ok(Self { socket, file: Some(SocketFile { path: path.to_owned(), device_and_inode }) })
    }

    /// Takes over a socket on which somebody else listens for this process.
    pub fn inherited(fd: OwnedFd) -> Result<Self, Error> {
        let socket = UnixListener::from(fd);
        let listens =
            rustix::net::sockopt::socket_acceptconn(&socket).map_err(|e| Error::Inherited(e.into()))?;
        socket.local_addr().map_err(Error::Inherited)?;
        if !listens {
            return Err(Error::Inherited(io::ErrorKind::InvalidInput.into()));
        }
        socket.set_nonblocking(true).map_err(Error::Inherited)?;
        Ok(Self { socket, file: None })
    }

    /// Whether clients can still find the socket; somebody else's never goes missing here.
    pub(crate) fn is_reachable(&self) -> bool {
        self.file
            .as_ref()
            .is_none_or(|file| identity(&file.path).is_ok_and(|identity| identity == file.device_and_inode))
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(file) = self.file.as_ref().filter(|_| self.is_reachable()) {
            // If it stays, the next portal of this path replaces it.
            let _ = std::fs::remove_file(&file.path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    path.symlink_metadata().map(|metadata| (metadata.dev(), metadata.ino()))
}

fn remove_left_over(path: &Path) -> Result<(), Error> {
    let failed = |source| Error::Bind { path: path.to_owned(), source };
    match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => Err(Error::NotASocket(path.to_owned())),
        Ok(_) if UnixStream::connect(path).is_ok() => Err(Error::InUse(path.to_owned())),
        Ok(_) => std::fs::remove_file(path).map_err(failed),
    }
}
