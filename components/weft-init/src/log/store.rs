//! Files of whole lines, one for each service, each of bounded size with one predecessor.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Size at which a log becomes `<name>.log.1` and a new one begins, in bytes.
const ROTATE_AT: u64 = 1 << 20;
/// What is kept in memory for each log until the state partition is there, in bytes.
const HELD_LIMIT: usize = 256 << 10;

/// All logs. Until [`Store::open`] is told the folder, lines are held in memory.
#[derive(Debug, Default)]
pub struct Store {
    folder: Option<PathBuf>,
    logs: BTreeMap<String, Log>,
}

#[derive(Debug, Default)]
struct Log {
    held: Vec<u8>,
    lost: usize,
    file: Option<(File, u64)>,
}

impl Store {
    /// Appends whole lines to the log of that name. `Err` at the first line that a full or broken disk refuses; the lines are lost, because
    /// PID 1 must not stop for a log.
    pub fn append(&mut self, name: &str, lines: &[u8]) -> io::Result<()> {
        let log = self.logs.entry(name.to_owned()).or_default();
        match &self.folder {
            Some(folder) => log.write(folder, name, lines),
            None => {
                log.hold(lines);
                Ok(())
            }
        }
    }

    /// The folder is there: writes what was held and everything from now on.
    pub fn open(&mut self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        self.folder = Some(folder.to_owned());
        let mut outcome = Ok(());
        for (name, log) in &mut self.logs {
            let held = std::mem::take(&mut log.held);
            let written = log.write(folder, name, &held);
            outcome = outcome.and(written);
        }
        outcome
    }

    /// Closes every file, so that the partition can be unmounted; lines are held again.
    pub fn close(&mut self) {
        self.folder = None;
        self.logs.values_mut().for_each(|log| log.file = None);
    }
}

impl Log {
    fn hold(&mut self, lines: &[u8]) {
        if self.held.len() + lines.len() > HELD_LIMIT {
            self.lost += lines.len();
        } else {
            self.held.extend_from_slice(lines);
        }
    }

    fn write(&mut self, folder: &Path, name: &str, lines: &[u8]) -> io::Result<()> {
        let path = folder.join(format!("{name}.log"));
        if self.file.as_ref().is_some_and(|(_, size)| *size >= ROTATE_AT) {
            self.file = None;
            fs::rename(&path, folder.join(format!("{name}.log.1")))?;
        }
        if self.file.is_none() {
            let file = OpenOptions::new().append(true).create(true).open(&path)?;
            let size = file.metadata()?.len();
            self.file = Some((file, size));
        }
        let Some((file, size)) = &mut self.file else {
            return Ok(());
        };
        file.write_all(lines)?;
        *size += lines.len() as u64;
        if self.lost > 0 {
            let note = format!("({} bytes were lost here: the state partition came too late)\n", self.lost);
            self.lost = 0;
            file.write_all(note.as_bytes())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(folder: &Path, name: &str) -> String {
        fs::read_to_string(folder.join(name)).unwrap()
    }

    #[test]
    fn lines_before_the_partition_are_kept_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::default();
        store.append("a", b"early\n").unwrap();
        store.open(&folder.path().join("log")).unwrap();
        store.append("a", b"late\n").unwrap();
        assert_eq!(read(folder.path(), "log/a.log"), "early\nlate\n");
    }

    #[test]
    fn the_log_of_the_boot_before_survives() {
        let folder = tempfile::tempdir().unwrap();
        for boot in ["first\n", "second\n"] {
            let mut store = Store::default();
            store.open(folder.path()).unwrap();
            store.append("a", boot.as_bytes()).unwrap();
        }
        assert_eq!(read(folder.path(), "a.log"), "first\nsecond\n");
    }

    #[test]
    fn a_log_is_bounded_and_keeps_one_predecessor() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::default();
        store.open(folder.path()).unwrap();
        let line = [b'x'; 4096];
        for _ in 0..(3 * ROTATE_AT / 4096 + 10) {
            store.append("a", &line).unwrap();
        }
        let size = |name: &str| fs::metadata(folder.path().join(name)).unwrap().len();
        assert!(size("a.log") <= ROTATE_AT + 4096 && size("a.log.1") <= ROTATE_AT + 4096);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn memory_is_bounded_and_the_loss_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::default();
        store.append("a", &[b'x'; HELD_LIMIT]).unwrap();
        store.append("a", b"too much\n").unwrap();
        store.open(folder.path()).unwrap();
        assert!(
            read(folder.path(), "a.log")
                .ends_with("(9 bytes were lost here: the state partition came too late)\n")
        );
    }

    #[test]
    fn after_closing_nothing_is_open_there() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::default();
        store.open(folder.path()).unwrap();
        store.append("a", b"x\n").unwrap();
        store.close();
        assert!(store.logs.values().all(|log| log.file.is_none()));
    }
}
