//! The number, and its file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A number that outlives the component.
pub struct Count {
    value: i64,
    file: PathBuf,
}

impl Count {
    /// The saved number; 0 where none was saved yet or it cannot be read.
    pub fn load(file: &Path) -> Self {
        let value = match std::fs::read_to_string(file) {
            Ok(text) => text.trim().parse().unwrap_or_else(|_| {
                eprintln!("{} holds no number, starting at 0", file.display());
                0
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => {
                eprintln!("{} cannot be read, starting at 0: {error}", file.display());
                0
            }
        };
        Self { value, file: file.to_owned() }
    }

    pub fn value(&self) -> i64 {
        self.value
    }

    /// Changes and saves the number; the file holds the old one or the new one, whenever the power fails.
    pub fn set(&mut self, value: i64) -> io::Result<()> {
        self.value = value;
        let temporary = self.file.with_extension("new");
        let mut file = File::create(&temporary)?;
        writeln!(file, "{value}")?;
        file.sync_all()?;
        std::fs::rename(&temporary, &self.file)
    }
}
