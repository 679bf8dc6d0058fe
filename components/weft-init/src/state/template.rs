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

/// The superblock lies in the first block: it is written last and in one piece, over the mark.
const FIRST: usize = 4096;
const CHUNK: usize = 1 << 20;

/// Writes the decompressed template to the partition, which has `size` bytes.
pub fn write(template: &Path, partition: &File, size: u64) -> Result<(), Error> {
    let unreadable = |reason: String| Error::Read { path: template.to_owned(), reason };
    let file = File::open(template).map_err(|error| unreadable(error.to_string()))?;
    let mut image =
        ruzstd::decoding::StreamingDecoder::new(file).map_err(|error| unreadable(error.to_string()))?;
    let failed = |what| move |source| Error::Write { what, source };

    let mut first = [0; FIRST];
    first.get_mut(..UNFINISHED.len()).into_iter().for_each(|head| head.copy_from_slice(UNFINISHED));
    partition.write_all_at(&first, 0).and_then(|()| partition.sync_all()).map_err(failed("the mark"))?;

    image.read_exact(&mut first).map_err(|error| unreadable(error.to_string()))?;
    let mut chunk = vec![0; CHUNK];
    let mut offset = FIRST as u64;
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
        partition.write_all_at(data, offset).map_err(failed("the template"))?;
        offset = end;
    }
    partition.sync_all().map_err(failed("the template"))?;
    partition.write_all_at(&first, 0).and_then(|()| partition.sync_all()).map_err(failed("the superblock"))
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
    use super::*;

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
        assert_eq!(super::super::superblock::inspect(&head), super::super::superblock::Content::Blank);
    }

    #[test]
    fn a_small_partition_is_refused_with_both_sizes() {
        let folder = tempfile::tempdir().unwrap();
        let template = compressed(folder.path(), &[1; 2 << 20]);
        let error = write(&template, &partition(folder.path(), 1 << 20), 1 << 20).unwrap_err();
        assert!(error.to_string().contains("1048576"), "{error}");
    }
}
