//! Joins the Wayland objects with the window rules: what clients are told after every change.

mod descriptions;
mod trust;

pub use descriptions::Description;

use crate::clients::ClientInfo;
use crate::state::Weft;
use crate::windows::{Owner, Rect, Role, WindowId};
use smithay::reexports::wayland_protocols::xdg::shell::server::xdg_toplevel;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::utils::SERIAL_COUNTER;
use smithay::wayland::shell::xdg::ToplevelSurface;

/// A window with its Wayland objects.
#[derive(Debug)]
pub struct ShellWindow {
    pub id: WindowId,
    pub toplevel: ToplevelSurface,
    pub mapped: bool,
    /// The initial commit of xdg_surface was made: configure events may be sent.
    pub asked: bool,
    /// Content was committed that no frame has shown yet.
    pub fresh: bool,
    /// A frame with this window was presented since it was mapped.
    pub seen: bool,
}

impl Weft {
    /// A client made an `xdg_toplevel`.
    pub fn new_window(&mut self, toplevel: ToplevelSurface, client: &ClientInfo) {
        let owner = match self.sessions.of_pid(client.pid) {
            Some(bound) => Owner::Session(bound.session),
            None => Owner::Client(client.number),
        };
        let id = self.windows.add(owner);
        self.shell_windows.push(ShellWindow {
            id,
            toplevel,
            mapped: false,
            asked: false,
            fresh: false,
            seen: false,
        });
        self.settle_role(id);
    }

    /// A surface of the tree under `root` was committed.
    pub fn committed(&mut self, root: &WlSurface, has_content: bool) {
        if let Some(window) =
            self.shell_windows.iter_mut().find(|window| window.toplevel.wl_surface() == root)
        {
            let id = window.id;
            if has_content && !window.toplevel.ensure_configured() {
                return;
            }
            window.fresh = true;
            match (window.mapped, has_content) {
                (false, true) => {
                    window.mapped = true;
                    window.seen = false;
                    self.show(id);
                    self.update_windows();
                }
                (true, false) => {
                    window.mapped = false;
                    window.asked = false;
                    self.windows.unmap(id);
                    self.update_windows();
                }
                (false, false) if !window.asked => {
                    window.asked = true;
                    self.update_windows();
                }
                _ => {}
            }
        } else if let Some(smithay::desktop::PopupKind::Xdg(popup)) = self.popups.find_popup(root)
            && !popup.is_initial_configure_sent()
            && let Err(error) = popup.send_configure()
        {
            tracing::debug!("a popup cannot be placed, ignoring: {error}");
        }
        self.want_frame();
    }

    pub fn window_destroyed(&mut self, toplevel: &ToplevelSurface) {
        let Some(index) = self.shell_windows.iter().position(|window| window.toplevel == *toplevel) else {
            return;
        };
        let window = self.shell_windows.swap_remove(index);
        self.windows.remove(window.id);
        self.close_descriptions(window.toplevel.wl_surface());
        self.update_windows();
    }

    /// Gives the window the role that its description asks for, if its client may have it.
    fn settle_role(&mut self, id: WindowId) {
        let Some(surface) = self.window(id).map(|window| window.toplevel.wl_surface().clone()) else {
            return;
        };
        let wished =
            self.descriptions.iter().find(|description| description.surface.as_ref() == Some(&surface));
        let wished = wished.map_or(Role::App, |description| description.role);
        let role = if wished == Role::App || self.may_be_panel(id, &surface) { wished } else { Role::App };
        self.windows.set_role(id, role);
    }

    /// Tells everybody where they are and who has the keyboard, as far as it changed.
    pub fn update_windows(&mut self) {
        let focused = self.windows.focused();
        for window in &self.shell_windows {
            let Some(place) = self.windows.place(window.id) else {
                continue;
            };
            window.toplevel.with_pending_state(|state| {
                state.size = Some((place.width, place.height).into());
                state.states.set(xdg_toplevel::State::Maximized);
                if focused == Some(window.id) {
                    state.states.set(xdg_toplevel::State::Activated);
                } else {
                    state.states.unset(xdg_toplevel::State::Activated);
                }
            });
            if window.asked {
                window.toplevel.send_pending_configure();
            }
            let surface = window.toplevel.wl_surface();
            for description in &mut self.descriptions {
                if description.surface.as_ref() == Some(surface) {
                    description.tell(place, focused == Some(window.id));
                }
            }
        }
        let surface =
            focused.and_then(|id| self.window(id)).map(|window| window.toplevel.wl_surface().clone());
        if let Some(keyboard) = self.seat.get_keyboard()
            && keyboard.current_focus() != surface
        {
            keyboard.set_focus(self, surface, SERIAL_COUNTER.next_serial());
        }
        self.want_frame();
    }

    pub fn window(&self, id: WindowId) -> Option<&ShellWindow> {
        self.shell_windows.iter().find(|window| window.id == id)
    }

    pub fn window_of(&self, surface: &WlSurface) -> Option<WindowId> {
        self.shell_windows
            .iter()
            .find(|window| window.toplevel.wl_surface() == surface)
            .map(|window| window.id)
    }

    /// The place of the window that has this root surface.
    pub fn place_of(&self, surface: &WlSurface) -> Option<Rect> {
        self.window_of(surface).and_then(|id| self.windows.place(id))
    }
}
