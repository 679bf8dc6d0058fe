//! Runs the Wasm component of one app session, with only what the app was granted.

pub mod args;
mod channel;
#[cfg(feature = "compiler")]
mod compile;
mod compiled;
mod deadline;
mod engine;
mod exit;
mod guest_log;
mod host;
mod imports;
mod limits;
mod link;
pub mod session;
mod state;
mod sys;

pub use exit::Exit;
