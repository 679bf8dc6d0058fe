//! How boots go: `/state/update/boot.json`. PID 1 writes it, when the partition is mounted and on the way down; everybody may read it.

use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// Below the folder where the state partition is mounted.
pub const FILE: &str = "update/boot.json";
/// Characters of a reason that are kept.
pub const REASON_LIMIT: usize = 200;
/// A longer file is none of ours.
const FILE_LIMIT: u64 = 16 << 10;

/// What is known about boots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The boot that runs, or ran last.
    pub current: Boot,
    /// How the boot before it ended, where that was no shutdown.
    #[serde(default)]
    pub last_end: Option<String>,
    /// The last words of a kernel that panicked before this boot.
    #[serde(default)]
    pub panic: Option<String>,
    /// The release that failed last, on trial or so that it was restarted, until another one was found good.
    #[serde(default)]
    pub failure: Option<Failure>,
}

/// One boot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boot {
    /// The kernel's `boot_id`.
    pub id: String,
    /// `a` or `b`.
    pub slot: String,
    pub version: String,
    /// The boot loader counts the tries of this release, and it was not found good at an earlier boot.
    pub on_trial: bool,
    pub outcome: Outcome,
}

/// How a boot went so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is decided. Found at the next boot, it ended without a shutdown.
    Running,
    /// Found good, and running.
    Good,
    /// Found broken.
    Failed(String),
    /// Shut down in order.
    Ended,
}

/// A release that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub slot: String,
    pub version: String,
    pub reason: String,
}

/// What the machine itself kept of the boot before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The kernel's last words, where it panicked.
    pub panic: Option<String>,
    /// The hardware watchdog started this boot.
    pub watchdog: bool,
}

/// Why there is no record.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: io::Error },
    #[error("{path} is damaged: {reason}")]
    Damaged { path: PathBuf, reason: String },
    #[error("cannot make the folder {path}: {source}")]
    Folder { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Write(#[from] weft_file::Error),
}

impl Record {
    /// The record of a boot that begins, after what is known of the one before.
    pub fn begin(before: Option<Self>, current: Boot, evidence: Evidence) -> Self {
        let Some(before) = before else {
            return Self { current, last_end: None, panic: evidence.panic, failure: None };
        };
        let cause = || match (&evidence.panic, evidence.watchdog) {
            (Some(words), _) => panicked(words),
            (None, true) => "the system hung, and the hardware watchdog restarted it".to_owned(),
            (None, false) => "it ended without a shutdown: a power cut, a reset, or a crash".to_owned(),
        };
        let last_end = match &before.current.outcome {
            Outcome::Ended => None,
            Outcome::Failed(reason) => Some(reason.clone()),
            Outcome::Running | Outcome::Good => Some(cause()),
        };
        let Boot { slot, version, on_trial, outcome, .. } = before.current;
        // A release that was found good once, and then lost its power, did not fail.
        let failed = matches!(outcome, Outcome::Failed(_)) || on_trial && outcome != Outcome::Good;
        // Of a release that is kept, one bad boot means nothing once it runs again.
        let is_over = |failure: &Failure| {
            !current.on_trial && failure.version == current.version && failure.slot == current.slot
        };
        let failure = last_end
            .clone()
            .filter(|_| failed)
            .map(|reason| Failure { slot, version, reason: shorten(&reason) })
            .or(before.failure.filter(|failure| !is_over(failure)));
        Self { current, last_end: last_end.as_deref().map(shorten), panic: evidence.panic, failure }
    }

    /// The boot was found good: what failed before is forgotten where this was a release on trial.
    pub fn good(&mut self) {
        self.current.outcome = Outcome::Good;
        if self.current.on_trial {
            self.failure = None;
        }
    }

    pub fn failed(&mut self, reason: &str) {
        self.current.outcome = Outcome::Failed(shorten(reason));
    }

    /// The way down has begun; a failure stays one.
    pub fn ended(&mut self) {
        if !matches!(self.current.outcome, Outcome::Failed(_)) {
            self.current.outcome = Outcome::Ended;
        }
    }

    /// `None` where nothing was ever written.
    pub fn load(state: &Path) -> Result<Option<Self>, Error> {
        use std::io::Read;
        let path = state.join(FILE);
        let mut text = String::new();
        let read =
            std::fs::File::open(&path).and_then(|file| file.take(FILE_LIMIT).read_to_string(&mut text));
        match read {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Read { path, source }),
        }
        serde_json::from_str(&text)
            .map(Some)
            .map_err(|error| Error::Damaged { path, reason: error.to_string() })
    }

    pub fn store(&self, state: &Path) -> Result<(), Error> {
        let path = state.join(FILE);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::Folder { path: folder.to_owned(), source })?;
        }
        let text = serde_json::to_vec(self)
            .map_err(|error| Error::Damaged { path: path.clone(), reason: error.to_string() })?;
        Ok(weft_file::write_atomic(&path, &text, 0o644)?)
    }
}

/// What a kernel's last words mean. dm-verity's are the only ones that the storage is to blame for.
pub fn panicked(words: &str) -> String {
    let damaged =
        if words.starts_with("dm-verity device") { "its slot is damaged beyond repair, and " } else { "" };
    format!("{damaged}the kernel panicked: {words}")
}

/// One line of bounded length: reasons come from programs that may say anything.
pub fn shorten(reason: &str) -> String {
    reason.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(REASON_LIMIT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(slot: &str, version: &str, on_trial: bool) -> Boot {
        Boot {
            id: format!("{slot}{version}"),
            slot: slot.into(),
            version: version.into(),
            on_trial,
            outcome: Outcome::Running,
        }
    }

    fn begin(before: Option<Record>, current: Boot) -> Record {
        Record::begin(before, current, Evidence::default())
    }

    fn reason(record: &Record) -> Option<&str> {
        record.failure.as_ref().map(|failure| failure.reason.as_str())
    }

    #[test]
    fn the_reason_of_a_failed_release_is_found_by_the_one_that_runs_then() {
        let mut new = begin(None, boot("b", "2.0.0", true));
        new.failed("weft-compositor is restarting");
        new.ended();
        let old = begin(Some(new), boot("a", "1.0.0", false));
        let failure = old.failure.clone().unwrap();
        assert_eq!((failure.version.as_str(), failure.slot.as_str()), ("2.0.0", "b"));
        assert_eq!(reason(&old), Some("weft-compositor is restarting"));
        let mut again = begin(Some(old), boot("a", "1.0.0", false));
        again.good();
        assert_eq!(reason(&again), Some("weft-compositor is restarting"), "a release that was good before");
        again.ended();
        let mut next = begin(Some(again), boot("b", "3.0.0", true));
        next.good();
        assert_eq!(reason(&next), None);
    }

    #[test]
    fn a_boot_that_ended_without_a_shutdown_has_a_cause() {
        let before = begin(None, boot("b", "2.0.0", true));
        let with = |evidence| Record::begin(Some(before.clone()), boot("b", "2.0.0", true), evidence);
        let panic = with(Evidence { panic: Some("Attempted to kill init!".into()), watchdog: true });
        assert_eq!(reason(&panic), Some("the kernel panicked: Attempted to kill init!"));
        let rotten = with(Evidence { panic: Some("dm-verity device corrupted".into()), watchdog: true });
        assert!(reason(&rotten).unwrap().starts_with("its slot is damaged beyond repair, and the kernel"));
        assert!(reason(&with(Evidence { panic: None, watchdog: true })).unwrap().contains("watchdog"));
        assert!(reason(&with(Evidence::default())).unwrap().contains("without a shutdown"));
    }

    #[test]
    fn a_power_cut_is_no_failure_of_a_good_release() {
        let mut before = begin(None, boot("a", "1.0.0", true));
        before.good();
        let after = begin(Some(before), boot("a", "1.0.0", false));
        assert_eq!(after.failure, None);
        assert!(after.last_end.unwrap().contains("power cut"));
        let mut stopped = begin(None, boot("a", "1.0.0", true));
        stopped.ended();
        let after = begin(Some(stopped), boot("a", "1.0.0", true));
        assert_eq!((after.failure, after.last_end), (None, None));
    }

    #[test]
    fn a_kept_release_that_was_restarted_says_why_until_it_runs_again() {
        let mut broken = begin(None, boot("b", "2.0.0", false));
        broken.failed("weft-compositor is restarting");
        let again = begin(Some(broken), boot("b", "2.0.0", false));
        assert_eq!(reason(&again), Some("weft-compositor is restarting"));
        let fallen = begin(Some(again.clone()), boot("a", "1.0.0", false));
        assert_eq!(reason(&fallen), Some("weft-compositor is restarting"), "the other slot's release runs");
        let mut well = again;
        well.ended();
        assert_eq!(reason(&begin(Some(well), boot("b", "2.0.0", false))), None);
    }

    #[test]
    fn the_record_survives_the_disk_and_damage_is_named() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(Record::load(state.path()).unwrap(), None);
        let mut record = begin(None, boot("a", "1.0.0", true));
        record.failed("a\nb");
        record.store(state.path()).unwrap();
        assert_eq!(Record::load(state.path()).unwrap(), Some(record.clone()));
        assert_eq!(record.current.outcome, Outcome::Failed("a b".into()));
        std::fs::write(state.path().join(FILE), "{").unwrap();
        assert!(Record::load(state.path()).unwrap_err().to_string().contains("boot.json is damaged"));
    }
}
