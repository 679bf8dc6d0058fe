//! Wired networks and the clock of the device.
//!
//! What is decided is plain functions and machines without sockets or clocks: [`dhcp::Client`], [`time::judge`], [`rdnss::Servers`],
//! [`config`], [`resolver::text`]. [`manager`] acts on it, over [`netlink`] and [`ports`]; [`time::Keeper`] looks after the clock.
//!
//! Whatever a network sends is read within the bounds of what was sent, kept in lists of a few entries, and answered at a bounded rate.

pub mod arp;
pub mod config;
pub mod dhcp;
pub mod fuzz;
mod link;
mod manager;
mod netlink;
mod ports;
pub mod rdnss;
mod resolver;
mod service;
mod status;
mod sys;
pub mod time;

pub use service::{Error, Settings, run};

/// Time since boot, that of a suspended device included.
fn since_boot() -> std::time::Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    std::time::Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// A random number of the kernel's.
fn random() -> u64 {
    let mut bytes = [0; 8];
    // It fails only where the call is forbidden; addresses of the kernel's choosing are then the best that there is.
    if rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty()).is_err() {
        return std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), since_boot());
    }
    u64::from_ne_bytes(bytes)
}
