//! Figures of apps on this host, without a virtual machine: the programs of a release build, driven as processes in their own protocols.
//!
//! There is no launcher on a developer's host, so `weft-appd` starts the processes of a session itself, as its own user.

mod launch;
mod memory;
mod package;
mod page;
mod process;
mod relay;
mod world;

use super::{Error, Figure, Result};
use crate::pipeline::Native;
use std::time::Instant;
use world::World;

const COMMAND: &str = "cargo weft bench apps";
/// Measured as it ships.
const COUNTER: &str = "org.weft.demo.counter";

/// Measures them all.
pub fn apps(native: &Native) -> Result<Vec<Figure>> {
    let mut figures = vec![launch::launch(&World::create(native)?)?];
    figures.extend(relay::relay(&World::create(native)?)?);
    figures.push(memory::memory(&World::create(native)?)?);
    figures.push(package::package(&World::create(native)?)?);
    Ok(figures)
}

fn millis(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
