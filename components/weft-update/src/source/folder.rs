//! A repository on a medium, such as a USB stick.

use super::{Error, Source};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::fd::AsFd;
use std::path::Path;

/// A folder that files are opened beneath; links in it are not followed.
#[derive(Debug)]
pub struct Folder(File);

impl Folder {
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = || path.display().to_string();
        let opened = File::open(path).map_err(|source| Error::Io { path: name(), source })?;
        match opened.metadata().is_ok_and(|metadata| metadata.is_dir()) {
            true => Ok(Self(opened)),
            false => Err(Error::Kind(name())),
        }
    }

    fn file(&self, path: &str) -> Result<File, Error> {
        let opened = weft_file::open_beneath(self.0.as_fd(), Path::new(path), OFlags::RDONLY, Mode::empty());
        let file = opened.map(File::from).map_err(|errno| match errno {
            rustix::io::Errno::NOENT => Error::NotFound { path: path.to_owned() },
            errno => Error::Io { path: path.to_owned(), source: errno.into() },
        })?;
        match file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            true => Ok(file),
            false => Err(Error::NotFound { path: path.to_owned() }),
        }
    }
}

impl Source for Folder {
    fn whole(&self, path: &str, limit: u64) -> Result<Box<dyn Read + Send>, Error> {
        Ok(Box::new(self.file(path)?.take(limit)))
    }

    fn range(&self, path: &str, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error> {
        let mut file = self.file(path)?;
        let seek = file.seek(SeekFrom::Start(range.start));
        seek.map_err(|source: io::Error| Error::Io { path: path.to_owned(), source })?;
        Ok(Box::new(file.take(range.end.saturating_sub(range.start))))
    }

    fn is_remote(&self) -> bool {
        false
    }
}
