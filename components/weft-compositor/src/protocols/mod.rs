//! What the compositor answers to Wayland clients, one file a protocol.

mod compositor;
mod output;
mod pointer_gestures;
mod presentation;
mod seat;
mod shm;
mod viewporter;
pub mod weft_shell;
mod xdg_shell;
