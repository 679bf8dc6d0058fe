//! The compositor in memory, with real Wayland clients.

mod appd;
mod client;
mod diary;
mod frames;
mod hostile;
mod input;
mod isolation;
mod output;
mod placement;
mod popups;
mod process;
mod screen;
#[cfg(feature = "winit")]
mod window;
