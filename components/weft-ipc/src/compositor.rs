//! What appd tells the compositor about sessions, and back. The compositor listens; appd connects and reconnects.

use serde::{Deserialize, Serialize};

/// From appd to the compositor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToCompositor {
    /// The process `pid` is the shell of this session: windows of its Wayland client belong to it.
    AppSurfaceCreated { app_id: String, session_id: u64, pid: u32 },
    /// The session is over.
    AppSurfaceDestroyed { session_id: u64 },
    /// Bring the session's window to the front and give it the keyboard.
    AppFocusRequest { session_id: u64 },
}

/// From the compositor to appd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromCompositor {
    /// The session's first frame is on the screen.
    SurfaceReady { session_id: u64 },
    /// The Wayland client of this process is gone.
    ClientDisconnected { pid: u32 },
}
