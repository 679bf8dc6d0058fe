//! A package that is a folder.

use crate::{Error, MANIFEST_NAME, Manifest, RelativePath};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest manifest in bytes.
const MAX_MANIFEST: u64 = 64 * 1024;

/// A folder whose manifest is valid and whose files are the ones it names.
#[derive(Debug, Clone)]
pub struct Package {
    pub folder: PathBuf,
    pub manifest: Manifest,
}

impl Package {
    /// Reads the manifest of `folder` and checks that the module and the entry page are there, as plain files on plain folders.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let package = Self { folder: folder.to_owned(), manifest: read_manifest(folder)? };
        package.check_file("runtime.module", &package.manifest.module)?;
        if let Some(ui) = &package.manifest.ui {
            package.check_file("ui.entry", &ui.entry)?;
        }
        Ok(package)
    }

    /// The component's file.
    pub fn module(&self) -> PathBuf {
        self.manifest.module.below(&self.folder)
    }

    /// The entry page, for an app that has one.
    pub fn entry(&self) -> Option<PathBuf> {
        self.manifest.ui.as_ref().map(|ui| ui.entry.below(&self.folder))
    }

    /// A package must mean the same wherever it is copied to, so no part of a named path may be a link.
    fn check_file(&self, field: &'static str, path: &RelativePath) -> Result<(), Error> {
        let manifest = || self.folder.join(MANIFEST_NAME);
        let parts: Vec<&str> = path.as_str().split('/').collect();
        let mut at = self.folder.clone();
        for (index, part) in parts.iter().enumerate() {
            at.push(part);
            let kind = match at.symlink_metadata() {
                Ok(metadata) => metadata.file_type(),
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                    ) =>
                {
                    return Err(Error::Missing { manifest: manifest(), field, path: path.to_string() });
                }
                Err(source) => return Err(Error::Read { path: at, source }),
            };
            let last = index + 1 == parts.len();
            if (last && !kind.is_file()) || (!last && !kind.is_dir()) {
                return Err(Error::NotAFile { manifest: manifest(), field, path: path.to_string() });
            }
        }
        Ok(())
    }
}

fn read_manifest(folder: &Path) -> Result<Manifest, Error> {
    let path = folder.join(MANIFEST_NAME);
    let read = |source| Error::Read { path: path.clone(), source };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoManifest(folder.to_owned()));
        }
        Err(error) => return Err(read(error)),
    };
    let mut text = String::new();
    file.take(MAX_MANIFEST + 1).read_to_string(&mut text).map_err(read)?;
    if text.len() as u64 > MAX_MANIFEST {
        return Err(Error::TooLarge { path, limit: MAX_MANIFEST });
    }
    Ok(Manifest::parse(&text, &path)?)
}
