//! `zweft_shell_manager_v1` and `zweft_shell_window_v1`: what a surface is on this device.

use crate::clients;
use crate::shell::Description;
use crate::state::Weft;
use crate::windows::{Edge, Role};
use smithay::reexports::wayland_server::backend::ClientId;
use smithay::reexports::wayland_server::{
    Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource, WEnum,
};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use weft_protocol::server::zweft_shell_manager_v1::{self, ZweftShellManagerV1};
use weft_protocol::server::zweft_shell_window_v1::{self, ZweftShellWindowV1};

/// The highest version that is served.
pub const VERSION: u32 = 3;

/// The windows that one manager created, which end with it.
#[derive(Debug, Default)]
pub struct ManagerData {
    windows: Mutex<Vec<ZweftShellWindowV1>>,
}

/// What belongs to one window object.
#[derive(Debug, Default)]
pub struct WindowData {
    /// The surface is gone: any request but `destroy` is an error.
    pub closed: AtomicBool,
    /// The manager is gone: requests do nothing.
    inert: AtomicBool,
}

/// The role that a client asks for by name. Every name that is no panel's is an app's.
pub fn role_of(name: &str) -> Role {
    match name {
        "panel" => Role::Panel,
        "overlay" => Role::Overlay,
        _ => Role::App,
    }
}

impl GlobalDispatch<ZweftShellManagerV1, ()> for Weft {
    fn bind(
        _state: &mut Self,
        _display: &DisplayHandle,
        _client: &Client,
        manager: New<ZweftShellManagerV1>,
        _data: &(),
        init: &mut DataInit<'_, Self>,
    ) {
        init.init(manager, ManagerData::default());
    }
}

impl Dispatch<ZweftShellManagerV1, ManagerData> for Weft {
    fn request(
        state: &mut Self,
        client: &Client,
        manager: &ZweftShellManagerV1,
        request: zweft_shell_manager_v1::Request,
        data: &ManagerData,
        _display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            zweft_shell_manager_v1::Request::CreateWindow { id, app_id, title, role, surface, .. } => {
                let window = init.init(id, WindowData::default());
                if let Some(Err(excess)) = clients::info(client).map(|info| info.take_shell_window()) {
                    clients::cut_off(manager, &excess);
                    return;
                }
                let lie = clients::info(client).and_then(|info| state.false_app_id(info.pid, &app_id));
                if let Some(lie) = lie {
                    clients::cut_off_for(manager, lie);
                    return;
                }
                if let Ok(mut windows) = data.windows.lock() {
                    windows.retain(|window| window.is_alive());
                    windows.push(window.clone());
                }
                tracing::debug!(app_id, title, role, "window described");
                state.describe(Description::new(window, surface, role_of(&role), app_id));
            }
            zweft_shell_manager_v1::Request::Destroy => {
                let windows =
                    data.windows.lock().map(|mut windows| std::mem::take(&mut *windows)).unwrap_or_default();
                for window in windows {
                    if let Some(data) = window.data::<WindowData>() {
                        data.inert.store(true, Ordering::Relaxed);
                    }
                    state.undescribe(&window);
                }
            }
            _ => {}
        }
    }
}

impl Dispatch<ZweftShellWindowV1, WindowData> for Weft {
    fn request(
        state: &mut Self,
        _client: &Client,
        window: &ZweftShellWindowV1,
        request: zweft_shell_window_v1::Request,
        data: &WindowData,
        _display: &DisplayHandle,
        _init: &mut DataInit<'_, Self>,
    ) {
        use zweft_shell_window_v1::{Error, Request};
        if matches!(request, Request::Destroy) {
            state.undescribe(window);
            return;
        }
        if data.closed.load(Ordering::Relaxed) {
            window.post_error(Error::DefunctWindow, "the window was closed");
            return;
        }
        if data.inert.load(Ordering::Relaxed) {
            return;
        }
        match request {
            Request::UpdateMetadata { title, role } => {
                tracing::debug!(title, role, "window described anew");
                state.change_role(window, role_of(&role));
            }
            Request::SetGeometry { .. } => state.repeat_place(window),
            Request::SetExclusiveZone { edge, size } => {
                let edge = match edge {
                    WEnum::Value(zweft_shell_window_v1::Edge::Top) => Some(Edge::Top),
                    WEnum::Value(zweft_shell_window_v1::Edge::Bottom) => Some(Edge::Bottom),
                    WEnum::Value(zweft_shell_window_v1::Edge::Left) => Some(Edge::Left),
                    WEnum::Value(zweft_shell_window_v1::Edge::Right) => Some(Edge::Right),
                    _ => None,
                };
                match edge {
                    Some(edge) if size >= 0 && state.set_zone(window, edge, size) => {}
                    _ => window.post_error(
                        Error::InvalidExclusiveZone,
                        "an exclusive zone needs a panel, an edge of the enum and a size of at least 0",
                    ),
                }
            }
            _ => {}
        }
    }

    fn destroyed(state: &mut Self, _client: ClientId, window: &ZweftShellWindowV1, _data: &WindowData) {
        state.undescribe(window);
        if let Some(client) = window.client()
            && let Some(info) = clients::info(&client)
        {
            info.shell_windows.release();
        }
    }
}
