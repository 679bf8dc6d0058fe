//! Runs the Wasm component of one app session, with only what the app was granted.

pub mod args;
mod channel;
mod code;
mod deadline;
mod error;
mod exit;
mod guest;
mod guest_log;
mod host;
mod limits;
mod link;
mod net;
mod run;
mod run_args;
pub mod session;
mod state;
mod storage;
mod sys;
mod watchdog;

pub use error::Error;
pub use exit::{Ending, Exit};
