//! Listening sockets of services, made once at boot: they stay when a service dies, so that clients wait instead of failing.

use crate::accounts::Accounts;
use crate::service_file::{Socket, SocketKind};
use crate::spawn::ABOVE_PASSED;
use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::io;
use std::path::Path;

const BACKLOG: i32 = 128;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("socket {path}: its user or group {name} is unknown")]
    Owner { path: String, name: String },
    #[error("socket {path}: cannot create its folder: {source}")]
    Folder { path: String, source: io::Error },
    #[error("socket {path}: cannot listen: {source}")]
    Listen { path: String, source: Errno },
    #[error("socket {path}: cannot set its owner and mode: {source}")]
    Permissions { path: String, source: io::Error },
}

/// A socket that listens at the path, with owner and mode as the service file gives them.
pub fn listen(socket: &Socket, accounts: &Accounts) -> Result<OwnedFd, Error> {
    let unknown = |name: &String| Error::Owner { path: socket.path.clone(), name: name.clone() };
    let uid = accounts.user(&socket.user).ok_or_else(|| unknown(&socket.user))?.uid;
    let gid = accounts.gid(&socket.group).ok_or_else(|| unknown(&socket.group))?;
    let kind = match socket.kind {
        SocketKind::Stream => SocketType::STREAM,
        SocketKind::Seqpacket => SocketType::SEQPACKET,
    };
    bind(&socket.path, kind, uid, gid, socket.mode)
}

/// A socket at a path below `/run`, not blocking for its maker; one that makes connections listens.
pub fn bind(path: &str, kind: SocketType, uid: u32, gid: u32, mode: u32) -> Result<OwnedFd, Error> {
    let failed = |source: Errno| Error::Listen { path: path.to_owned(), source };
    if let Some(folder) = Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(|source| Error::Folder { path: path.to_owned(), source })?;
    }
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).map_err(failed)?;
    let _ = std::fs::remove_file(path);
    // Nobody connects between bind and chmod.
    let before = rustix::process::umask(Mode::RWXU | Mode::RWXG | Mode::RWXO);
    let bound = SocketAddrUnix::new(path).and_then(|address| rustix::net::bind(&socket, &address));
    rustix::process::umask(before);
    bound.map_err(failed)?;
    std::os::unix::fs::chown(path, Some(uid), Some(gid))
        .and_then(|()| std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(mode)))
        .map_err(|source| Error::Permissions { path: path.to_owned(), source })?;
    if kind != SocketType::DGRAM {
        rustix::net::listen(&socket, BACKLOG).map_err(failed)?;
    }
    rustix::io::fcntl_dupfd_cloexec(&socket, ABOVE_PASSED).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    #[test]
    fn a_socket_has_its_mode_and_accepts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/test.sock");
        let own = std::fs::metadata(folder.path()).unwrap();
        let path = path.to_str().unwrap();
        let fd = bind(path, SocketType::STREAM, own.uid(), own.gid(), 0o640).unwrap();
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(std::os::fd::AsRawFd::as_raw_fd(&fd) >= ABOVE_PASSED);
        std::os::unix::net::UnixStream::connect(path).unwrap();
    }
}
