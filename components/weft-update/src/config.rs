//! Where releases come from and when they may be taken: `update.toml`, of the state partition or, in its absence, of the image.

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The owner's file, below the device's own.
pub const PLACES: [&str; 2] = ["/state/update/update.toml", "/etc/weft/update.toml"];

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// `https://…`, `http://…` of a peer in the own network, `usb` for any stick that is plugged in, or the path of a folder.
    pub source: String,
    /// The only product whose releases are taken, such as `weft-kiosk`.
    pub product: String,
    /// Root certificates in PEM that https is checked by, in place of the image's.
    #[serde(default)]
    pub certificates: Option<PathBuf>,
    #[serde(default)]
    pub automatic: Option<Automatic>,
}

/// Taking releases without being asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Automatic {
    /// Hours of the day in UTC, `from` included, `to` not; a window may pass midnight. The device restarts only within it.
    pub from: u8,
    pub to: u8,
    /// Minutes between two looks at the source.
    #[serde(default = "an_hour")]
    pub every: u32,
}

fn an_hour() -> u32 {
    60
}

/// Why a file is not followed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}: {message}")]
    Parse { path: PathBuf, message: String },
    #[error("{path}: automatic.{field} is {value}, it must be {range}")]
    Automatic { path: PathBuf, field: &'static str, value: u32, range: &'static str },
    #[error("no update source: neither {} nor {} is there", PLACES[0], PLACES[1])]
    Missing,
}

impl Config {
    /// The first of the files that there is.
    pub fn find(places: &[impl AsRef<Path>]) -> Result<Self, Error> {
        for place in places {
            if let Some(config) = Self::read(place.as_ref())? {
                return Ok(config);
            }
        }
        Err(Error::Missing)
    }

    /// `None` where there is no such file.
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
        };
        let parsed = toml::from_str::<Self>(&text);
        let config = parsed.map_err(|e| Error::Parse { path: path.to_owned(), message: e.to_string() })?;
        config.check(path)?;
        Ok(Some(config))
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let Some(automatic) = self.automatic else { return Ok(()) };
        let wrong = |field, value, range| Error::Automatic { path: path.to_owned(), field, value, range };
        for (field, hour) in [("from", automatic.from), ("to", automatic.to)] {
            if hour > 24 {
                return Err(wrong(field, hour.into(), "an hour, 0 to 24"));
            }
        }
        match automatic.every {
            1..=10080 => Ok(()),
            every => Err(wrong("every", every, "minutes, 1 to 10080")),
        }
    }
}

impl Automatic {
    /// Whether an hour of the day (0 to 23, UTC) lies in the window; one from an hour to itself is the whole day.
    pub fn allows(&self, hour: u8) -> bool {
        let (from, to) = (self.from % 24, self.to % 24);
        if from < to { (from..to).contains(&hour) } else { hour >= from || hour < to }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Option<Config>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("update.toml");
        std::fs::write(&path, text).unwrap();
        Config::read(&path)
    }

    #[test]
    fn a_window_may_pass_midnight() {
        let window = |from, to| Automatic { from, to, every: 60 };
        let hours =
            |automatic: Automatic| (0..24).filter(|hour| automatic.allows(*hour)).collect::<Vec<u8>>();
        assert_eq!(hours(window(2, 5)), [2, 3, 4]);
        assert_eq!(hours(window(23, 1)), [0, 23]);
        assert_eq!(hours(window(22, 24)), [22, 23]);
        assert_eq!(hours(window(0, 24)).len(), 24);
    }

    #[test]
    fn the_readme_shows_a_file_that_parses() {
        let readme = include_str!("../README.md");
        let snippet = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
        let config = read(snippet).unwrap().unwrap();
        assert_eq!(config.automatic, Some(Automatic { from: 2, to: 5, every: 60 }));
        assert!(config.certificates.is_some());
    }

    #[test]
    fn wrong_files_say_what_is_wrong_where() {
        let text = "source = \"/media/usb\"\nproduct = \"weft-kiosk\"\n";
        assert_eq!(read(text).unwrap().unwrap().automatic, None);
        let error = read(&format!("{text}\n[automatic]\nfrom = 25\nto = 3\n")).unwrap_err().to_string();
        assert!(error.contains("automatic.from is 25"), "{error}");
        let error = read(&format!("{text}interval = 3\n")).unwrap_err().to_string();
        assert!(error.contains("line 3") && error.contains("interval"), "{error}");
    }
}
