//! What the store of a session holds.

use crate::channel::Channel;
use crate::deadline::Turn;
use crate::host::fetch::Broker;
use crate::limits::Budget;
use crate::net::{Names, Network};
use crate::storage::{Metered, Quota};
use crate::watchdog::Watchdog;
use std::io::Write;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::filesystem::WasiFilesystemCtxView;
use wasmtime_wasi::sockets::WasiSocketsCtxView;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The host's side of one component.
pub struct State {
    pub wasi: WasiCtx,
    pub table: ResourceTable,
    pub budget: Budget,
    /// `None`: a session without a page and without appd.
    pub channel: Option<Arc<Channel>>,
    pub broker: Option<Broker>,
    pub readiness: Readiness,
    pub watchdog: Watchdog,
    pub turn: Turn,
    /// The apps of `app:send:<id>`.
    pub sends_to: Vec<String>,
    /// Whether appd was asked to tell about sessions.
    pub watches_sessions: bool,
    pub network: Network,
    /// `None`: a command, whose folders are its user's business.
    pub quota: Option<Quota>,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl State {
    /// `wasi:filesystem` with the count of what is written.
    pub fn metered(&mut self) -> Metered<'_> {
        let Self { wasi, table, quota, .. } = self;
        Metered::new(WasiFilesystemCtxView { ctx: wasi.filesystem(), table }, quota.as_mut())
    }

    /// `wasi:sockets/ip-name-lookup` with the names that are granted.
    pub fn names(&mut self) -> Names<'_> {
        let Self { wasi, table, network, .. } = self;
        Names::new(WasiSocketsCtxView { ctx: wasi.sockets(), table }, network)
    }
}

/// The line that tells appd that the component is ready, said once.
pub struct Readiness {
    /// Proves to appd that the line is the runtime's; `None` for a command, which has nobody to tell.
    token: Option<String>,
    said: bool,
}

impl Readiness {
    pub fn new(token: Option<String>) -> Self {
        Self { token, said: false }
    }

    pub fn say(&mut self) {
        let Some(token) = &self.token else { return };
        if std::mem::replace(&mut self.said, true) {
            return;
        }
        let mut stdout = std::io::stdout();
        let line = format!("READY {token}");
        if writeln!(stdout, "{}", line.trim_end()).and_then(|()| stdout.flush()).is_err() {
            tracing::error!("nobody listens for the session's readiness on standard output");
        }
    }
}
