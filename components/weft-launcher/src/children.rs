//! The living processes, by the caller's numbers.

use rustix::fd::{AsFd, BorrowedFd};
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};
use std::collections::BTreeMap;
use weft_ipc::launcher::Response;
use weft_sandbox::Child;

#[derive(Debug, Default)]
pub struct Children(BTreeMap<u64, Child>);

impl Children {
    pub fn has(&self, id: u64) -> bool {
        self.0.contains_key(&id)
    }

    pub fn insert(&mut self, id: u64, child: Child) {
        self.0.insert(id, child);
    }

    /// A descriptor for each that becomes readable when it has ended (pidfd_open(2)).
    pub fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.values().map(|child| child.pidfd.as_fd())
    }

    pub fn kill(&self, id: u64) {
        if let Some(child) = self.0.get(&id) {
            // It may have just ended.
            let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
        }
    }

    /// How each of those that have ended did so.
    pub fn reap(&mut self) -> Vec<Response> {
        let mut ended = Vec::new();
        self.0.retain(|id, child| {
            let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            match waitid(WaitId::PidFd(child.pidfd.as_fd()), options) {
                Ok(Some(status)) => {
                    let (code, signal) = (status.exit_status(), status.terminating_signal());
                    ended.push(Response::Exited { id: *id, code, signal });
                    false
                }
                _ => true,
            }
        });
        ended
    }

    /// Ends all, and returns when they are gone.
    pub fn end_all(&mut self) {
        for child in self.0.values() {
            let _ = pidfd_send_signal(&child.pidfd, Signal::KILL);
        }
        for (_, child) in std::mem::take(&mut self.0) {
            let _ = waitid(WaitId::PidFd(child.pidfd.as_fd()), WaitIdOptions::EXITED);
        }
    }
}
