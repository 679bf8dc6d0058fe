//! `wl_shm`: buffers in shared memory, the only kind there is.

use crate::clients;
use crate::state::Weft;
use smithay::reexports::wayland_server::backend::ClientId;
use smithay::reexports::wayland_server::protocol::wl_buffer::WlBuffer;
use smithay::reexports::wayland_server::protocol::wl_shm::{self, WlShm};
use smithay::reexports::wayland_server::protocol::wl_shm_pool::{self, WlShmPool};
use smithay::reexports::wayland_server::{
    Client, DataInit, Dispatch, DisplayHandle, Resource, delegate_dispatch, delegate_global_dispatch,
};
use smithay::wayland::buffer::BufferHandler;
use smithay::wayland::shm::{ShmBufferUserData, ShmHandler, ShmPoolUserData, ShmState};

/// Width and height of the largest buffer: the pixman renderer's coordinates are 16 bits wide.
const MAX_SIDE: i32 = 16_384;

impl BufferHandler for Weft {
    fn buffer_destroyed(&mut self, buffer: &WlBuffer) {
        if let Some(client) = buffer.client()
            && let Some(info) = clients::info(&client)
        {
            info.buffers.release();
        }
    }
}

impl ShmHandler for Weft {
    fn shm_state(&self) -> &ShmState {
        &self.protocols.shm
    }
}

delegate_global_dispatch!(Weft: [WlShm: ()] => ShmState);
delegate_dispatch!(Weft: [WlBuffer: ShmBufferUserData] => ShmState);

impl Dispatch<WlShm, ()> for Weft {
    fn request(
        state: &mut Self,
        client: &Client,
        shm: &WlShm,
        request: wl_shm::Request,
        data: &(),
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if matches!(request, wl_shm::Request::CreatePool { .. })
            && let Some(Err(excess)) = clients::info(client).map(|info| info.take_pool())
        {
            clients::cut_off(shm, &excess);
        }
        <ShmState as Dispatch<WlShm, (), Self>>::request(state, client, shm, request, data, display, init);
    }
}

impl Dispatch<WlShmPool, ShmPoolUserData> for Weft {
    fn request(
        state: &mut Self,
        client: &Client,
        pool: &WlShmPool,
        request: wl_shm_pool::Request,
        data: &ShmPoolUserData,
        display: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let wl_shm_pool::Request::CreateBuffer { width, height, .. } = request {
            if let Some(Err(excess)) = clients::info(client).map(|info| info.take_buffer()) {
                clients::cut_off(pool, &excess);
            }
            if width > MAX_SIDE || height > MAX_SIDE {
                let message = format!("a buffer of {width}x{height} pixels; at most {MAX_SIDE}x{MAX_SIDE}");
                pool.post_error(wl_shm::Error::InvalidStride, message);
            }
        }
        <ShmState as Dispatch<WlShmPool, ShmPoolUserData, Self>>::request(
            state, client, pool, request, data, display, init,
        );
    }

    fn destroyed(state: &mut Self, client: ClientId, pool: &WlShmPool, data: &ShmPoolUserData) {
        if let Some(owner) = pool.client()
            && let Some(info) = clients::info(&owner)
        {
            info.pools.release();
        }
        <ShmState as Dispatch<WlShmPool, ShmPoolUserData, Self>>::destroyed(state, client, pool, data);
    }
}
