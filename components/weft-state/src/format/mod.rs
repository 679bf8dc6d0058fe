//! The layout of the state partition, a number in the file `format`, and the way between layouts.
//!
//! A release that brings a new layout knows how to go forward *and* how an older release goes back: before it changes anything it writes
//! the way back beside the number, as a list of [`Operation`]s. An older release, which was built before the new layout was thought of,
//! follows that list. What an operation means never changes for this reason; new kinds only come with a release that stays readable.
//!
//! A power cut at any moment leaves a step that is known to be under way. The system that boots next, old or new, carries it to the end or
//! takes it back: every operation may be done again, after any part of the step or of the way back.

mod folder;
mod operation;

pub use folder::{Changes, Folder};
pub use operation::Operation;

use rustix::io::Errno;
use std::path::PathBuf;

/// The layout of this release.
pub const OWN: u32 = 1;
/// What a partition without a number has: the first layout had none.
const FIRST: u32 = 1;
/// Holds the number as text.
pub const FILE: &str = "format";
/// Holds the ways back, one a step, and the number of the step under way.
const FOLDER: &str = "format.d";
const UNDER_WAY: &str = "format.d/under-way";

/// From layout `to - 1` to layout `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub to: u32,
    pub forward: Vec<Operation>,
    /// Kept on the partition while it has this layout or a newer one.
    pub back: Vec<Operation>,
}

/// The steps that this release knows.
pub fn steps() -> Vec<Step> {
    Vec::new()
}

/// Why the partition does not have the wanted layout.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0} is not a layout's number")]
    Number(&'static str),
    #[error("the state has layout {found}, this system reads layout {own} and knows no step to {to}")]
    NoStep { found: u32, own: u32, to: u32 },
    #[error(
        "the state has layout {found}, this system reads layout {own}, and {file} has no way back: {reason}"
    )]
    NoWayBack { found: u32, own: u32, file: String, reason: String },
    #[error("cannot {doing} {path}: {source}")]
    Disk { doing: &'static str, path: PathBuf, source: Errno },
}

/// Brings the partition to layout `own`. Returns the layout that it had, which a step under way counts towards.
pub fn bring_to(own: u32, steps: &[Step], disk: &mut dyn Changes) -> Result<u32, Error> {
    let mut at = number(disk, FILE)?.unwrap_or(FIRST);
    let found = at;
    if let Some(to) = number(disk, UNDER_WAY)? {
        at = if own >= to { forward(found, own, to, steps, disk)? } else { back(found, own, to, disk)? };
    }
    while at < own {
        at = forward(found, own, at + 1, steps, disk)?;
    }
    while at > own {
        at = back(found, own, at, disk)?;
    }
    Ok(found)
}

fn forward(found: u32, own: u32, to: u32, steps: &[Step], disk: &mut dyn Changes) -> Result<u32, Error> {
    let step = steps.iter().find(|step| step.to == to).ok_or(Error::NoStep { found, own, to })?;
    let way_back = serde_json::to_vec(&step.back).unwrap_or_default();
    disk.make_folder(FOLDER)?;
    disk.write(&way_back_file(to), &way_back)?;
    disk.write(UNDER_WAY, to.to_string().as_bytes())?;
    for operation in &step.forward {
        operation.perform(disk)?;
    }
    disk.write(FILE, to.to_string().as_bytes())?;
    disk.remove(UNDER_WAY)?;
    Ok(to)
}

fn back(found: u32, own: u32, to: u32, disk: &mut dyn Changes) -> Result<u32, Error> {
    let file = way_back_file(to);
    let no_way = |reason: String| Error::NoWayBack { found, own, file: file.clone(), reason };
    let text = disk.read(&file)?.ok_or_else(|| no_way("it is missing".to_owned()))?;
    let way: Vec<Operation> = serde_json::from_slice(&text).map_err(|error| no_way(error.to_string()))?;
    disk.write(UNDER_WAY, to.to_string().as_bytes())?;
    for operation in &way {
        operation.perform(disk)?;
    }
    let lower = to.saturating_sub(1);
    disk.write(FILE, lower.to_string().as_bytes())?;
    disk.remove(UNDER_WAY)?;
    Ok(lower)
}

fn way_back_file(to: u32) -> String {
    format!("{FOLDER}/back-from-{to}.json")
}

fn number(disk: &mut dyn Changes, file: &'static str) -> Result<Option<u32>, Error> {
    let Some(bytes) = disk.read(file)? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    text.trim().parse().ok().filter(|number| *number >= FIRST).map(Some).ok_or(Error::Number(file))
}

#[cfg(test)]
mod tests;
