//! ELF files: what they are and which shared objects they need (System V ABI, dynamic linking).

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a valid ELF file")]
    Parse { path: PathBuf, source: object::Error },
    #[error(
        "{needed_by} needs {library}, which no package of the sysroot has: add the package to image/packages.toml and run `cargo weft lock update`"
    )]
    Missing { library: String, needed_by: PathBuf },
}

/// What a dynamic loader has to find for a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The program loader, where the file is a dynamic program.
    pub interpreter: Option<String>,
    /// `DT_NEEDED` entries in order.
    pub libraries: Vec<String>,
}

/// Whether a file starts like an ELF file.
pub fn is_elf(contents: &[u8]) -> bool {
    contents.starts_with(&object::elf::ELFMAG)
}

/// What a 64-bit ELF file needs.
pub fn needs(contents: &[u8]) -> Result<Needs, object::Error> {
    let header = FileHeader64::<Endianness>::parse(contents)?;
    let endian = header.endian()?;
    let mut found = Needs::default();
    for segment in header.program_headers(endian, contents)? {
        if let Some(name) = segment.interpreter(endian, contents)? {
            found.interpreter = Some(String::from_utf8_lossy(name).into_owned());
        }
    }
    let sections = header.sections(endian, contents)?;
    if let Some((entries, strings)) = sections.dynamic(endian, contents)? {
        let strings = sections.strings(endian, contents, strings)?;
        for entry in entries.iter().filter(|entry| entry.tag32(endian) == Some(DT_NEEDED)) {
            let name = entry.string(endian, strings)?;
            found.libraries.push(String::from_utf8_lossy(name).into_owned());
        }
    }
    Ok(found)
}

/// Every shared object that the programs need, by name, with the file that provides it: the closure over `DT_NEEDED`.
pub fn closure(programs: &[PathBuf], folders: &[PathBuf]) -> Result<BTreeMap<String, PathBuf>, Error> {
    let mut found = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut pending = programs.to_vec();
    while let Some(path) = pending.pop() {
        if !seen.insert(path.clone()) {
            continue;
        }
        let needs = read_needs(&path)?;
        let interpreter = needs.interpreter.as_deref().and_then(|path| Path::new(path).file_name());
        let interpreter = interpreter.map(|name| name.to_string_lossy().into_owned());
        for library in needs.libraries.into_iter().chain(interpreter) {
            if found.contains_key(&library) {
                continue;
            }
            let provider = folders.iter().map(|folder| folder.join(&library)).find(|path| path.exists());
            let provider = provider
                .ok_or_else(|| Error::Missing { library: library.clone(), needed_by: path.clone() })?;
            pending.push(provider.clone());
            found.insert(library, provider);
        }
    }
    Ok(found)
}

fn read_needs(path: &Path) -> Result<Needs, Error> {
    let contents = std::fs::read(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    needs(&contents).map_err(|source| Error::Parse { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_needs_the_c_library_and_its_loader() {
        let this = std::env::current_exe().unwrap();
        let needs = read_needs(&this).unwrap();
        assert!(needs.libraries.iter().any(|library| library == "libc.so.6"), "{needs:?}");
        assert!(needs.interpreter.is_some_and(|path| path.contains("ld-linux")));
    }

    #[test]
    fn the_closure_follows_libraries_of_libraries() {
        let this = std::env::current_exe().unwrap();
        let folders = ["/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib64"].map(PathBuf::from);
        let found = closure(std::slice::from_ref(&this), &folders).unwrap();
        assert!(found.contains_key("libc.so.6"), "{found:?}");
        assert!(found.contains_key("ld-linux-x86-64.so.2"), "{found:?}");
        let error = closure(&[this], &[PathBuf::from("/nonexistent")]).unwrap_err().to_string();
        assert!(error.contains("no package of the sysroot has"), "{error}");
    }

    #[test]
    fn other_files_are_no_elf_files() {
        assert!(!is_elf(b"#!/bin/sh"));
        assert!(needs(b"\x7fELF and then nothing").is_err());
    }
}
