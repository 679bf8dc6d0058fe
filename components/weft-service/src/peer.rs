//! Who is at the other end of a Unix socket.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The user of the process that made the connection, as the kernel attests it (`SO_PEERCRED`, unix(7)).
///
/// rustix's own call cannot be used by a process in a pid namespace: the kernel says 0 for a process outside, which rustix's type of a
/// process id has no room for.
pub fn peer_uid(socket: impl AsFd) -> io::Result<u32> {
    let mut peer = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = libc::socklen_t::try_from(size_of_val(&peer)).map_err(io::Error::other)?;
    // SAFETY: the kernel writes at most `length` bytes, the size of `peer`, which holds integers only.
    #[allow(unsafe_code)]
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(peer.uid) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    #[test]
    fn the_other_end_of_a_pair_is_the_same_user() {
        let (one, _other) = UnixStream::pair().unwrap();
        assert_eq!(super::peer_uid(&one).unwrap(), rustix::process::geteuid().as_raw());
    }
}
