//! Every regular file of the root file system, with what makes one a program.

use crate::FileFacts;
use rustix::fs::lgetxattr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Program headers stand right behind the file header in everything that linkers make.
const HEAD: u64 = 4096;
/// ELF: the type of a program header that names an interpreter (`PT_INTERP`).
const PT_INTERP: u32 = 3;

/// The files below a folder, on its own file system only, sorted by path.
pub fn files(top: &str) -> io::Result<Vec<FileFacts>> {
    let device = std::fs::symlink_metadata(top)?.dev();
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::from(top)];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            let facts = std::fs::symlink_metadata(&path)?;
            if facts.is_dir() && facts.dev() == device {
                waiting.push(path);
            } else if facts.is_file() && facts.dev() == device {
                found.push(facts_of(&path, &facts)?);
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn facts_of(path: &Path, facts: &std::fs::Metadata) -> io::Result<FileFacts> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD).read_to_end(&mut head)?;
    let mut capability = [0_u8; 64];
    // No attribute, and no attributes at all, both mean no capability.
    let capability = lgetxattr(path, "security.capability", &mut capability[..]).is_ok();
    Ok(FileFacts {
        path: path.to_string_lossy().into_owned(),
        mode: facts.mode(),
        uid: facts.uid(),
        size: facts.size(),
        elf: is_loadable(&head),
        interpreter: has_interpreter(&head),
        script: head.starts_with(b"#!"),
        capability,
    })
}

/// ELF's `e_type`: `ET_EXEC` or `ET_DYN`. A relocatable file, such as precompiled Wasm, is nothing that the kernel starts.
fn is_loadable(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF") && matches!(head.get(16..18), Some([2 | 3, 0]))
}

/// ELF64, little-endian: `e_phoff` at 32, `e_phentsize` at 54, `e_phnum` at 56.
fn has_interpreter(head: &[u8]) -> bool {
    let half = |at: usize| {
        head.get(at..at + 2).map_or(0, |bytes| usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))
    };
    let word = |at: usize| {
        head.get(at..at + 4).map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    };
    let start = word(32).unwrap_or(0) as usize;
    head.starts_with(b"\x7fELF")
        && (0..half(56)).any(|index| word(start + index * half(54)) == Some(PT_INTERP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_scripts_are_told_from_the_rest() {
        let own = std::env::current_exe().unwrap();
        let own = facts_of(&own, &std::fs::metadata(&own).unwrap()).unwrap();
        assert!(own.elf && own.interpreter && !own.script && !own.capability);

        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/script"), "#!/bin/sh\n").unwrap();
        std::fs::write(folder.path().join("plain"), "").unwrap();
        let files = files(folder.path().to_str().unwrap()).unwrap();
        let seen: Vec<(bool, bool)> = files.iter().map(|file| (file.elf, file.script)).collect();
        assert_eq!(seen, [(false, true), (false, false)]);
    }
}
