//! The sources of device code, copied to a fixed place in the cache.
//!
//! Cargo's bookkeeping and the compiler's output depend on where a crate lies. Built from `<cache>/src`, a fresh clone finds
//! everything built, and no path of anybody's checkout gets into the image. Files keep their time as long as their contents do.

use super::{Context, Error, read_file, write_file};
use crate::key::list_files;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const FILES: [&str; 2] = ["Cargo.toml", "Cargo.lock"];
const FOLDERS: [&str; 6] = ["apps", "ci", "components", "image", "protocol", "wit"];

/// Brings the copy up to date and returns its folder.
pub fn update(context: &Context<'_>) -> Result<PathBuf, Error> {
    let (from, to) = (context.workspace.root(), context.cache.root().join("src"));
    for file in FILES {
        copy_if_changed(&from.join(file), &to.join(file))?;
    }
    for folder in FOLDERS {
        let (from, to) = (from.join(folder), to.join(folder));
        let wanted: BTreeSet<PathBuf> = list_files(&from)?.into_iter().collect();
        for file in &wanted {
            copy_if_changed(&from.join(file), &to.join(file))?;
        }
        if !to.exists() {
            continue;
        }
        for file in list_files(&to)? {
            if !wanted.contains(&file) {
                let path = to.join(file);
                std::fs::remove_file(&path).map_err(|source| Error::Write { path, source })?;
            }
        }
        remove_empty_folders(&to)?;
    }
    Ok(to)
}

fn copy_if_changed(from: &Path, to: &Path) -> Result<(), Error> {
    let contents = read_file(from)?;
    if std::fs::read(to).is_ok_and(|present| present == contents) {
        return Ok(());
    }
    write_file(to, contents)?;
    let error = |source| Error::Write { path: to.to_owned(), source };
    let mode = std::fs::metadata(from).map_err(error)?.permissions().mode();
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(mode)).map_err(error)
}

/// A folder that lost its last file would still match a workspace's `members = ["components/*"]`.
fn remove_empty_folders(folder: &Path) -> Result<(), Error> {
    let error = |source| Error::Read { path: folder.to_owned(), source };
    for entry in std::fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() && !path.is_symlink() {
            remove_empty_folders(&path)?;
            // Fails for folders with contents, which stay.
            let _ = std::fs::remove_dir(&path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unchanged_file_keeps_its_time() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("sub/to"));
        std::fs::write(&from, "one").unwrap();
        copy_if_changed(&from, &to).unwrap();
        let before = std::fs::metadata(&to).unwrap().modified().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(&from, "one").unwrap();
        copy_if_changed(&from, &to).unwrap();
        assert_eq!(std::fs::metadata(&to).unwrap().modified().unwrap(), before);
        std::fs::write(&from, "two").unwrap();
        copy_if_changed(&from, &to).unwrap();
        assert_eq!(std::fs::read_to_string(&to).unwrap(), "two");
    }

    #[test]
    fn empty_folders_go_and_full_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("gone/inner")).unwrap();
        std::fs::create_dir_all(folder.path().join("kept")).unwrap();
        std::fs::write(folder.path().join("kept/file"), "x").unwrap();
        remove_empty_folders(folder.path()).unwrap();
        assert!(!folder.path().join("gone").exists());
        assert!(folder.path().join("kept/file").exists());
    }
}
