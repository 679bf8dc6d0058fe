//! A USB stick with the releases of one product, as somebody would copy them to one.

use crate::disk::Window;
use crate::releases;
use anyhow::Context;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

const SIZE: u64 = 256 << 20;
/// Where its only partition begins, as partitioning programs choose it.
const START: u64 = 1 << 20;
const SECTOR: u64 = 512;
/// FAT32 with logical block addresses.
const KIND: u8 = 0x0c;

type Folder<'a> = fatfs::Dir<'a, Window>;

/// Makes the stick's contents at `path`.
pub fn write(path: &Path, profile: &str) -> anyhow::Result<()> {
    let file = File::options().create_new(true).read(true).write(true).open(path)?;
    file.set_len(SIZE)?;
    // A master boot record with one partition.
    let mut entry = [0; 16];
    entry[4] = KIND;
    entry[8..12].copy_from_slice(&((START / SECTOR) as u32).to_le_bytes());
    entry[12..16].copy_from_slice(&(((SIZE - START) / SECTOR) as u32).to_le_bytes());
    file.write_all_at(&entry, 446)?;
    file.write_all_at(&[0x55, 0xaa], 510)?;

    let window = || anyhow::Ok(Window::new(file.try_clone()?, START, SIZE - START));
    fatfs::format_volume(window()?, fatfs::FormatVolumeOptions::new())?;
    let volume = fatfs::FileSystem::new(window()?, fatfs::FsOptions::new())?;
    let product = weft_release::product(profile);
    copy(&releases::folder(), &volume.root_dir(), &|path| {
        // Of the targets only the product's own, which are folders of their own.
        path.parent().is_none_or(|folder| !folder.ends_with("targets"))
            || path.to_string_lossy().contains(&product)
    })?;
    Ok(volume.unmount()?)
}

fn copy(from: &Path, to: &Folder<'_>, wanted: &dyn Fn(&Path) -> bool) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !wanted(&path) {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.create_dir(&name)?, wanted)?;
            continue;
        }
        let mut written = io::BufWriter::with_capacity(1 << 20, to.create_file(&name)?);
        io::copy(&mut File::open(&path)?, &mut written)?;
        written.flush()?;
    }
    Ok(())
}
