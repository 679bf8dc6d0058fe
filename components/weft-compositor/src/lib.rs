//! The Wayland compositor of a WEFT device: one output, the system UI as a panel, apps maximised above it.
//!
//! [`windows`], [`pacer`], [`input`]'s swipes and [`sessions`] decide on plain data; [`shell`], [`frames`] and [`protocols`] join
//! them with Wayland; [`backend`] is the edge to displays and input devices.

mod appd;
pub mod backend;
mod clients;
mod control;
mod cursor;
mod frames;
pub mod input;
mod lifecycle;
pub mod options;
mod pacer;
mod protocols;
mod scene;
mod screen;
pub mod server;
mod sessions;
mod shell;
mod state;
pub mod sys;
mod wayland_socket;
pub mod windows;
