//! A root file system in the making: fixed modes, and an origin for every file.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Mode of folders and programs; nothing in the image is writable, setuid or owned by anybody but root.
const PROGRAM: u32 = 0o755;
const FILE: u32 = 0o644;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("/{path} comes from both {first} and {second}: leave one of them out of the profile")]
    Twice { path: String, first: String, second: String },
    #[error(
        "/{path} ({origin}) is a program or a script outside usr/bin: only programs that the profile names may run"
    )]
    Executable { path: String, origin: String },
}

/// The tree below one folder.
pub struct Tree {
    root: PathBuf,
    entries: BTreeMap<String, Entry>,
    programs: Vec<PathBuf>,
}

struct Entry {
    kind: String,
    size: u64,
    origin: String,
}

impl Tree {
    pub fn new(root: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(root).map_err(|source| Error::Write { path: root.to_owned(), source })?;
        let mut tree = Self { root: root.to_owned(), entries: BTreeMap::new(), programs: Vec::new() };
        tree.set_mode(root, PROGRAM)?;
        Ok(tree)
    }

    /// An empty folder.
    pub fn folder(&mut self, path: &str) -> Result<(), Error> {
        let mut place = self.root.clone();
        for part in Path::new(path) {
            place.push(part);
            if !place.exists() {
                std::fs::create_dir(&place).map_err(|source| Error::Write { path: place.clone(), source })?;
                self.set_mode(&place, PROGRAM)?;
            }
        }
        Ok(())
    }

    /// A symbolic link.
    pub fn link(&mut self, path: &str, target: &str, origin: &str) -> Result<(), Error> {
        let place = self.enter(path, format!("-> {target}"), 0, origin)?;
        symlink(target, &place).map_err(|source| Error::Write { path: place, source })
    }

    /// A file with these contents that is not executable.
    pub fn write(&mut self, path: &str, contents: &[u8], origin: &str) -> Result<(), Error> {
        if crate::elf::is_elf(contents) || contents.starts_with(b"#!") {
            return Err(Error::Executable { path: path.to_owned(), origin: origin.to_owned() });
        }
        let place = self.enter(path, format!("{FILE:04o}"), contents.len() as u64, origin)?;
        std::fs::write(&place, contents).map_err(|source| Error::Write { path: place.clone(), source })?;
        self.set_mode(&place, FILE)
    }

    /// A copy of a file that is not executable; a link is copied as a link.
    pub fn copy(&mut self, from: &Path, path: &str, origin: &str) -> Result<(), Error> {
        let error = |source| Error::Read { path: from.to_owned(), source };
        if from.is_symlink() {
            let target = std::fs::read_link(from).map_err(error)?;
            return self.link(path, &target.to_string_lossy(), origin);
        }
        let contents = std::fs::read(from).map_err(error)?;
        // Code compiled for the runtime is an ELF file that no kernel would start.
        if path.ends_with(".cwasm") {
            let place = self.enter(path, format!("{FILE:04o}"), contents.len() as u64, origin)?;
            std::fs::write(&place, contents)
                .map_err(|source| Error::Write { path: place.clone(), source })?;
            return self.set_mode(&place, FILE);
        }
        self.write(path, &contents, origin)
    }

    /// A program or a shared object.
    pub fn program(&mut self, from: &Path, path: &str, origin: &str) -> Result<(), Error> {
        let size =
            std::fs::metadata(from).map_err(|source| Error::Read { path: from.to_owned(), source })?.len();
        let is_library = !path.starts_with("usr/bin/");
        // A shared object is mapped, not executed: it needs no executable bit, except for the loader itself.
        let mode = if is_library && !path.contains("/ld-linux") { FILE } else { PROGRAM };
        let place = self.enter(path, format!("{mode:04o}"), size, origin)?;
        std::fs::copy(from, &place).map_err(|source| Error::Write { path: place.clone(), source })?;
        self.set_mode(&place, mode)?;
        if !is_library {
            self.programs.push(place);
        }
        Ok(())
    }

    /// The programs so far.
    pub fn programs(&self) -> Vec<PathBuf> {
        self.programs.clone()
    }

    /// The list of files: `path<TAB>mode<TAB>size<TAB>origin`, sorted.
    pub fn finish(self) -> Result<String, Error> {
        let line = |(path, entry): (&String, &Entry)| {
            format!("/{path}\t{}\t{}\t{}\n", entry.kind, entry.size, entry.origin)
        };
        Ok(self.entries.iter().map(line).collect())
    }

    fn enter(&mut self, path: &str, kind: String, size: u64, origin: &str) -> Result<PathBuf, Error> {
        let entry = Entry { kind, size, origin: origin.to_owned() };
        if let Some(before) = self.entries.insert(path.to_owned(), entry) {
            let (first, second) = (before.origin, origin.to_owned());
            return Err(Error::Twice { path: path.to_owned(), first, second });
        }
        if let Some(parent) = Path::new(path).parent() {
            self.folder(&parent.to_string_lossy())?;
        }
        Ok(self.root.join(path))
    }

    fn set_mode(&mut self, path: &Path, mode: u32) -> Result<(), Error> {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .map_err(|source| Error::Write { path: path.to_owned(), source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> (tempfile::TempDir, Tree) {
        let folder = tempfile::tempdir().unwrap();
        let tree = Tree::new(&folder.path().join("root")).unwrap();
        (folder, tree)
    }

    #[test]
    fn modes_are_fixed_and_every_file_has_an_origin() {
        let (folder, mut tree) = tree();
        let source = folder.path().join("source");
        std::fs::write(&source, "x").unwrap();
        std::fs::set_permissions(&source, std::fs::Permissions::from_mode(0o4777)).unwrap();
        tree.copy(&source, "etc/hosts", "overlay").unwrap();
        tree.program(&source, "usr/bin/weft-init", "components").unwrap();
        tree.program(&source, "usr/lib/x86_64-linux-gnu/libz.so.1", "zlib1g 1.3").unwrap();
        tree.link("bin", "usr/bin", "merged").unwrap();
        let mode = |path: &str| {
            std::fs::metadata(folder.path().join("root").join(path)).unwrap().permissions().mode() & 0o7777
        };
        assert_eq!((mode("etc/hosts"), mode("usr/bin/weft-init"), mode("etc")), (0o644, 0o755, 0o755));
        assert_eq!(
            tree.finish().unwrap(),
            "/bin\t-> usr/bin\t0\tmerged\n/etc/hosts\t0644\t1\toverlay\n/usr/bin/weft-init\t0755\t1\tcomponents\n\
             /usr/lib/x86_64-linux-gnu/libz.so.1\t0644\t1\tzlib1g 1.3\n"
        );
    }

    #[test]
    fn nothing_comes_from_two_places_and_no_script_gets_in() {
        let (_folder, mut tree) = tree();
        tree.write("etc/x", b"1", "one").unwrap();
        let error = tree.write("etc/x", b"2", "two").unwrap_err().to_string();
        assert!(error.contains("both one and two"), "{error}");
        let script = tree.write("usr/share/y", b"#!/bin/sh\n", "package").unwrap_err();
        assert!(matches!(script, Error::Executable { .. }));
    }
}
