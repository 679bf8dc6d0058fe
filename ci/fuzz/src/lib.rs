//! What several targets share.

use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use weft_package::disk::{Disk, Error};

/// Where everything is said to be unpacked to; there is no such folder.
pub const ROOT: &str = "/weft-fuzz-nowhere/package";

/// A disk that keeps nothing, and fails the run when something is written outside of [`ROOT`].
pub struct Nowhere;

fn check(path: &Path) {
    let inside = path.starts_with(ROOT) || Path::new(ROOT).starts_with(path);
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    assert!(inside && plain, "{} is outside of the package", path.display());
}

impl Disk for Nowhere {
    fn create_folder(&self, path: &Path) -> Result<(), Error> {
        check(path);
        Ok(())
    }

    fn create_file(&self, path: &Path, contents: &mut dyn Read) -> Result<u64, Error> {
        check(path);
        io::copy(contents, &mut io::sink()).map_err(|source| Error {
            what: "read",
            path: path.to_owned(),
            source,
        })
    }

    fn create_link(&self, _: &Path, path: &Path) -> Result<(), Error> {
        panic!("{} is a link", path.display());
    }

    fn rename(&self, _: &Path, _: &Path) -> Result<(), Error> {
        Ok(())
    }

    fn replace_file(&self, _: &Path, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }

    fn remove_file(&self, _: &Path) -> Result<(), Error> {
        Ok(())
    }

    fn remove_tree(&self, _: &Path) -> Result<(), Error> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> Result<(), Error> {
        Ok(())
    }

    fn sync_tree(&self, _: &Path) -> Result<(), Error> {
        Ok(())
    }
}

/// What errors call the input.
pub fn name() -> PathBuf {
    PathBuf::from("input")
}
