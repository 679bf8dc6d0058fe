//! What the store of a session holds.

use crate::channel::Channel;
use crate::limits::Budget;
use std::io::Write;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The host's side of one component.
pub struct State {
    pub wasi: WasiCtx,
    pub table: ResourceTable,
    pub budget: Budget,
    /// `None`: a session without a page.
    pub channel: Option<Arc<Channel>>,
    pub readiness: Readiness,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

/// The line that tells appd that the component is ready, said once.
pub struct Readiness {
    token: String,
    said: bool,
}

impl Readiness {
    /// `token` proves to appd that the line is the runtime's.
    pub fn new(token: String) -> Self {
        Self { token, said: false }
    }

    pub fn say(&mut self) {
        if std::mem::replace(&mut self.said, true) {
            return;
        }
        let mut stdout = std::io::stdout();
        let line = format!("READY {}", self.token);
        if writeln!(stdout, "{}", line.trim_end()).and_then(|()| stdout.flush()).is_err() {
            tracing::error!("nobody listens for the session's readiness on standard output");
        }
    }
}
