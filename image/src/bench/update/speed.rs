//! How fast an update is against the disk alone: the same bytes to the same file system, one right after the other.

use super::device::Device;
use super::maker::Made;
use super::server::Server;
use super::{Bound, COMMAND, Figure, MIB, Parts, Result, read};
use crate::bench::{Error, median};
use crate::vm::file_error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 7;
/// As long as the writes of `weft-update`.
const WRITE_BYTES: usize = 256 << 10;

/// A release of which all but a few blocks are copied from the running slot.
pub fn speed(parts: &Parts, release: &Made, root: &Path, folder: &Path) -> Result<Figure> {
    let image = read(&release.root)?;
    let (mut shares, mut disk, mut update) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let device = Device::lay_out(&folder.join("device"), parts)?;
        let server = Server::start(&release.repository).map_err(Error::Process)?;
        let alone = write_alone(&folder.join("alone"), &image)?;
        let run = device.apply(&server.url(), root)?;
        let mib = image.len() as f64 / MIB;
        shares.push(alone / run.seconds * 100.0);
        disk.push(mib / alone);
        update.push(mib / run.seconds);
    }
    Ok(Figure {
        name: "update speed, share of the disk's own",
        value: median(shares),
        unit: "%",
        bound: Bound::AtLeast,
        limit: 70.0,
        command: COMMAND,
        note: format!(
            "median of {ROUNDS}: {:.0} MiB/s from the program's start to its end, the running slot not in memory before; the disk {:.0} MiB/s \
             when the same image is written in order and flushed",
            median(update),
            median(disk)
        ),
    })
}

/// Seconds until the image is on the disk.
fn write_alone(path: &Path, image: &[u8]) -> Result<f64> {
    // Without blocks of its own yet, as the empty slot's.
    let mut file = File::create(path).map_err(file_error("create", path))?;
    file.set_len(image.len() as u64).map_err(file_error("create", path))?;
    let start = Instant::now();
    let mut write = || -> std::io::Result<()> {
        image.chunks(WRITE_BYTES).try_for_each(|chunk| file.write_all(chunk))?;
        file.sync_data()
    };
    write().map_err(file_error("write", path))?;
    Ok(start.elapsed().as_secs_f64())
}
