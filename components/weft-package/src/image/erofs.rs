//! Reading EROFS without mounting it.

use super::Error;
use crate::bounds::Bounds;
use crate::disk::{Disk, grow_folders};
use crate::limits::{MAX_BYTES, MAX_DEPTH, MAX_FILES};
use erofs_rs::EroFS;
use erofs_rs::backend::SliceImage;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A file system in memory.
pub struct Tree<'a> {
    erofs: EroFS<SliceImage<'a>>,
    /// What errors call it.
    name: PathBuf,
}

impl<'a> Tree<'a> {
    /// Opens an image; `name` is what errors call it.
    pub fn new(bytes: &'a [u8], name: &Path) -> Result<Self, Error> {
        let damaged = |reason: String| Error::Damaged { path: name.to_owned(), reason };
        let erofs = EroFS::new(SliceImage::new(bytes)).map_err(|error| damaged(error.to_string()))?;
        Ok(Self { erofs, name: name.to_owned() })
    }

    /// The names in a folder; `None` where there is no such folder.
    pub fn folder(&self, path: &str) -> Result<Option<Vec<String>>, Error> {
        let entries = match self.erofs.read_dir(path) {
            Ok(entries) => entries,
            Err(erofs_rs::Error::PathNotFound(_) | erofs_rs::Error::NotADirectory(_)) => return Ok(None),
            Err(error) => return Err(self.damaged(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| self.damaged(error))?;
            if names.len() > MAX_FILES {
                return Err(self.damaged("a folder has too many entries"));
            }
            match std::str::from_utf8(entry.dir_entry.file_name()) {
                Ok("." | "..") => {}
                Ok(name) => names.push(name.to_owned()),
                Err(_) => return Err(self.damaged("a name is not UTF-8")),
            }
        }
        Ok(Some(names))
    }

    /// All of a file of at most `most` bytes; `None` where there is no such plain file.
    pub fn file(&self, path: &str, most: u64) -> Result<Option<Vec<u8>>, Error> {
        let file = match self.erofs.open(path) {
            Ok(file) => file,
            Err(
                erofs_rs::Error::PathNotFound(_)
                | erofs_rs::Error::NotADirectory(_)
                | erofs_rs::Error::NotAFile(_),
            ) => return Ok(None),
            Err(error) => return Err(self.damaged(error)),
        };
        if file.size() > most {
            return Err(self.damaged(format!("{path} is over {most} bytes")));
        }
        let size = file.size();
        self.contents(file, size).map(Some)
    }

    fn contents(&self, file: impl Read, size: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        file.take(size).read_to_end(&mut bytes).map_err(|error| self.damaged(error))?;
        if bytes.len() as u64 != size {
            return Err(self.damaged("a file ends early"));
        }
        Ok(bytes)
    }

    fn damaged(&self, reason: impl std::fmt::Display) -> Error {
        Error::Damaged { path: self.name.clone(), reason: reason.to_string() }
    }
}

/// Unpacks the bytes of an image into an empty folder, within the bounds of a package; `name` is what errors call it.
pub fn unpack_from(disk: &dyn Disk, bytes: &[u8], name: &Path, to: &Path) -> Result<(), Error> {
    let tree = Tree::new(bytes, name)?;
    let mut bounds = Bounds::new(bytes.len() as u64);
    let walk = tree.erofs.walk_dir("/").map_err(|error| tree.damaged(error))?.max_depth(MAX_DEPTH + 1);
    for entry in walk {
        let entry = entry.map_err(|error| tree.damaged(error))?;
        let path = String::from_utf8(entry.dir_entry.path().into_vec())
            .map_err(|_| tree.damaged("a path is not UTF-8"))?;
        let path = path.trim_start_matches('/').to_owned();
        let fault =
            |fault| Error::Entry { image: name.to_owned(), entry: path.escape_default().to_string(), fault };
        let inode = entry.inode;
        let place = to.join(&path);
        if inode.is_dir() {
            bounds.folder(&path).map_err(fault)?;
            grow_folders(disk, &place)?;
        } else if inode.is_file() {
            // Two names of one inode are two files here; their bytes count twice.
            bounds.file(&path, inode.data_size().min(MAX_BYTES + 1)).map_err(fault)?;
            if let Some(parent) = place.parent() {
                grow_folders(disk, parent)?;
            }
            let file = tree.erofs.open_inode_file(inode).map_err(|error| tree.damaged(error))?;
            disk.create_file(&place, &mut tree.contents(file, inode.data_size())?.as_slice())?;
        } else {
            return Err(Error::Special { image: name.to_owned(), entry: path });
        }
    }
    Ok(())
}
