//! What an update costs: bytes, time and memory of the device's own program, between two releases that differ by one change.
//!
//! A release is packed as the pipeline packs it and published as `cargo weft release` does it. A plain web server on this host serves the
//! repository and counts the bytes of files that it sends. `weft-update` takes the release as a process of its own, on files in place of
//! partitions: the old release in the running slot, nothing in the other one.
//!
//! | module | holds |
//! |---|---|
//! | [`change`] | the changes, and what stands for those that take too long to make |
//! | [`maker`] | a repository with the release of a change |
//! | [`server`] | the web server |
//! | [`device`] | `weft-update` and what it works on |
//! | [`blocks`] | what has changed, told from the bytes of two images |
//! | [`others`] | what other tools would fetch |
//! | [`speed`] | the update against the disk alone |

mod blocks;
mod change;
mod device;
mod maker;
mod others;
mod row;
mod server;
mod speed;

pub use row::Row;

use super::{Bound, Error, Figure, Result};
use crate::pipeline::Built;
use crate::vm::file_error;
use change::Change;
use device::Device;
use maker::Maker;
use others::Others;
use server::Server;
use std::path::{Path, PathBuf};

const COMMAND: &str = "cargo weft bench update";
const MIB: f64 = 1024.0 * 1024.0;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The release that the device runs.
    pub built: Built,
    /// `weft-update`, built for this host.
    pub program: PathBuf,
    /// The folder of the pipeline's cache, for earlier builds of what changes.
    pub cache: PathBuf,
}

/// The figures, and what was fetched for each change.
#[derive(Clone, Debug)]
pub struct Measured {
    pub figures: Vec<Figure>,
    pub updates: Vec<Row>,
}

/// Measures all of it in an empty folder with a gigabyte of room, in some minutes.
pub fn update(parts: &Parts, folder: &Path) -> Result<Measured> {
    let maker = Maker::new(parts, &folder.join("release"))?;
    let others = Others::prepare(&parts.built.erofs, &folder.join("others"))?;
    let (mut rows, mut peak) = (Vec::new(), 0.0_f64);
    for change in Change::ALL {
        eprintln!("{}", change.figure());
        let release = maker.make(change)?;
        let device = Device::lay_out(&folder.join("device"), parts)?;
        let server = Server::start(&release.repository).map_err(Error::Process)?;
        let run = device.apply(&server.url(), &maker.root())?;
        peak = peak.max(run.peak_mib);
        rows.push(Row {
            change,
            stand_in: release.stand_in,
            root: blocks::changed(&parts.built.erofs, &release.root)?,
            kernel: blocks::changed(&parts.built.ukis[0], &release.uki)?,
            fetched: server.sent(),
            others: others.compare(&release.root)?,
        });
    }
    let mut figures: Vec<Figure> = rows.iter().map(Row::figure).collect();
    // Nearly all of it is copied, so the web server takes no time from the disk.
    let release = maker.make(Change::Nothing)?;
    figures.push(speed::speed(parts, &release, &maker.root(), folder)?);
    figures.push(memory(peak));
    Ok(Measured { figures, updates: rows })
}

fn memory(peak: f64) -> Figure {
    Figure {
        name: "memory of weft-update",
        value: peak,
        unit: "MiB",
        bound: Bound::AtMost,
        limit: 32.0,
        command: COMMAND,
        note: "the most that was resident (VmHWM), its own program's pages included, in any of the updates"
            .to_owned(),
    }
}

/// Makes a folder anew, with nothing in it.
fn empty(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(file_error("empty", folder)(error).into());
        }
        _ => {}
    }
    Ok(std::fs::create_dir_all(folder).map_err(file_error("create", folder))?)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    Ok(std::fs::read(path).map_err(file_error("read", path))?)
}

fn write(path: &Path, contents: impl AsRef<[u8]>) -> Result<()> {
    Ok(std::fs::write(path, contents).map_err(file_error("write", path))?)
}
