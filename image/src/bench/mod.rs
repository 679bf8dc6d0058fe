//! Measures the figures that the project promises, in a virtual machine of this host.

mod boot;
mod click;
mod log;
mod memory;
mod size;
mod trace;

pub use boot::boot;
pub use memory::memory;
pub use size::size;

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
    /// At most so much.
    pub limit: f64,
    pub command: &'static str,
    /// What the value is made of: how many runs, what it can resolve.
    pub note: String,
}

impl Figure {
    pub fn kept(&self) -> bool {
        self.value <= self.limit
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
}
