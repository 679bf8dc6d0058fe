//! Over-the-air updates: reading a release repository, filling the slot that does not run, handing it to the boot loader, and keeping it
//! only when it works.
//!
//! | module | holds |
//! |---|---|
//! | [`source`] | where files come from: a web server, a folder; none of it trusted |
//! | [`repository`] | TUF metadata over a source, and what it names |
//! | [`stage`] | choosing a release and bringing it into the other slot |
//! | [`delta`] | copying what is at hand, fetching the rest, checking all of it |
//! | [`activate`] | handing a slot to the boot loader, and going back |
//! | [`esp`] | the boot loader's partition: kernel images come, go and change names, and at no moment none boots |
//! | [`automatic`] | when a release is taken without being asked |
//! | [`bless`] | whether this boot is kept |
//! | [`machine`], [`device`] | which slot runs, and its partitions, behind a trait with a model in tests |
//! | [`records`], [`state`] | what the device remembers in `/state/update` |
//! | [`config`], [`cli`] | what its owner says |
//!
//! **Invariant:** the slot that runs is never written, and neither is the partition table.

pub mod activate;
pub mod automatic;
pub mod bless;
pub mod cli;
pub mod config;
mod confine;
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
