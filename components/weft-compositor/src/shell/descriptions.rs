//! `zweft_shell_window_v1` objects: what clients say of their surfaces, and what they hear about them.

use crate::protocols::weft_shell::WindowData;
use crate::state::Weft;
use crate::windows::{Edge, Rect, Role};
use smithay::reexports::wayland_server::Resource;
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use std::sync::atomic::Ordering;
use std::time::Duration;
use weft_protocol::server::zweft_shell_window_v1::{
    EVT_NAVIGATION_GESTURE_SINCE, Gesture, State, ZweftShellWindowV1,
};

/// A `zweft_shell_window_v1` and what it was last told.
#[derive(Debug)]
pub struct Description {
    object: ZweftShellWindowV1,
    pub(super) surface: Option<WlSurface>,
    pub(super) role: Role,
    /// As the client says.
    app_id: String,
    told: Option<(Rect, State)>,
    focused: bool,
}

impl Description {
    pub fn new(object: ZweftShellWindowV1, surface: Option<WlSurface>, role: Role, app_id: String) -> Self {
        Self { object, surface, role, app_id, told: None, focused: false }
    }

    pub fn object(&self) -> &ZweftShellWindowV1 {
        &self.object
    }

    pub fn app_id(&self) -> &str {
        &self.app_id
    }

    pub(super) fn tell(&mut self, place: Rect, focused: bool) {
        let state = if focused { State::Maximized | State::Activated } else { State::Maximized };
        if self.told != Some((place, state)) {
            self.told = Some((place, state));
            self.object.configure(place.x, place.y, place.width, place.height, state);
        }
        if std::mem::replace(&mut self.focused, focused) != focused {
            self.object.focus_changed(focused.into());
        }
    }

    fn close(&self) {
        if let Some(data) = self.object.data::<WindowData>() {
            data.closed.store(true, Ordering::Relaxed);
        }
        self.object.window_closed();
    }
}

impl Weft {
    /// A client said what its surface is.
    pub fn describe(&mut self, mut description: Description) {
        match description.surface.clone() {
            Some(surface) => {
                self.close_descriptions(&surface);
                self.descriptions.push(description);
                if let Some(id) = self.window_of(&surface) {
                    self.settle_role(id);
                }
                self.update_windows();
            }
            None => {
                let place = match description.role {
                    Role::App => self.windows.work_area(),
                    Role::Panel | Role::Overlay => self.windows.output().rect(),
                };
                description.tell(place, false);
                self.descriptions.push(description);
            }
        }
    }

    /// A description ends; its surface is an app's from now on.
    pub fn undescribe(&mut self, object: &ZweftShellWindowV1) {
        let Some(index) = self.descriptions.iter().position(|description| description.object == *object)
        else {
            return;
        };
        let description = self.descriptions.swap_remove(index);
        if let Some(id) = description.surface.and_then(|surface| self.window_of(&surface)) {
            self.settle_role(id);
            self.update_windows();
        }
    }

    pub fn change_role(&mut self, object: &ZweftShellWindowV1, role: Role) {
        let Some(description) = self.description_mut(object) else {
            return;
        };
        // A panel stays one, and an app does: only a panel's height in the stack changes.
        if (description.role == Role::App) == (role == Role::App) {
            description.role = role;
        }
        if let Some(id) = description.surface.clone().and_then(|surface| self.window_of(&surface)) {
            self.settle_role(id);
            self.update_windows();
        }
    }

    /// Answers a wish for another place with the place there is.
    pub fn repeat_place(&mut self, object: &ZweftShellWindowV1) {
        if let Some(description) = self.description_mut(object)
            && let Some((place, state)) = description.told
        {
            description.object.configure(place.x, place.y, place.width, place.height, state);
        }
    }

    /// `false` when the window is no panel.
    pub fn set_zone(&mut self, object: &ZweftShellWindowV1, edge: Edge, size: i32) -> bool {
        let surface = self.description_mut(object).filter(|description| description.role != Role::App);
        let Some(surface) = surface.and_then(|description| description.surface.clone()) else {
            return false;
        };
        let Some(id) = self.window_of(&surface) else {
            return true;
        };
        // The role that it has, not the one that it wishes for.
        if self.windows.role(id) == Some(Role::App) {
            return false;
        }
        self.windows.set_zone(id, edge, size);
        self.update_windows();
        true
    }

    /// Tells the descriptions of a surface that a frame with new content of it was presented.
    pub fn tell_presented(&self, surface: &WlSurface, time: Duration) {
        let refresh = u32::try_from(self.pacer.interval().as_nanos()).unwrap_or(0);
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        for description in
            self.descriptions.iter().filter(|description| description.surface.as_ref() == Some(surface))
        {
            description.object.presentation_feedback(seconds, time.subsec_nanos(), refresh);
        }
    }

    /// Tells the panels that a navigation swipe ended.
    pub fn tell_navigation(&self, fingers: u32, dx: f64, dy: f64) {
        for description in &self.descriptions {
            let id = description.surface.as_ref().and_then(|surface| self.window_of(surface));
            let panel = id.and_then(|id| self.windows.role(id)).is_some_and(|role| role != Role::App);
            if panel && description.object.version() >= EVT_NAVIGATION_GESTURE_SINCE {
                description.object.navigation_gesture(Gesture::Swipe, fingers, dx, dy);
            }
        }
    }

    fn description_mut(&mut self, object: &ZweftShellWindowV1) -> Option<&mut Description> {
        self.descriptions.iter_mut().find(|description| description.object == *object)
    }

    pub(super) fn close_descriptions(&mut self, surface: &WlSurface) {
        self.descriptions.retain(|description| {
            let over = description.surface.as_ref() == Some(surface);
            if over {
                description.close();
            }
            !over
        });
    }

    pub fn surface_destroyed(&mut self, surface: &WlSurface) {
        self.close_descriptions(surface);
        self.want_frame();
    }
}
