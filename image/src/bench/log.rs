//! Reads a service's log from the state partition of a machine that is off, with e2fsprogs' `debugfs`.

use super::{Error, Result};
use crate::image_info::ImageInfo;
use crate::vm::work::Work;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::Command;

/// Debian keeps it where only root's PATH goes.
const DEBUGFS: &str = "/usr/sbin/debugfs";

/// The whole log of a service.
pub fn read(work: &Work, disk: &Path, image: &ImageInfo, service: &str) -> Result<String> {
    let state =
        image.partition("state").ok_or_else(|| Error::Log("the image has no partition `state`".into()))?;
    let part = work.folder().join("state.img");
    extract(disk, &part, state.offset, state.size)
        .map_err(|error| Error::Log(format!("{}: {error}", part.display())))?;
    let output = Command::new(DEBUGFS)
        .args(["-R", &format!("cat /log/{service}.log")])
        .arg(&part)
        .output()
        .map_err(|error| Error::Log(format!("{DEBUGFS}: {error}; `apt-get install e2fsprogs`")))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn extract(disk: &Path, part: &Path, offset: u64, size: u64) -> std::io::Result<u64> {
    let mut disk = File::open(disk)?;
    disk.seek(SeekFrom::Start(offset))?;
    std::io::copy(&mut disk.take(size), &mut File::create(part)?)
}
