//! The state partition's own records, shared by PID 1 and the programs that look at them.
//!
//! - [`boot`]: how this boot is going, how the one before ended, which release failed last. Only PID 1 writes it.
//! - [`format`](mod@format): which layout the partition has, and the way from one layout to another, forward and back.
//! - [`health`]: what PID 1 says of the boot to whoever decides about a release on trial.
//! - [`reset`]: the wish for a factory reset, kept until the next boot fulfils it.
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)
)]

pub mod boot;
pub mod format;
pub mod health;
pub mod reset;
