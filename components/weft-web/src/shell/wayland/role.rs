//! The window's role on a WEFT device: `zweft_shell_window_v1`. A compositor that does not know it shows an ordinary window.

use super::WindowEvent;
use super::window::Display;
use smithay_client_toolkit::dispatch2::Dispatch2;
use wayland_client::{Connection, QueueHandle};
use weft_protocol::client::zweft_shell_manager_v1::{self, ZweftShellManagerV1};
use weft_protocol::client::zweft_shell_window_v1::{self, ZweftShellWindowV1};

/// Roles in the sense of `zweft_shell_manager_v1.create_window`.
pub const PANEL: &str = "panel";
pub const OVERLAY: &str = "overlay";
pub const APPLICATION: &str = "application";

/// User data of both objects.
pub struct RoleData;

impl Display {
    /// Raises the panel above the apps, or puts it back below them.
    pub fn set_overlay(&mut self, on: bool) {
        let role = if on { OVERLAY } else { PANEL };
        if self.role_name != APPLICATION && self.role_name != role {
            self.role_name = role;
            self.update_role();
        }
    }

    pub fn set_title(&mut self, title: String) {
        self.window.set_title(title.clone());
        self.title = title;
        self.update_role();
    }

    fn update_role(&self) {
        if let Some(role) = &self.role {
            role.update_metadata(self.title.clone(), self.role_name.to_owned());
        }
    }
}

impl Dispatch2<ZweftShellManagerV1, Display> for RoleData {
    fn event(
        &self,
        _: &mut Display,
        _: &ZweftShellManagerV1,
        _: zweft_shell_manager_v1::Event,
        _: &Connection,
        _: &QueueHandle<Display>,
    ) {
    }
}

impl Dispatch2<ZweftShellWindowV1, Display> for RoleData {
    fn event(
        &self,
        display: &mut Display,
        window: &ZweftShellWindowV1,
        event: zweft_shell_window_v1::Event,
        _: &Connection,
        _: &QueueHandle<Display>,
    ) {
        use zweft_shell_window_v1::Event;
        match event {
            Event::NavigationGesture { _type, fingers, dx, dy } => {
                display.tell(WindowEvent::Gesture { kind: _type.into(), fingers, dx, dy });
            }
            Event::WindowClosed => {
                window.destroy();
                display.role = None;
            }
            // Size, focus and presentation come by the standard protocols, which every compositor has.
            _ => {}
        }
    }
}
