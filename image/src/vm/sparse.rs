//! Copies disk images without writing out their holes.

use super::{Result, file_error};
use rustix::fs::SeekFrom as Seek;
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::path::Path;

/// Copies `from` to a new file `to`: same size, same content, holes where `from` has them.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    let source = File::open(from).map_err(file_error("open", from))?;
    let target = File::create(to).map_err(file_error("create", to))?;
    copy_data(&source, &target).map_err(file_error("copy the image to", to))
}

fn copy_data(mut source: &File, mut target: &File) -> io::Result<()> {
    let size = source.metadata()?.len();
    target.set_len(size)?;
    let mut position = 0;
    while position < size {
        let start = match rustix::fs::seek(source, Seek::Data(position)) {
            Ok(start) => start,
            // lseek(2): ENXIO says that only a hole follows.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        let end = rustix::fs::seek(source, Seek::Hole(start))?;
        source.seek(SeekFrom::Start(start))?;
        target.seek(SeekFrom::Start(start))?;
        let copied = io::copy(&mut source.take(end - start), &mut target)?;
        if copied == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        position = end;
    }
    target.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileExt, MetadataExt};

    #[test]
    fn keeps_content_size_and_holes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        let file = File::create(&from).unwrap();
        file.set_len(64 << 20).unwrap();
        file.write_all_at(b"first", 0).unwrap();
        file.write_all_at(b"middle", 20 << 20).unwrap();
        copy(&from, &to).unwrap();
        assert_eq!(std::fs::read(&from).unwrap(), std::fs::read(&to).unwrap());
        assert!(std::fs::metadata(&to).unwrap().blocks() * 512 < 8 << 20, "the holes were written out");
    }
}
