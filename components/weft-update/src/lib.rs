//! Over-the-air updates: reading a release repository, filling the slot that does not run, handing it to the boot loader, and keeping it
//! only when it works.
//!
//! | module | holds |
//! |---|---|
//! | [`device`] | the block devices that an update writes, behind a trait with a model in tests |
//! | [`state`] | what the device remembers in `/state/update` |
//! | [`config`] | where releases come from and when they may be taken |
//! | [`esp`] | the boot loader's partition: kernel images come, go and change their names without a moment at which none boots |
//! | [`bless`] | whether this boot is kept |
//!
//! **Invariant:** the slot that runs is never written, and neither is the partition table.

pub mod activate;
pub mod automatic;
pub mod bless;
pub mod cli;
pub mod config;
pub mod delta;
pub mod device;
pub mod esp;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
pub mod machine;
#[cfg(test)]
mod model;
mod power;
pub mod records;
pub mod repository;
#[cfg(test)]
mod simulator;
pub mod source;
pub mod stage;
pub mod state;
mod trust;
