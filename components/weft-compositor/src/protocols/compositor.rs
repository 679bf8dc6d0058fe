//! `wl_compositor` and `wl_subcompositor`: surfaces and what is committed to them.

use crate::clients::{self, Excess};
use crate::state::Weft;
use smithay::backend::renderer::utils::{on_commit_buffer_handler, with_renderer_surface_state};
use smithay::reexports::wayland_server::protocol::wl_surface::WlSurface;
use smithay::reexports::wayland_server::{Client, Resource};
use smithay::wayland::compositor::{
    CompositorClientState, CompositorHandler, CompositorState, SurfaceAttributes, SurfaceData, get_parent,
    is_sync_subsurface, with_states,
};

smithay::delegate_compositor!(Weft);

impl CompositorHandler for Weft {
    fn compositor_state(&mut self) -> &mut CompositorState {
        &mut self.protocols.compositor
    }

    fn client_compositor_state<'a>(&self, client: &'a Client) -> &'a CompositorClientState {
        match clients::info(client) {
            Some(info) => &info.compositor,
            None => unreachable!("every client is inserted with a ClientInfo"),
        }
    }

    fn new_surface(&mut self, surface: &WlSurface) {
        let Some(client) = surface.client() else {
            return;
        };
        if let Some(Err(excess)) = clients::info(&client).map(|info| info.take_surface()) {
            clients::cut_off(surface, &excess);
        }
    }

    fn commit(&mut self, surface: &WlSurface) {
        on_commit_buffer_handler::<Self>(surface);
        let callbacks = |states: &SurfaceData| {
            states.cached_state.get::<SurfaceAttributes>().current().frame_callbacks.len()
        };
        if with_states(surface, callbacks) > clients::MAX_FRAME_CALLBACKS {
            let limit = clients::MAX_FRAME_CALLBACKS as u32;
            clients::cut_off(surface, &Excess { what: "frame callbacks", limit });
            return;
        }
        if is_sync_subsurface(surface) {
            return;
        }
        let mut root = surface.clone();
        while let Some(parent) = get_parent(&root) {
            root = parent;
        }
        let has_content =
            with_renderer_surface_state(&root, |state| state.buffer().is_some()).unwrap_or(false);
        self.popups.commit(surface);
        self.committed(&root, has_content);
    }

    fn destroyed(&mut self, surface: &WlSurface) {
        if let Some(client) = surface.client()
            && let Some(info) = clients::info(&client)
        {
            info.release_surface();
        }
        self.surface_destroyed(surface);
    }
}
