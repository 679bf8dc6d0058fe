//! Wayland clients: who they are, and what each may use up.

use smithay::reexports::wayland_server::backend::{ClientData, ClientId, DisconnectReason};
use smithay::reexports::wayland_server::{Client, Resource};
use smithay::wayland::compositor::CompositorClientState;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Clients at a time.
pub const MAX_CLIENTS: usize = 64;
/// Clients of one process, and on a device of one user other than the system UI's.
pub const MAX_CLIENTS_OF_ONE: usize = 24;
/// Surfaces of one client, of any role.
const MAX_SURFACES: u32 = 256;
/// Top-level windows of one client.
const MAX_WINDOWS: u32 = 32;
/// Shared memory pools of one client: each holds a descriptor of ours open.
const MAX_POOLS: u32 = 64;
/// Buffers of one client: each keeps its pool, even one that was given back.
const MAX_BUFFERS: u32 = 256;
/// Frame callbacks that wait on one surface.
pub const MAX_FRAME_CALLBACKS: usize = 1024;
/// `zweft_shell_window_v1` objects of one client.
const MAX_SHELL_WINDOWS: u32 = 64;

/// Something that one client has only so many of.
#[derive(Debug, Default)]
pub struct Quota(AtomicU32);

impl Quota {
    fn take(&self, limit: u32) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) < limit
    }

    /// One is given back.
    pub fn release(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The process at the other end of a connection, as the kernel attests it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub pid: u32,
    pub uid: u32,
}

/// What the compositor knows about one client.
#[derive(Debug)]
pub struct ClientInfo {
    pub compositor: CompositorClientState,
    /// Never used twice.
    pub number: u64,
    pub pid: u32,
    pub uid: u32,
    surfaces: Quota,
    pub windows: Quota,
    pub pools: Quota,
    pub buffers: Quota,
    pub shell_windows: Quota,
    gone: std::sync::Arc<Mutex<Vec<Departed>>>,
}

/// A client that went away, for the event loop to tell others about.
#[derive(Debug, Clone, Copy)]
pub struct Departed {
    pub number: u64,
    pub pid: u32,
}

impl ClientInfo {
    pub fn new(pid: u32, uid: u32, gone: std::sync::Arc<Mutex<Vec<Departed>>>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Self {
            compositor: CompositorClientState::default(),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            pid,
            uid,
            surfaces: Quota::default(),
            windows: Quota::default(),
            pools: Quota::default(),
            buffers: Quota::default(),
            shell_windows: Quota::default(),
            gone,
        }
    }

    pub fn take_surface(&self) -> Result<(), Excess> {
        limited(&self.surfaces, MAX_SURFACES, "surfaces")
    }

    pub fn release_surface(&self) {
        self.surfaces.release();
    }

    pub fn take_window(&self) -> Result<(), Excess> {
        limited(&self.windows, MAX_WINDOWS, "windows")
    }

    pub fn take_pool(&self) -> Result<(), Excess> {
        limited(&self.pools, MAX_POOLS, "shared memory pools")
    }

    pub fn take_buffer(&self) -> Result<(), Excess> {
        limited(&self.buffers, MAX_BUFFERS, "buffers")
    }

    pub fn take_shell_window(&self) -> Result<(), Excess> {
        limited(&self.shell_windows, MAX_SHELL_WINDOWS, "zweft_shell_window_v1 objects")
    }
}

fn limited(quota: &Quota, limit: u32, what: &'static str) -> Result<(), Excess> {
    if quota.take(limit) { Ok(()) } else { Err(Excess { what, limit }) }
}

/// A client asked for more than one client gets.
#[derive(Debug, thiserror::Error)]
#[error("more than {limit} {what}")]
pub struct Excess {
    pub what: &'static str,
    pub limit: u32,
}

impl ClientData for ClientInfo {
    fn disconnected(&self, _client: ClientId, reason: DisconnectReason) {
        match reason {
            DisconnectReason::ConnectionClosed => tracing::debug!(pid = self.pid, "client left"),
            DisconnectReason::ProtocolError(error) => {
                tracing::warn!(pid = self.pid, "client was cut off: {error}");
            }
        }
        if let Ok(mut gone) = self.gone.lock() {
            gone.push(Departed { number: self.number, pid: self.pid });
        }
    }
}

/// What is known about a client that came through our socket; `None` for one that did not.
pub fn info(client: &Client) -> Option<&ClientInfo> {
    client.get_data::<ClientInfo>()
}

/// Cuts the owner of `object` off for misuse that no error of the interface covers.
pub fn cut_off<R: Resource>(object: &R, why: &Excess) {
    cut_off_for(object, why.to_string());
}

/// The same for any reason.
pub fn cut_off_for<R: Resource>(object: &R, why: String) {
    const NO_CODE_OF_THE_INTERFACE: u32 = u32::MAX;
    object.post_error(NO_CODE_OF_THE_INTERFACE, why);
}
