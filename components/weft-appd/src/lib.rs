//! The supervisor of app sessions: starts the processes of each app, carries messages between its page and its component, and sees to it
//! that a session ends whole.

mod cgroup;
mod chain;
mod clients;
mod code;
mod compositor;
mod config;
mod device;
mod encoded;
pub mod fuzz;
mod init;
mod mounts;
mod output;
mod packages;
mod peer;
mod plan;
mod record;
mod relay;
mod reports;
mod saved;
mod serve;
mod services;
mod sessions;
mod start;
mod store_watch;
mod supervisor;
mod sys;
mod told;
mod websocket;

pub use serve::{Error, serve};
