//! Keys of stages: a hash over everything that a stage's output depends on.

use sha2::{Digest, Sha256};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: io::Error },
}

/// Collects the inputs of one stage. Every input is framed by its label and length, so that no two lists of inputs collide.
pub struct Key(Sha256);

impl Key {
    pub fn new(stage: &str) -> Self {
        Self(Sha256::new()).text("stage", stage)
    }

    pub fn text(self, label: &str, value: &str) -> Self {
        self.bytes(label, value.as_bytes())
    }

    pub fn bytes(mut self, label: &str, value: &[u8]) -> Self {
        for part in [label.as_bytes(), value] {
            self.0.update((part.len() as u64).to_le_bytes());
            self.0.update(part);
        }
        self
    }

    /// The contents of a file, not its name.
    pub fn file(self, label: &str, path: &Path) -> Result<Self, Error> {
        let digest = sha256_file(path)?;
        Ok(self.text(label, &digest))
    }

    /// Every file below a folder: path, executable bit and contents, in order; hidden files and `target` folders left out.
    pub fn tree(mut self, label: &str, folder: &Path) -> Result<Self, Error> {
        for relative in list_files(folder)? {
            let path = folder.join(&relative);
            let error = |source| Error::Read { path: path.clone(), source };
            let metadata = std::fs::symlink_metadata(&path).map_err(error)?;
            let name = format!("{label}/{}", relative.display());
            if metadata.is_symlink() {
                let to = std::fs::read_link(&path).map_err(error)?;
                self = self.text(&name, &format!("-> {}", to.display()));
            } else {
                let kind = if metadata.permissions().mode() & 0o111 == 0 { "file" } else { "program" };
                self = self.text(&name, kind).file(&name, &path)?;
            }
        }
        Ok(self)
    }

    /// The first 16 hex digits: long enough for a cache, short enough for a folder name.
    pub fn finish(self) -> String {
        let mut digits = hex(&self.0.finalize());
        digits.truncate(16);
        digits
    }
}

/// Files and links below a folder, relative to it and sorted; hidden ones and `target` folders left out.
pub fn list_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(relative) = pending.pop() {
        let path = folder.join(&relative);
        let error = |source| Error::Read { path: path.clone(), source };
        for entry in std::fs::read_dir(&path).map_err(error)? {
            let entry = entry.map_err(error)?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with('.') {
                continue;
            }
            let is_folder = entry.file_type().map_err(error)?.is_dir();
            match is_folder {
                true if name == "target" || name == "node_modules" => {}
                true => pending.push(relative.join(&name)),
                false => found.push(relative.join(&name)),
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Hex SHA-256 of a file's contents.
pub fn sha256_file(path: &Path) -> Result<String, Error> {
    let error = |source| Error::Read { path: path.to_owned(), source };
    let mut file = std::fs::File::open(path).map_err(error)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(error)?;
        if read == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&buffer[..read]);
    }
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_do_not_run_into_each_other() {
        let one = Key::new("s").text("a", "bc").finish();
        let other = Key::new("s").text("ab", "c").finish();
        assert_ne!(one, other);
        assert_eq!(one.len(), 16);
        assert_eq!(one, Key::new("s").text("a", "bc").finish());
    }

    #[test]
    fn a_tree_is_known_by_names_contents_and_executable_bits() {
        let folder = tempfile::tempdir().unwrap();
        let key = || Key::new("s").tree("t", folder.path()).unwrap().finish();
        let file = folder.path().join("sub/file");
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(&file, "one").unwrap();
        let first = key();
        std::fs::write(&file, "two").unwrap();
        let second = key();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
        let third = key();
        assert!(first != second && second != third);
        std::fs::create_dir(folder.path().join("target")).unwrap();
        std::fs::write(folder.path().join("target/built"), "x").unwrap();
        std::fs::write(folder.path().join(".editor"), "x").unwrap();
        assert_eq!(third, key(), "built and hidden files must not count");
    }
}
