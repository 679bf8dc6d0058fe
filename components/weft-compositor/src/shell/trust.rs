//! Who may show what. A client's own words about itself count for nothing here: its process and user are those that the kernel attests
//! (`SO_PEERCRED`, unix(7)), and its session and app those that appd vouches for.

use crate::clients;
use crate::state::Weft;
use crate::windows::{Owner, Role, WindowId};
use smithay::reexports::wayland_server::Resource;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;

impl Weft {
    /// Shows a window that has content, if it may be seen.
    pub(super) fn show(&mut self, id: WindowId) {
        let Some(surface) = self.window(id).map(|window| window.toplevel.wl_surface().clone()) else {
            return;
        };
        if !self.may_be_seen(id, &surface) {
            tracing::warn!("a client that is neither the system UI nor a session's has a window, ignoring");
            return;
        }
        self.windows.map(id);
        self.output.enter(&surface);
    }

    /// On a device, windows are the system UI's or a session's. On a developer's desktop everybody has the same user.
    fn may_be_seen(&self, id: WindowId, surface: &WlSurface) -> bool {
        let Some(panel) = self.panel_uid else {
            return true;
        };
        let of_session = matches!(self.windows.owner(id), Some(Owner::Session(_)));
        let client = surface.client();
        let uid = client.as_ref().and_then(clients::info).map(|info| info.uid);
        of_session || uid == Some(panel)
    }

    /// Whether the window may be the panel: the system UI's user alone, one client, and no session's.
    pub(super) fn may_be_panel(&self, id: WindowId, surface: &WlSurface) -> bool {
        let Some(client) = surface.client() else {
            return false;
        };
        let Some(info) = clients::info(&client) else {
            return false;
        };
        let of_session = matches!(self.windows.owner(id), Some(Owner::Session(_)));
        let trusted = self.panel_uid.is_none_or(|uid| uid == info.uid);
        let taken = self.shell_windows.iter().any(|other| {
            self.windows.role(other.id).is_some_and(|role| role != Role::App)
                && other.toplevel.wl_surface().client().is_some_and(|owner| owner.id() != client.id())
        });
        if of_session || !trusted || taken {
            tracing::warn!(
                pid = info.pid,
                "a client that is not the system UI asks to be the panel, ignoring"
            );
        }
        !of_session && trusted && !taken
    }

    /// A session was announced: its windows are judged anew, and shown if they waited for it.
    pub fn settle_session(&mut self, session: u64) {
        let owner = Some(Owner::Session(session));
        let windows = self.shell_windows.iter().filter(|window| self.windows.owner(window.id) == owner);
        let windows: Vec<_> = windows.map(|window| (window.id, window.mapped)).collect();
        for (id, mapped) in windows {
            self.settle_role(id);
            if mapped {
                self.show(id);
            }
        }
        self.update_windows();
    }

    /// A session is over: whatever its client still is, it is not seen any more.
    pub fn hide_session(&mut self, session: u64) {
        let owner = Some(Owner::Session(session));
        let windows: Vec<_> = self.windows.all().filter(|id| self.windows.owner(*id) == owner).collect();
        for id in windows {
            self.windows.unmap(id);
        }
        self.update_windows();
    }

    /// Why a client of this process may not say that its window is this app's; `None` when it may.
    pub fn false_app_id(&self, pid: u32, app_id: &str) -> Option<String> {
        let bound = self.sessions.of_pid(pid).filter(|bound| bound.app_id != app_id)?;
        Some(format!("the window says it is of {app_id:?}, but its client is of {}", bound.app_id))
    }

    /// What clients of the process said before it was announced is checked now.
    pub fn check_app_ids(&mut self, pid: u32) {
        for description in &self.descriptions {
            let client = description.object().client();
            let of_process = client.as_ref().and_then(clients::info).is_some_and(|info| info.pid == pid);
            let lie = of_process.then(|| self.false_app_id(pid, description.app_id())).flatten();
            if let Some(lie) = lie {
                clients::cut_off_for(description.object(), lie);
            }
        }
    }
}
