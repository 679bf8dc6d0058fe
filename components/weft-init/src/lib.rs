//! PID 1 of the device. What it decides is plain functions over plain data, tested as such; [`init`] is the thin shell that acts.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

mod accounts;
mod backoff;
mod boot_info;
mod capability;
mod catalogue;
mod cgroup;
mod clock;
mod control;
mod device;
mod evidence;
mod health;
mod init;
mod journal;
mod log;
mod notification;
mod order;
mod phase;
mod power;
mod reactor;
mod repairs;
mod service_file;
mod sockets;
mod spawn;
mod state;
mod supervisor;
mod sys;
mod watchdog;

pub use init::{Error, run};
