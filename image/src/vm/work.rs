//! Where a machine works: its folder under `build/vm/`, and its disk, which only one machine may have.

use super::{Error, Result, file_error, sparse};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The folder `build/vm/<name>` of the checkout, emptied when it is created, for one process at a time.
#[derive(Debug)]
pub struct Work {
    folder: PathBuf,
    keep: bool,
    _locked: File,
}

impl Work {
    pub fn create(checkout: &Path, name: &str) -> Result<Work> {
        let all = checkout.join("build/vm");
        std::fs::create_dir_all(&all).map_err(file_error("create", &all))?;
        let folder = all.join(name);
        let lock = all.join(format!(".{name}.lock"));
        let locked = File::create(&lock).map_err(file_error("create", &lock))?;
        flock(&locked, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| Error::WorkInUse(folder.clone()))?;
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(file_error("empty", &folder)(error));
            }
            _ => {}
        }
        std::fs::create_dir_all(&folder).map_err(file_error("create", &folder))?;
        Ok(Work { folder, keep: false, _locked: locked })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Leaves the folder for somebody to look into.
    pub fn keep(&mut self) -> &Path {
        self.keep = true;
        &self.folder
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.keep {
            // Left-overs are removed by the next run of the same name.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// A disk image that this process alone uses (flock(2)).
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    _locked: File,
}

impl Disk {
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Takes an existing disk image.
pub fn lock(path: &Path) -> Result<Disk> {
    let file =
        File::options().read(true).write(true).open(path).map_err(file_error("open the disk", path))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| Error::DiskInUse(path.to_owned()))?;
    Ok(Disk { path: path.to_owned(), _locked: file })
}

/// Makes a copy of an image and takes it. A copy that failed half-way is not left behind.
pub fn copy_and_lock(image: &Path, path: &Path) -> Result<Disk> {
    if let Err(error) = sparse::copy(image, path) {
        // The first error is the one to report.
        let _ = std::fs::remove_file(path);
        return Err(error);
    }
    lock(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_one_user() {
        let folder = tempfile::tempdir().unwrap();
        let (image, path) = (folder.path().join("image"), folder.path().join("disk"));
        std::fs::write(&image, "x").unwrap();
        let first = copy_and_lock(&image, &path).unwrap();
        let error = lock(&path).unwrap_err().to_string();
        assert!(error.contains("disk") && error.contains("another"), "{error}");
        drop(first);
        lock(&path).unwrap();
    }

    #[test]
    fn the_folder_goes_unless_kept() {
        let checkout = tempfile::tempdir().unwrap();
        let work = Work::create(checkout.path(), "shot").unwrap();
        let folder = work.folder().to_owned();
        let second = Work::create(checkout.path(), "shot").unwrap_err().to_string();
        assert!(second.contains("build/vm/shot") && second.contains("another"), "{second}");
        drop(work);
        assert!(!folder.exists());
        Work::create(checkout.path(), "shot").unwrap().keep();
        std::fs::write(folder.join("old"), "").unwrap();
        let again = Work::create(checkout.path(), "shot").unwrap();
        assert_eq!(std::fs::read_dir(again.folder()).unwrap().count(), 0);
    }
}
