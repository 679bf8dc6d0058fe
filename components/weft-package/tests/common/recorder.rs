//! A disk that remembers every change, and the states that a power cut may leave of them.

use std::cell::RefCell;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use weft_package::disk::{Disk, Error, Host};

#[derive(Debug, Clone)]
pub enum Change {
    CreateFolder(PathBuf),
    CreateFile(PathBuf, Vec<u8>),
    CreateLink(PathBuf, PathBuf),
    Rename(PathBuf, PathBuf),
    ReplaceFile(PathBuf, Vec<u8>),
    RemoveFile(PathBuf),
    RemoveTree(PathBuf),
    Sync(PathBuf),
    SyncTree(PathBuf),
}

impl Change {
    /// The folder that has to be synced for the change to be safe; `None` for one that is safe by itself.
    fn folder(&self) -> Option<&Path> {
        match self {
            Self::CreateFolder(path)
            | Self::CreateFile(path, _)
            | Self::CreateLink(_, path)
            | Self::Rename(_, path)
            | Self::RemoveFile(path)
            | Self::RemoveTree(path) => path.parent(),
            Self::ReplaceFile(..) | Self::Sync(_) | Self::SyncTree(_) => None,
        }
    }
}

/// Makes every change, and keeps the list of them.
#[derive(Default)]
pub struct Recorder(RefCell<Vec<Change>>);

impl Recorder {
    pub fn changes(self) -> Vec<Change> {
        self.0.into_inner()
    }

    fn note(&self, change: Change) {
        self.0.borrow_mut().push(change);
    }
}

impl Disk for Recorder {
    fn create_folder(&self, path: &Path) -> Result<(), Error> {
        Host.create_folder(path)?;
        self.note(Change::CreateFolder(path.to_owned()));
        Ok(())
    }

    fn create_file(&self, path: &Path, contents: &mut dyn Read) -> Result<u64, Error> {
        let mut bytes = Vec::new();
        contents.read_to_end(&mut bytes).unwrap();
        let written = Host.create_file(path, &mut &*bytes)?;
        self.note(Change::CreateFile(path.to_owned(), bytes));
        Ok(written)
    }

    fn create_link(&self, target: &Path, path: &Path) -> Result<(), Error> {
        Host.create_link(target, path)?;
        self.note(Change::CreateLink(target.to_owned(), path.to_owned()));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), Error> {
        Host.rename(from, to)?;
        self.note(Change::Rename(from.to_owned(), to.to_owned()));
        Ok(())
    }

    fn replace_file(&self, path: &Path, contents: &[u8]) -> Result<(), Error> {
        Host.replace_file(path, contents)?;
        self.note(Change::ReplaceFile(path.to_owned(), contents.to_owned()));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> Result<(), Error> {
        Host.remove_file(path)?;
        self.note(Change::RemoveFile(path.to_owned()));
        Ok(())
    }

    fn remove_tree(&self, path: &Path) -> Result<(), Error> {
        Host.remove_tree(path)?;
        self.note(Change::RemoveTree(path.to_owned()));
        Ok(())
    }

    fn sync_folder(&self, path: &Path) -> Result<(), Error> {
        Host.sync_folder(path)?;
        self.note(Change::Sync(path.to_owned()));
        Ok(())
    }

    fn sync_tree(&self, path: &Path) -> Result<(), Error> {
        Host.sync_tree(path)?;
        self.note(Change::SyncTree(path.to_owned()));
        Ok(())
    }
}

/// Whether one of the later changes makes the names in `folder` safe.
fn names_are_safe(folder: &Path, later: &[Change]) -> bool {
    later.iter().any(|change| match change {
        Change::Sync(path) => path == folder,
        Change::SyncTree(path) => folder.starts_with(path),
        _ => false,
    })
}

/// What is left of a new file: half of it, until it was flushed.
fn contents<'a>(file: &Path, bytes: &'a [u8], later: &[Change]) -> &'a [u8] {
    let flushed =
        later.iter().any(|change| matches!(change, Change::SyncTree(path) if file.starts_with(path)));
    if flushed { bytes } else { &bytes[..bytes.len() / 2] }
}

/// Makes the state of `root` after a power cut behind the first `count` changes, in a copy of `before`. Of the changes that were not yet
/// safe, those survive that `survives` picks by their number.
pub fn after_power_cut(
    before: &Path,
    root: &Path,
    copy: &Path,
    changes: &[Change],
    survives: impl Fn(usize) -> bool,
) {
    copy_tree(before, copy);
    for (index, change) in changes.iter().enumerate() {
        let later = &changes[index..];
        let safe = change.folder().is_none_or(|folder| names_are_safe(folder, later));
        if safe || survives(index) {
            // What a lost change was the ground of is lost with it.
            let _ = apply(change, later, &|path| copy.join(path.strip_prefix(root).unwrap()));
        }
    }
}

fn apply(change: &Change, later: &[Change], at: &dyn Fn(&Path) -> PathBuf) -> std::io::Result<()> {
    match change {
        Change::CreateFolder(path) => fs::create_dir(at(path)),
        Change::CreateFile(path, bytes) => fs::write(at(path), contents(path, bytes, later)),
        Change::ReplaceFile(path, bytes) => fs::write(at(path), bytes),
        Change::CreateLink(target, path) => std::os::unix::fs::symlink(target, at(path)),
        Change::Rename(from, to) => fs::rename(at(from), at(to)),
        Change::RemoveFile(path) => fs::remove_file(at(path)),
        Change::RemoveTree(path) => fs::remove_dir_all(at(path)),
        Change::Sync(_) | Change::SyncTree(_) => Ok(()),
    }
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy_tree(&source, &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&source).unwrap(), target).unwrap();
        } else {
            fs::copy(&source, &target).unwrap();
        }
    }
}
