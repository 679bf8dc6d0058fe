//! Measures the figures that the project promises: in a virtual machine of this host, and for apps on the host itself.

mod apps;
mod boot;
mod click;
mod log;
mod memory;
mod size;
mod trace;
mod update;

pub use apps::apps;
pub use boot::boot;
pub use memory::memory;
pub use size::size;
pub use update::{Measured as MeasuredUpdates, Parts as UpdateParts, update};

use crate::image_info::ImageInfo;
use crate::vm::work::Disk;
use crate::vm::work::{Work, copy_and_lock};
use crate::vm::{self, Accelerator, Pace, Qemu};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// One figure, its promised limit, and how to measure it again.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    pub name: &'static str,
    pub value: f64,
    pub unit: &'static str,
    pub bound: Bound,
    pub limit: f64,
    pub command: &'static str,
    /// What the value is made of: how many runs, what it can resolve.
    pub note: String,
}

/// On which side of its limit a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtMost,
    AtLeast,
}

impl Figure {
    pub fn kept(&self) -> bool {
        match self.bound {
            Bound::AtMost => self.value <= self.limit,
            Bound::AtLeast => self.value >= self.limit,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::AtMost => "at most",
            Self::AtLeast => "at least",
        })
    }
}

/// Why a figure could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Machine(#[from] vm::Error),
    #[error("{0} shows nothing even with the most memory tried, {1} MiB")]
    NeverEnough(String, u32),
    #[error("the log of the machine does not say where `{0}` is on the screen")]
    NoPlace(&'static str),
    #[error("cannot read the machine's log: {0}")]
    Log(String),
    #[error("the counter's pixels did not change after click {0}")]
    NoChange(usize),
    #[error("QEMU noted no frame after a click in {}: a QEMU with the trace backend `log` is needed, as Debian's", .0.display())]
    NoTrace(PathBuf),
    #[error("{program} failed: {said}")]
    Program { program: &'static str, said: String },
    #[error("while {waiting}: {problem}; the last lines of weft-appd:\n{tail}")]
    Session { waiting: &'static str, problem: String, tail: String },
    #[error("cannot make a release to measure")]
    Release(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("the image's version is no semantic version")]
    Version(#[from] semver::Error),
    #[error("cannot start or watch a process")]
    Process(#[source] std::io::Error),
}

impl Error {
    /// Part of the pipeline failed at a release.
    fn release<E: std::error::Error + Send + Sync + 'static>(source: E) -> Self {
        Self::Release(Box::new(source))
    }
}

pub type Result<T> = std::result::Result<T, Error>;

/// What every measurement works with.
#[derive(Debug)]
pub struct Bench {
    pub qemu: Qemu,
    pub accelerator: Accelerator,
    pub pace: Pace,
    pub memory_mib: u32,
    pub work: Work,
}

impl Bench {
    /// A fresh copy of an image.
    fn fresh_disk(&self, image: &ImageInfo) -> Result<Disk> {
        let path = self.work.folder().join("disk.img");
        remove(&path)?;
        remove(&self.work.folder().join("uefi-variables.fd"))?;
        Ok(copy_and_lock(&image.image, &path)?)
    }
}

fn remove(path: &Path) -> vm::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(vm::file_error("remove", path)(error))
        }
        _ => Ok(()),
    }
}

/// The middle value; of an even number of values the upper one.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_a_value_that_was_measured() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0]), 4.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn a_limit_is_kept_on_its_own_side() {
        let figure = |bound, value| Figure {
            name: "",
            value,
            unit: "",
            bound,
            limit: 2.0,
            command: "",
            note: String::new(),
        };
        assert!(figure(Bound::AtMost, 2.0).kept() && !figure(Bound::AtMost, 2.1).kept());
        assert!(figure(Bound::AtLeast, 2.0).kept() && !figure(Bound::AtLeast, 1.9).kept());
        assert!(!figure(Bound::AtMost, f64::NAN).kept() && !figure(Bound::AtLeast, f64::NAN).kept());
    }
}
