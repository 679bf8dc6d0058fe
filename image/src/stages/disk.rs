//! The disk image: partition table, boot partition, slot a, and the pristine state partition. Sparse.

use super::erofs::Erofs;
use super::esp::Loaders;
use super::secure_boot::Program;
use super::state::Template;
use super::uki::Uki;
use super::verity::Verity;
use super::{Context, Error as StageError, esp, read_file};
use crate::fat;
use crate::image_info::Partition;
use crate::key::Key;
use crate::partitions::{self, layout};
use crate::profile::Profile;
use semver::Version;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use weft_release::Slot;
use weft_release::boot::Entry;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("cannot make the EFI system partition; its size is `sizes.esp` in the profile")]
    Esp(#[from] fat::Error),
    #[error(transparent)]
    Partitions(#[from] partitions::Error),
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: io::Error },
    #[error(
        "the {what} has {bytes} bytes, and its partition {label} holds {room}: raise `sizes` in image/profiles/{profile}.toml or put less into the image"
    )]
    TooLarge { what: &'static str, label: String, bytes: u64, room: u64, profile: String },
}

/// What the disk is put together from.
pub struct Parts<'a> {
    pub profile: &'a Profile,
    pub version: &'a Version,
    /// What the firmware starts.
    pub boot_program: &'a Program,
    /// systemd-boot.
    pub boot_loader: &'a Program,
    pub erofs: &'a Erofs,
    pub verity: &'a Verity,
    pub uki: &'a Uki,
    pub template: &'a Template,
}

#[derive(Clone, Debug)]
pub struct Disk {
    pub image: PathBuf,
    pub partitions: Vec<Partition>,
    pub bytes: u64,
}

const CHUNK: usize = 64 << 10;

pub fn build(context: &Context<'_>, parts: &Parts<'_>) -> Result<Disk, Error> {
    let (partitions, bytes) = layout(&parts.profile.sizes);
    let key = Key::new("disk 3")
        .text("layout", &format!("{partitions:?}"))
        .text("version", &parts.version.to_string())
        .text("boot program", &parts.boot_program.key)
        .text("loader", &parts.boot_loader.key)
        .text("entries", &esp::settings())
        .text("erofs", &parts.erofs.key)
        .text("verity", &parts.verity.key)
        .text("uki", &parts.uki.key)
        .text("state", &parts.template.key)
        .finish();
    let folder = context.cheap_output("disk", &key, |_, output| {
        let path = output.join("disk.img");
        let error = |source| Error::Write { path: path.clone(), source };
        let disk = File::options().create_new(true).read(true).write(true).open(&path).map_err(error)?;
        disk.set_len(bytes).map_err(error)?;
        let first = read_file(&parts.boot_program.image)?;
        let systemd_boot = read_file(&parts.boot_loader.image)?;
        let loaders = Loaders { first: &first, systemd_boot: &systemd_boot };
        let uki = read_file(&parts.uki.image)?;
        let entry = Entry::fresh(Slot::A, parts.version.clone()).file_name();
        let esp = esp::build(parts.profile.sizes.esp, loaders, &entry, &uki)?;
        let contents = [
            ("EFI system partition", "esp", esp),
            ("root image", "root-a", read_file(&parts.erofs.image)?),
            ("hash tree with its parity", "verity-a", read_file(&parts.verity.hash_device)?),
            ("state template", "state", read_file(&parts.template.image)?),
        ];
        for (what, label, contents) in contents {
            let place = place(&partitions, parts.profile, what, label, contents.len() as u64)?;
            write_sparse(&disk, place.offset, &contents).map_err(error)?;
        }
        let disk = partitions::write(disk, &partitions, bytes)?;
        disk.sync_all().map_err(error)
    })?;
    Ok(Disk { image: folder.join("disk.img"), partitions, bytes })
}

fn place<'a>(
    partitions: &'a [Partition],
    profile: &Profile,
    what: &'static str,
    label: &str,
    bytes: u64,
) -> Result<&'a Partition, Error> {
    let room = |partition: &Partition| partition.size;
    match partitions.iter().find(|partition| partition.label == label) {
        Some(partition) if partition.size >= bytes => Ok(partition),
        found => {
            let room = found.map_or(0, room);
            Err(Error::TooLarge { what, label: label.to_owned(), bytes, room, profile: profile.name.clone() })
        }
    }
}

/// Writes all but the zeros, which a new file has anyway.
fn write_sparse(disk: &File, offset: u64, contents: &[u8]) -> io::Result<()> {
    for (index, chunk) in contents.chunks(CHUNK).enumerate() {
        if chunk.iter().any(|byte| *byte != 0) {
            disk.write_all_at(chunk, offset + (index * CHUNK) as u64)?;
        }
    }
    Ok(())
}

/// Puts the image at `to`, sharing its blocks where the file system can and else leaving holes out.
pub fn export(image: &Path, to: &Path) -> Result<(), Error> {
    let error = |source| Error::Write { path: to.to_owned(), source };
    let temporary = to.with_extension("img.tmp");
    let copy = || {
        let from = File::open(image)?;
        let target = File::create(&temporary)?;
        if rustix::fs::ioctl_ficlone(&target, &from).is_err() {
            target.set_len(from.metadata()?.len())?;
            copy_data(&from, &target)?;
        }
        target.sync_all()?;
        std::fs::rename(&temporary, to)
    };
    copy().map_err(|source| {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
        error(source)
    })
}

/// Copies the regions of a file that hold data.
fn copy_data(from: &File, to: &File) -> io::Result<()> {
    use rustix::fs::{SeekFrom, seek};
    let mut buffer = vec![0; 1 << 20];
    let mut position = 0;
    while let Ok(start) = seek(from, SeekFrom::Data(position)) {
        let end = seek(from, SeekFrom::Hole(start))?;
        position = start;
        while position < end {
            let wanted = buffer.len().min((end - position) as usize);
            from.read_exact_at(&mut buffer[..wanted], position)?;
            to.write_all_at(&buffer[..wanted], position)?;
            position += wanted as u64;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn an_exported_image_is_the_same_and_stays_sparse() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from.img"), folder.path().join("to.img"));
        let disk = File::create(&from).unwrap();
        disk.set_len(64 << 20).unwrap();
        write_sparse(&disk, 8 << 20, &[&[0; CHUNK][..], &[5; 100]].concat()).unwrap();
        export(&from, &to).unwrap();
        assert!(std::fs::read(&from).unwrap() == std::fs::read(&to).unwrap());
        assert!(std::fs::metadata(&to).unwrap().blocks() * 512 < 1 << 20, "holes were filled");
    }

    #[test]
    fn an_image_larger_than_its_slot_names_the_profile_and_the_sizes() {
        let partitions = [Partition { label: "root-a".into(), offset: 0, size: 10 }];
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let profile = Profile::read(&checkout, "core").unwrap();
        let error = place(&partitions, &profile, "root image", "root-a", 11).unwrap_err().to_string();
        assert!(error.contains("11 bytes") && error.contains("holds 10"), "{error}");
        assert!(error.contains("image/profiles/core.toml"), "{error}");
    }
}
