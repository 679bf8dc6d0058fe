//! Who may talk to appd.
//!
//! Anybody whose user is appd's own or root. On the device PID 1 makes the socket for a group (0660): the kernel lets nobody but its
//! members connect (unix(7)), so there a connection is the proof of membership and every peer is let in. The rule is taken from the
//! socket's file: if it is writable for all, nothing was proved and only appd's own user and root remain.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use tokio::net::UnixStream;

const WRITABLE_BY_OTHERS: u32 = 0o002;

/// The rule for one socket.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    own_uid: u32,
    gated_by_group: bool,
}

impl Policy {
    /// The rule for the socket bound at `path`.
    pub fn of(path: Option<&Path>) -> Self {
        let mode = path.and_then(|path| path.metadata().ok()).map(|metadata| metadata.mode());
        let gated_by_group = mode.is_some_and(|mode| mode & WRITABLE_BY_OTHERS == 0);
        Self { own_uid: rustix::process::geteuid().as_raw(), gated_by_group }
    }

    pub fn admits(self, peer: &UnixStream) -> bool {
        peer.peer_cred().is_ok_and(|peer| self.admits_uid(peer.uid()))
    }

    fn admits_uid(self, uid: u32) -> bool {
        uid == 0 || uid == self.own_uid || self.gated_by_group
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_need_a_socket_that_keeps_strangers_out() {
        let open = Policy { own_uid: 102, gated_by_group: false };
        assert!(open.admits_uid(0) && open.admits_uid(102) && !open.admits_uid(103));
        assert!(Policy { gated_by_group: true, ..open }.admits_uid(103));
    }
}
