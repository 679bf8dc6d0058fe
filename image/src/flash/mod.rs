//! Puts an image on a disk or into a file, and reads back that it is there.

mod layout;
mod target;
mod write;

pub use layout::Layout;
pub use target::{Target, inspect};
pub use write::{to_device, to_file};

use std::io;
use std::path::{Path, PathBuf};

/// Why an image was not flashed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no {0}: `lsblk` lists the disks of this machine")]
    NoDevice(PathBuf),
    #[error("{0} is no disk: name a block device, or use --output for a file")]
    NotBlock(PathBuf),
    #[error("{device} is a partition: name the whole disk, {disk}")]
    IsPartition { device: PathBuf, disk: PathBuf },
    #[error("{device} is in use: {by}; unmount or detach it first")]
    InUse { device: PathBuf, by: String },
    #[error("{0} is write-protected")]
    ReadOnly(PathBuf),
    #[error("{0} is not removable: add --force if you are sure that it is the disk you mean")]
    NotRemovable(PathBuf),
    #[error("{device} has {available} MiB, the image needs {needed} MiB: use a bigger disk")]
    TooSmall { device: PathBuf, available: u64, needed: u64 },
    #[error("{device} has sectors of {size} bytes, the image's partition table is for 512")]
    SectorSize { device: PathBuf, size: u64 },
    #[error("{0} exists: remove it, or add --force to replace it")]
    Exists(PathBuf),
    #[error("the image {image} has no partition `state`: build it again with `cargo weft build`")]
    NoState { image: PathBuf },
    #[error("cannot make the partition table of {image} fit the disk")]
    Table { image: PathBuf, source: gpt::GptError },
    #[error("cannot read the partition table of {image}")]
    ReadTable { image: PathBuf, source: gpt::GptError },
    #[error("cannot {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{path} does not hold what was written, first at byte {offset}: the disk is broken, use another one"
    )]
    Different { path: PathBuf, offset: u64 },
}

pub type Result<T> = std::result::Result<T, Error>;

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::File { action, path, source }
}
