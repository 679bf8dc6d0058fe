//! The times that the clock cannot be before or after, whatever the hardware clock or a time server says.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A device does not run longer than this with one image; a clock beyond it is as wrong as one in 1970.
const LIFETIME: Duration = Duration::from_secs(15 * 365 * 24 * 60 * 60);
/// 2025-01-01: nothing here is older.
const OLDEST: Duration = Duration::from_secs(1_735_689_600);

/// The bounds, and the file that keeps the lower one.
#[derive(Debug, Clone)]
pub struct Floor {
    path: PathBuf,
    built: Duration,
    seen: Duration,
}

impl Floor {
    /// `built` is the file with the image's build time, `seen` that with the last time that was known to be right; seconds since 1970 in
    /// digits. What cannot be read is said, and does not count.
    pub fn read(built: &Path, seen: &Path) -> Self {
        let mut floor = Self { path: seen.to_owned(), built: OLDEST, seen: OLDEST };
        match seconds(built) {
            Ok(Some(time)) => floor.built = time.max(OLDEST),
            Ok(None) => {}
            Err(why) => tracing::warn!("{}: {why}, ignoring", built.display()),
        }
        match seconds(seen) {
            Ok(Some(time)) if time <= floor.ceiling() => floor.seen = time,
            Ok(Some(_)) => tracing::warn!("{}: it lies in a far future, ignoring", seen.display()),
            Ok(None) => {}
            Err(why) => tracing::warn!("{}: {why}, ignoring", seen.display()),
        }
        floor
    }

    /// The earliest time that the clock can have.
    pub fn earliest(&self) -> Duration {
        self.built.max(self.seen)
    }

    /// The latest.
    pub fn ceiling(&self) -> Duration {
        self.built + LIFETIME
    }

    pub fn allows(&self, time: Duration) -> bool {
        (self.earliest()..=self.ceiling()).contains(&time)
    }

    /// Keeps a time that is known to be right.
    pub fn keep(&mut self, time: Duration) {
        if time < self.earliest() || time > self.ceiling() {
            return;
        }
        self.seen = Duration::from_secs(time.as_secs());
        let text = format!("{}\n", self.seen.as_secs());
        if let Err(error) = weft_file::write_atomic(&self.path, text.as_bytes(), 0o644) {
            tracing::error!("the time is not kept for the next start: {error}");
        }
    }
}

fn seconds(path: &Path) -> Result<Option<Duration>, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => match text.trim().parse() {
            Ok(seconds) => Ok(Some(Duration::from_secs(seconds))),
            Err(_) => Err("it does not hold seconds since 1970".to_owned()),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT: u64 = 1_790_000_000;

    fn floor(seen: &str) -> (Floor, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("built"), format!("{BUILT}\n")).unwrap();
        if !seen.is_empty() {
            std::fs::write(path("seen"), seen).unwrap();
        }
        (Floor::read(&path("built"), &path("seen")), folder)
    }

    #[test]
    fn the_later_of_both_times_counts_and_a_damaged_or_absurd_one_does_not() {
        for (seen, earliest) in [
            ("", BUILT),
            ("1780000000", BUILT),
            ("1791000000\n", 1_791_000_000),
            ("tomorrow", BUILT),
            ("4070908800", BUILT),
            ("-5", BUILT),
            ("99999999999999999999999", BUILT),
        ] {
            assert_eq!(floor(seen).0.earliest().as_secs(), earliest, "{seen}");
        }
    }

    #[test]
    fn a_kept_time_is_the_floor_of_the_next_start() {
        let (mut floor, folder) = floor("");
        floor.keep(Duration::from_millis(1_795_000_000_900));
        floor.keep(Duration::from_secs(1_794_000_000));
        floor.keep(Duration::from_secs(4_070_908_800));
        let next = Floor::read(&folder.path().join("built"), &folder.path().join("seen"));
        assert_eq!(next.earliest().as_secs(), 1_795_000_000);
        assert!(
            !next.allows(Duration::from_secs(1_794_999_999))
                && next.allows(Duration::from_secs(1_795_000_000))
        );
    }
}
