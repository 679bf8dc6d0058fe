//! Writes a layout to a disk, or an image to a file, and compares what is there afterwards.

use super::layout::{HEAD, Layout, TAIL};
use super::{Error, Result, failed};
use crate::vm::sparse;
use rustix::fs::{Advice, OFlags, fadvise};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

const CHUNK: usize = 4 << 20;
/// What every disk's O_DIRECT accepts (open(2)).
const DIRECT_ALIGNMENT: usize = 4096;

/// Writes to a disk and verifies. The partition table comes last, so an interrupted disk is an empty one, not a broken one.
/// `progress` gets what is being done and the share of it, 0 to 1.
pub fn to_device(layout: &mut Layout, device: &Path, mut progress: impl FnMut(&str, f64)) -> Result<()> {
    // For a block device O_EXCL fails while anything has mounted or claimed it (open(2)).
    let busy = |source: io::Error| match source.kind() {
        io::ErrorKind::ResourceBusy => {
            Error::InUse { device: device.to_owned(), by: "the kernel has claimed it".into() }
        }
        _ => failed("open for writing", device)(source),
    };
    let exclusive = OFlags::EXCL.bits().cast_signed();
    let disk = File::options().read(true).write(true).custom_flags(exclusive).open(device).map_err(busy)?;
    let size = layout.body_end;
    let write = |bytes: &[u8], offset| disk.write_all_at(bytes, offset).map_err(failed("write", device));

    write(&vec![0; HEAD as usize], 0)?;
    write(&layout.tail, layout.disk_size - TAIL)?;
    let mut offset = HEAD;
    each_chunk(layout.body()?, device, |chunk| {
        write(chunk, offset)?;
        offset += chunk.len() as u64;
        progress("writing", offset as f64 / size as f64);
        Ok(())
    })?;
    let flush = || disk.sync_all().map_err(failed("flush", device));
    flush()?;

    let direct = Reader::open(device)?;
    let mut offset = HEAD;
    each_chunk(layout.body()?, device, |chunk| {
        direct.compare(device, chunk, offset)?;
        offset += chunk.len() as u64;
        progress("verifying", offset as f64 / size as f64);
        Ok(())
    })?;
    write(&layout.head, 0)?;
    flush()?;
    direct.compare(device, &layout.head, 0)?;
    // The tail starts on a sector, which is less than O_DIRECT's safe alignment: an ordinary read after dropping the cache.
    Reader::cached(device)?.compare(device, &layout.tail, layout.disk_size - TAIL)
}

/// Writes the image as it is to a new file and verifies it; the file appears under its name when it is whole.
pub fn to_file(image: &Path, output: &Path, force: bool) -> Result<()> {
    if output.exists() && !force {
        return Err(Error::Exists(output.to_owned()));
    }
    let mut name = output.as_os_str().to_owned();
    name.push(".part");
    let part = Path::new(&name);
    let outcome =
        fill(image, part).and_then(|()| std::fs::rename(part, output).map_err(failed("rename to", output)));
    if outcome.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(part);
    }
    outcome?;
    let folder = output.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    weft_file::sync_folder(folder)
        .map_err(|error| failed("flush the folder of", output)(io::Error::other(error)))
}

fn fill(image: &Path, part: &Path) -> Result<()> {
    sparse::copy(image, part).map_err(|error| failed("copy to", part)(io::Error::other(error)))?;
    let flush = |file: File| file.sync_all();
    File::open(part).and_then(flush).map_err(failed("flush", part))?;
    let written = Reader::cached(part)?;
    let mut offset = 0;
    each_chunk(File::open(image).map_err(failed("open the image", image))?, image, |chunk| {
        written.compare(part, chunk, offset)?;
        offset += chunk.len() as u64;
        Ok(())
    })
}

fn each_chunk(mut source: impl Read, path: &Path, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let mut length = 0;
        while length < CHUNK {
            match source.read(&mut chunk[length..]).map_err(failed("read the image for", path))? {
                0 => break,
                count => length += count,
            }
        }
        if length == 0 {
            return Ok(());
        }
        each(&chunk[..length])?;
    }
}

/// Reads back what the medium holds, not what the page cache remembers.
struct Reader {
    file: File,
    direct: bool,
}

impl Reader {
    fn open(path: &Path) -> Result<Reader> {
        let flag = OFlags::DIRECT.bits().cast_signed();
        match File::options().read(true).custom_flags(flag).open(path) {
            Ok(file) => Ok(Reader { file, direct: true }),
            // Not every driver can read around the cache.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Reader::cached(path),
            Err(error) => Err(failed("read back", path)(error)),
        }
    }

    fn cached(path: &Path) -> Result<Reader> {
        let file = File::open(path).map_err(failed("read back", path))?;
        fadvise(&file, 0, None, Advice::DontNeed)
            .map_err(|errno| failed("drop the cache of", path)(errno.into()))?;
        Ok(Reader { file, direct: false })
    }

    fn compare(&self, path: &Path, expected: &[u8], offset: u64) -> Result<()> {
        let mut room = vec![0; expected.len().next_multiple_of(DIRECT_ALIGNMENT) + DIRECT_ALIGNMENT];
        let start = if self.direct { room.as_ptr().align_offset(DIRECT_ALIGNMENT) } else { 0 };
        // A direct read has an aligned length too; only the last chunk is not one anyway, and a disk goes on after it.
        let length =
            if self.direct { expected.len().next_multiple_of(DIRECT_ALIGNMENT) } else { expected.len() };
        let buffer = &mut room[start..start + length];
        self.file.read_exact_at(buffer, offset).map_err(failed("read back", path))?;
        let found = &buffer[..expected.len()];
        if expected == found {
            return Ok(());
        }
        let at = expected.iter().zip(found).take_while(|(wanted, found)| wanted == found).count();
        Err(Error::Different { path: path.to_owned(), offset: offset + at as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::tests::image;
    use super::*;

    #[test]
    fn a_disk_holds_the_fitted_image_and_nothing_old() {
        let folder = tempfile::tempdir().unwrap();
        let source = image(folder.path());
        let disk = folder.path().join("disk");
        std::fs::write(&disk, vec![0xaa; 32 << 20]).unwrap();
        let mut layout = Layout::new(&source, 32 << 20).unwrap();
        let mut steps = Vec::new();
        to_device(&mut layout, &disk, |step, share| steps.push((step.to_owned(), share))).unwrap();
        assert_eq!(steps.last(), Some(&("verifying".to_owned(), 1.0)));
        let (written, source) = (std::fs::read(&disk).unwrap(), std::fs::read(source).unwrap());
        let end = layout.body_end as usize;
        assert!(written[HEAD as usize..end] == source[HEAD as usize..end]);
        assert!(written[..HEAD as usize] == layout.head[..]);
        assert!(written[written.len() - TAIL as usize..] == layout.tail[..]);
    }

    #[test]
    fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let source = image(folder.path());
        let output = folder.path().join("out.img");
        to_file(&source, &output, false).unwrap();
        assert!(std::fs::read(&output).unwrap() == std::fs::read(&source).unwrap());
        assert!(matches!(to_file(&source, &output, false), Err(Error::Exists(_))));
        to_file(&source, &output, true).unwrap();
        assert!(to_file(&folder.path().join("missing"), &folder.path().join("new.img"), false).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_difference_names_its_byte() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("medium");
        std::fs::write(&path, b"abXd").unwrap();
        let error = Reader::cached(&path).unwrap().compare(&path, b"abcd", 0).unwrap_err();
        assert!(matches!(error, Error::Different { offset: 2, .. }), "{error}");
    }
}
