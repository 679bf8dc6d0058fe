//! The bytes that a disk of a given size gets: the image, its partition table fitted to the disk.
//!
//! UEFI 2.10, section 5.3: the backup table sits at the disk's very end. The partition `state` grows to it, so that PID 1
//! can grow the file system inside.

use super::{Error, Result, failed};
use gpt::GptConfig;
use gpt::disk::LogicalBlockSize;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

pub const SECTOR: u64 = 512;
/// Everything before the first partition; it holds the protective MBR and the primary table.
pub const HEAD: u64 = 1 << 20;
/// The backup table: 32 sectors of entries and the header.
pub const TAIL: u64 = 33 * SECTOR;
/// Partitions end on this boundary.
const ALIGNMENT: u64 = (1 << 20) / SECTOR;

/// What goes where. Between `body_end` and the tail nothing is written.
#[derive(Debug)]
pub struct Layout {
    image: File,
    path: PathBuf,
    /// The first [`HEAD`] bytes.
    pub head: Vec<u8>,
    /// The last [`TAIL`] bytes.
    pub tail: Vec<u8>,
    /// Where the image's own content ends: its backup table is replaced by zeros.
    pub body_end: u64,
    pub disk_size: u64,
}

impl Layout {
    /// Fits the image to a disk of `disk_size` bytes.
    pub fn new(image: &Path, disk_size: u64) -> Result<Layout> {
        let mut source = File::open(image).map_err(failed("open the image", image))?;
        let image_size = source.metadata().map_err(failed("look at the image", image))?.len();
        let disk_size = disk_size / SECTOR * SECTOR;
        let mut head = vec![0; HEAD as usize];
        source.read_exact_at(&mut head, 0).map_err(failed("read the image", image))?;

        let folder = std::env::temp_dir();
        // The table is worked out on a sparse file of the disk's size.
        let scratch = tempfile::tempfile().map_err(failed("create a file in", &folder))?;
        scratch.set_len(disk_size).map_err(failed("size a file in", &folder))?;
        scratch.write_all_at(&head, 0).map_err(failed("write a file in", &folder))?;
        let scratch = fit_table(image, scratch)?;
        let mut tail = vec![0; TAIL as usize];
        let read = failed("read a file in", &folder);
        scratch
            .read_exact_at(&mut head, 0)
            .and_then(|()| scratch.read_exact_at(&mut tail, disk_size - TAIL))
            .map_err(read)?;
        source.seek(SeekFrom::Start(HEAD)).map_err(failed("read the image", image))?;
        Ok(Layout {
            image: source,
            path: image.to_owned(),
            head,
            tail,
            body_end: image_size - TAIL,
            disk_size,
        })
    }

    /// The bytes between head and `body_end`, from the start.
    pub fn body(&mut self) -> Result<impl Read> {
        self.image.seek(SeekFrom::Start(HEAD)).map_err(failed("read the image", &self.path))?;
        Ok((&self.image).take(self.body_end - HEAD))
    }
}

fn fit_table(image: &Path, scratch: File) -> Result<File> {
    let table_error = |source| Error::Table { image: image.to_owned(), source };
    let folder = std::env::temp_dir();
    let size = scratch.metadata().map_err(failed("size a file in", &folder))?.len();
    let mut table = GptConfig::new()
        .writable(true)
        .logical_block_size(LogicalBlockSize::Lb512)
        .open_from_device(scratch)
        .map_err(|source| Error::ReadTable { image: image.to_owned(), source })?;
    let mut partitions = table.partitions().clone();
    let state = partitions
        .values_mut()
        .filter(|partition| partition.is_used())
        .max_by_key(|partition| partition.first_lba);
    let state =
        state.filter(|last| last.name == "state").ok_or(Error::NoState { image: image.to_owned() })?;
    let end = (size - TAIL) / SECTOR / ALIGNMENT * ALIGNMENT;
    state.last_lba = state.last_lba.max(end.saturating_sub(1));
    table.update_partitions(partitions).map_err(table_error)?;
    let mut scratch = table.write().map_err(table_error)?;
    let sectors = u32::try_from(size / SECTOR - 1).unwrap_or(u32::MAX);
    gpt::mbr::ProtectiveMBR::with_lb_size(sectors)
        .overwrite_lba0(&mut scratch)
        .map_err(|source| table_error(gpt::GptError::Io(std::io::Error::other(source))))?;
    Ok(scratch)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::process::Command;

    /// An image of 8 MiB with an ESP and a state partition.
    pub fn image(folder: &Path) -> PathBuf {
        let path = folder.join("kiosk.img");
        let file = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
        file.set_len(8 << 20).unwrap();
        let mut table = GptConfig::new()
            .writable(true)
            .logical_block_size(LogicalBlockSize::Lb512)
            .create_from_device(file, None)
            .unwrap();
        table.add_partition("esp", 2 << 20, gpt::partition_types::EFI, 0, Some(2048)).unwrap();
        table.add_partition("state", 3 << 20, gpt::partition_types::LINUX_FS, 0, Some(2048)).unwrap();
        let file = table.write().unwrap();
        file.write_all_at(b"first byte of the esp", 1 << 20).unwrap();
        file.write_all_at(b"first byte of the state", 3 << 20).unwrap();
        path
    }

    #[test]
    fn the_state_partition_reaches_to_the_backup_table() {
        let folder = tempfile::tempdir().unwrap();
        let mut layout = Layout::new(&image(folder.path()), 64 << 20).unwrap();
        let disk = folder.path().join("disk");
        let file = File::options().create_new(true).read(true).write(true).open(&disk).unwrap();
        file.set_len(layout.disk_size).unwrap();
        let mut body = Vec::new();
        layout.body().unwrap().read_to_end(&mut body).unwrap();
        assert!(body.starts_with(b"first byte of the esp"));
        file.write_all_at(&layout.head, 0).unwrap();
        file.write_all_at(&body, HEAD).unwrap();
        file.write_all_at(&layout.tail, layout.disk_size - TAIL).unwrap();

        let table = GptConfig::new().only_valid_headers(true).open(&disk).unwrap();
        let state = table.partitions().values().find(|partition| partition.name == "state").unwrap();
        assert_eq!(state.first_lba * SECTOR, 3 << 20);
        assert_eq!((state.last_lba + 1) * SECTOR, 63 << 20);
        assert_eq!(table.primary_header().unwrap().backup_lba, layout.disk_size / SECTOR - 1);
        if let Ok(judged) = Command::new("sgdisk").arg("-v").arg(&disk).output() {
            let said = String::from_utf8_lossy(&judged.stdout);
            assert!(said.contains("No problems found"), "{said}");
        }
    }

    #[test]
    fn an_image_without_state_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = image(folder.path());
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let mut table = GptConfig::new().writable(true).open_from_device(file).unwrap();
        table.remove_partition(2).unwrap();
        table.write().unwrap();
        let error = Layout::new(&path, 64 << 20).unwrap_err().to_string();
        assert!(error.contains("no partition `state`"), "{error}");
    }
}
