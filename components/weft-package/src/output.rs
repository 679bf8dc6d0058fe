//! Files that commands make for a person: whole or not at all.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Writes a file through a temporary one beside it; what was there under the name is replaced only by a finished one.
pub(crate) fn write_with<E>(
    path: &Path,
    failed: impl Fn(io::Error) -> E,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), E>,
) -> Result<(), E> {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(name);
    let outcome = (|| {
        let mut file = File::create(&temporary).map_err(&failed)?;
        fill(&mut file)?;
        file.sync_all().map_err(&failed)?;
        std::fs::rename(&temporary, path).map_err(&failed)
    })();
    if outcome.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&temporary);
    }
    outcome
}

/// A folder for what only this process needs for a moment, removed with it.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn create() -> io::Result<Self> {
        let base = std::env::temp_dir();
        for attempt in 0..64 {
            let nanos = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |elapsed| elapsed.subsec_nanos());
            let path = base.join(format!("weft-package-{}-{nanos:08x}-{attempt}", std::process::id()));
            // Fails when the name is taken, also by a link: nobody can lead us elsewhere.
            match rustix::fs::mkdir(&path, rustix::fs::Mode::RWXU) {
                Ok(()) => return Ok(Self(path)),
                Err(rustix::io::Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left-overs in the temporary folder harm nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
