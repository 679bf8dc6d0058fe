//! Copies the pristine filesystem onto a blank partition, so that a power cut at any moment leaves it blank or whole.

use super::superblock::UNFINISHED;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the template {path}: {reason}")]
    Read { path: PathBuf, reason: String },
    #[error("the template needs {needed} bytes or more, the partition has {available}")]
    TooLarge { needed: u64, available: u64 },
    #[error("cannot write {what}: {source}")]
    Write { what: &'static str, source: io::Error },
}

/// What a disk writes whole or not at all, at least.
const SECTOR: usize = 512;
const CHUNK: usize = 1 << 20;

/// What is written to: nothing counts as being there before a flush.
pub trait Disk {
    fn write(&self, data: &[u8], offset: u64) -> io::Result<()>;
    fn flush(&self) -> io::Result<()>;
}

impl Disk for File {
    fn write(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(data, offset)
    }

    fn flush(&self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Writes the decompressed template to the partition, which has `size` bytes.
pub fn write(template: &Path, partition: &impl Disk, size: u64) -> Result<(), Error> {
    let unreadable = |reason: String| Error::Read { path: template.to_owned(), reason };
    let file = File::open(template).map_err(|error| unreadable(error.to_string()))?;
    let mut image =
        ruzstd::decoding::StreamingDecoder::new(file).map_err(|error| unreadable(error.to_string()))?;
    let failed = |what| move |source| Error::Write { what, source };

    // The mark has a sector of its own, which holds until everything else is there: the superblock behind it may be the old one, none, the
    // new one, or a part of each.
    let mut first = [0; SECTOR];
    first.get_mut(..UNFINISHED.len()).into_iter().for_each(|head| head.copy_from_slice(UNFINISHED));
    partition.write(&first, 0).and_then(|()| partition.flush()).map_err(failed("the mark"))?;

    image.read_exact(&mut first).map_err(|error| unreadable(error.to_string()))?;
    let mut chunk = vec![0; CHUNK];
    let mut offset = SECTOR as u64;
    loop {
        let filled = fill(&mut image, &mut chunk).map_err(|error| unreadable(error.to_string()))?;
        let data = chunk.get(..filled).unwrap_or_default();
        if data.is_empty() {
            break;
        }
        let end = offset + filled as u64;
        if end > size {
            return Err(Error::TooLarge { needed: end, available: size });
        }
        partition.write(data, offset).map_err(failed("the template"))?;
        offset = end;
    }
    partition.flush().map_err(failed("the template"))?;
    partition.write(&first, 0).and_then(|()| partition.flush()).map_err(failed("the first sector"))
}

/// Reads until the buffer is full or the stream ends.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::super::superblock;
    use super::*;
    use std::cell::RefCell;

    fn compressed(folder: &Path, image: &[u8]) -> PathBuf {
        let path = folder.join("state.ext4.zst");
        let data = ruzstd::encoding::compress_to_vec(image, ruzstd::encoding::CompressionLevel::Fastest);
        std::fs::write(&path, data).unwrap();
        path
    }

    fn partition(folder: &Path, size: u64) -> File {
        let path = folder.join("partition");
        let file = File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap();
        file.set_len(size).unwrap();
        file
    }

    #[test]
    fn the_partition_holds_the_template() {
        let folder = tempfile::tempdir().unwrap();
        let image: Vec<u8> = (0..3 << 20).map(|at: u32| (at / 1000) as u8).collect();
        let partition = partition(folder.path(), 4 << 20);
        write(&compressed(folder.path(), &image), &partition, 4 << 20).unwrap();
        let mut written = vec![0; image.len()];
        partition.read_exact_at(&mut written, 0).unwrap();
        assert!(written == image);
    }

    #[test]
    fn a_cut_leaves_the_mark_for_the_next_boot() {
        let folder = tempfile::tempdir().unwrap();
        let template = compressed(folder.path(), &[1; 2 << 20]);
        let whole = std::fs::read(&template).unwrap();
        std::fs::write(&template, &whole[..whole.len() - 20]).unwrap();
        let partition = partition(folder.path(), 4 << 20);
        assert!(matches!(write(&template, &partition, 4 << 20), Err(Error::Read { .. })));
        let mut head = vec![0; 8192];
        partition.read_exact_at(&mut head, 0).unwrap();
        assert_eq!(superblock::inspect(&head), superblock::Content::Blank);
    }

    /// Where, and what.
    type Write = (u64, Vec<u8>);

    /// Every write, and how many of them there were at each flush.
    #[derive(Default)]
    struct Log {
        writes: RefCell<Vec<Write>>,
        flushes: RefCell<Vec<usize>>,
    }

    impl Disk for Log {
        fn write(&self, data: &[u8], offset: u64) -> io::Result<()> {
            self.writes.borrow_mut().push((offset, data.to_vec()));
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            self.flushes.borrow_mut().push(self.writes.borrow().len());
            Ok(())
        }
    }

    /// The sectors of the first block, with the superblock in it.
    const SUPERBLOCK_SECTORS: usize = 8;

    fn filesystem(fill: u8) -> Vec<u8> {
        let mut image = vec![fill; 64 << 10];
        image[..2 * SECTOR].fill(0);
        image[1080..1082].copy_from_slice(&[0x53, 0xef]);
        image
    }

    /// Writes all of it, but of the first block only the sectors in the set.
    fn write_torn(disk: &mut [u8], (offset, data): &Write, sectors: usize) {
        for (at, byte) in data.iter().enumerate().map(|(at, byte)| (*offset as usize + at, *byte)) {
            let sector = at / SECTOR;
            if sector >= SUPERBLOCK_SECTORS || sectors & (1 << sector) != 0 {
                disk[at] = byte;
            }
        }
    }

    #[test]
    fn a_cut_at_any_sector_is_made_good_by_the_next_boot() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (filesystem(7), filesystem(9));
        let log = Log::default();
        write(&compressed(folder.path(), &new), &log, 1 << 20).unwrap();
        let (writes, flushes) = (log.writes.into_inner(), log.flushes.into_inner());
        // The mark, then everything else, then what takes the mark away: no two of them can change places.
        assert_eq!(flushes, [1, writes.len() - 1, writes.len()]);
        let mut wished = old.clone();
        wished[..superblock::RESET.len()].copy_from_slice(superblock::RESET);
        for before in [old, wished] {
            for (at, torn) in writes.iter().enumerate() {
                let mut disk = before.clone();
                writes[..at].iter().for_each(|write| write_torn(&mut disk, write, usize::MAX));
                for sectors in 0..1 << SUPERBLOCK_SECTORS {
                    let mut disk = disk.clone();
                    write_torn(&mut disk, torn, sectors);
                    let whole = disk == new || disk == before;
                    let blank = superblock::inspect(&disk) == superblock::Content::Blank;
                    assert!(blank || whole, "write {at} cut, sectors {sectors:08b}");
                }
            }
        }
    }

    #[test]
    fn a_small_partition_is_refused_with_both_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let template = compressed(folder.path(), &[1; 2 << 20]);
        let error = write(&template, &partition(folder.path(), 1 << 20), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("1048576"), "{error}");
    }
}
