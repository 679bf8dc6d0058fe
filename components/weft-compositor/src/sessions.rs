//! Which process belongs to which session, as appd told: plain data.

use std::collections::BTreeMap;

/// Sessions that may be announced at a time: far more than fit into any device.
const MAX_SESSIONS: usize = 1024;

/// The announced sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    by_pid: BTreeMap<u32, u64>,
}

impl Sessions {
    /// The process shows the windows of this session.
    pub fn bind(&mut self, pid: u32, session: u64) {
        if self.by_pid.len() < MAX_SESSIONS || self.by_pid.contains_key(&pid) {
            self.by_pid.insert(pid, session);
        }
    }

    /// The session is over.
    pub fn end(&mut self, session: u64) {
        self.by_pid.retain(|_, bound| *bound != session);
    }

    /// The process has no client any more.
    pub fn forget(&mut self, pid: u32) {
        self.by_pid.remove(&pid);
    }

    pub fn of_pid(&self, pid: u32) -> Option<u64> {
        self.by_pid.get(&pid).copied()
    }
}
