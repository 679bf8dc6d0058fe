//! Which process belongs to which session of which app, as appd told: plain data.

use std::collections::BTreeMap;

/// Sessions that may be announced at a time: far more than fit into any device.
const MAX_SESSIONS: usize = 1024;

/// The announced sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    by_pid: BTreeMap<u32, Bound>,
}

/// What appd vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    pub session: u64,
    pub app_id: String,
}

impl Sessions {
    /// The process shows the windows of this session.
    pub fn bind(&mut self, pid: u32, session: u64, app_id: String) {
        if self.by_pid.len() < MAX_SESSIONS || self.by_pid.contains_key(&pid) {
            self.by_pid.insert(pid, Bound { session, app_id });
        }
    }

    /// The session is over. Until then its process belongs to it, however often its clients come and go.
    pub fn end(&mut self, session: u64) {
        self.by_pid.retain(|_, bound| bound.session != session);
    }

    /// Another appd begins, which tells all there is.
    pub fn clear(&mut self) {
        self.by_pid.clear();
    }

    /// The app of a session.
    pub fn app_of(&self, session: u64) -> Option<&str> {
        self.by_pid.values().find(|bound| bound.session == session).map(|bound| bound.app_id.as_str())
    }

    pub fn of_pid(&self, pid: u32) -> Option<&Bound> {
        self.by_pid.get(&pid)
    }
}
