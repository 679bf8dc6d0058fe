//! The system's status for everybody who connects: put together from PID 1's report, the boot record, what an update is at, and the
//! boot loader's entries; told anew at every change.

use super::keep::{exhausted, is_kept};
use crate::state::{Phase, Status as UpdateStatus};
use std::io::{self, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use weft_ipc::line::Line;
use weft_ipc::update::{Failure, Progress, Status, Trial};
use weft_state::boot::{Outcome, Record, panicked};
use weft_state::health::Report;

/// Connections at a time: appd, and a few people with tools.
const CLIENT_LIMIT: usize = 16;

/// Clones are the same board.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    parts: Parts,
    /// What was told last; empty until there is something to tell.
    line: String,
    clients: Vec<UnixStream>,
}

/// What the status is made of.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    pub report: Option<Report>,
    pub record: Option<Record>,
    pub update: UpdateStatus,
    /// Names of the boot loader's entries.
    pub entries: Vec<String>,
}

impl Parts {
    /// `None` until PID 1 has said how the system is.
    pub fn status(&self) -> Option<Status> {
        let report = self.report.as_ref()?;
        let progress =
            self.update.progress.map(|progress| Progress { done: progress.done, total: progress.total });
        Some(Status {
            version: report.boot.version.clone(),
            slot: report.boot.slot.clone(),
            trial: match (&report.boot.outcome, is_kept(report)) {
                (Outcome::Good, _) => Trial::Good,
                (_, false) => Trial::Running,
                (_, true) => Trial::None,
            },
            // Nobody is alarmed by what PID 1 does not know yet.
            state_kept: report.state_kept.unwrap_or(true),
            repaired: report.repaired,
            phase: phase(self.update.phase).to_owned(),
            target: self.update.version.clone(),
            progress,
            error: self.update.error.clone(),
            failure: self.failure(report),
        })
    }

    /// What PID 1 wrote down; else what the boot loader's names tell of a release that never got that far.
    fn failure(&self, report: &Report) -> Option<Failure> {
        let record = self.record.as_ref();
        let known = record.and_then(|record| record.failure.as_ref());
        let known =
            known.map(|known| Failure { version: known.version.clone(), reason: known.reason.clone() });
        let Some(entry) = exhausted(&self.entries, &report.boot.slot) else { return known };
        let version = entry.version.to_string();
        if known.as_ref().is_some_and(|known| known.version == version) {
            return known;
        }
        let what = if entry.kept { "it stopped starting" } else { "it never came up" };
        let panic = record.and_then(|record| record.panic.as_ref());
        let reason = match panic {
            Some(words) => format!("{what}: {}", panicked(words)),
            None => what.to_owned(),
        };
        Some(Failure { version, reason })
    }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Idle => "idle",
        Phase::Available => "available",
        Phase::Downloading => "downloading",
        Phase::Staged => "staged",
        Phase::Activated => "activated",
    }
}

impl Board {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_report(&self, report: &Report) {
        self.change(|parts| parts.report = Some(report.clone()));
    }

    /// Whether the boot before this one ended in a kernel's panic.
    pub fn panicked_before(&self) -> bool {
        self.lock().parts.record.as_ref().is_some_and(|record| record.panic.is_some())
    }

    /// Changes parts, and tells everybody where the status is another one now.
    pub fn change(&self, change: impl FnOnce(&mut Parts)) {
        let mut inner = self.lock();
        change(&mut inner.parts);
        let Some(line) = inner.parts.status().map(|status| status.to_line()) else { return };
        if line != inner.line {
            inner.clients.retain_mut(|client| tell(client, &line).is_ok());
            inner.line = line;
        }
    }

    /// Takes connections for ever, in a thread of its own.
    pub fn serve(&self, listener: UnixListener) -> io::Result<()> {
        let board = self.clone();
        let accept = move || {
            for mut client in listener.incoming().flatten() {
                let mut inner = board.lock();
                let line = inner.line.clone();
                if client.set_nonblocking(true).and_then(|()| tell(&mut client, &line)).is_ok() {
                    inner.clients.push(client);
                    let excess = inner.clients.len().saturating_sub(CLIENT_LIMIT);
                    inner.clients.drain(..excess);
                }
            }
        };
        std::thread::Builder::new().name("board".to_owned()).spawn(accept).map(drop)
    }
}

/// A client that does not read loses its connection, and may come again.
fn tell(client: &mut UnixStream, line: &str) -> io::Result<()> {
    client.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::super::tests::report;
    use super::*;
    use std::io::{BufRead, BufReader};
    use weft_state::boot::Failure as RecordedFailure;

    fn parts(entries: &[&str], record: Option<Record>) -> Parts {
        let entries = entries.iter().map(|name| (*name).to_owned()).collect();
        Parts { report: Some(report("a", false)), record, entries, ..Parts::default() }
    }

    fn record(failure: Option<(&str, &str)>, panic: Option<&str>) -> Record {
        let current = report("a", false).boot;
        let failure = failure.map(|(version, reason)| RecordedFailure {
            slot: "b".into(),
            version: version.into(),
            reason: reason.into(),
        });
        Record { current, last_end: None, panic: panic.map(str::to_owned), failure }
    }

    #[test]
    fn why_a_release_failed_is_told_however_far_it_got() {
        let reason =
            |parts: Parts| parts.status().unwrap().failure.map(|failure| (failure.version, failure.reason));
        let entries = ["weft-a_1.0.0.efi", "weft-b_2.0.0+0-3.efi"];
        let written = record(Some(("2.0.0", "the screen is blank")), None);
        assert_eq!(
            reason(parts(&entries, Some(written))),
            Some(("2.0.0".into(), "the screen is blank".into()))
        );
        let panicked = record(Some(("1.5.0", "long ago")), Some("VFS: Unable to mount root fs"));
        let (version, text) = reason(parts(&entries, Some(panicked))).unwrap();
        assert!(
            version == "2.0.0" && text.contains("never came up") && text.contains("VFS: Unable"),
            "{text}"
        );
        let rotten = ["weft-a_1.0.0_kept+2-1.efi", "weft-b_2.0.0_kept+0-3.efi"];
        let (version, text) = reason(parts(&rotten, Some(record(None, None)))).unwrap();
        assert_eq!((version.as_str(), text.as_str()), ("2.0.0", "it stopped starting"));
        assert_eq!(reason(parts(&["weft-a_1.0.0.efi"], Some(record(None, None)))), None);
    }

    #[test]
    fn a_release_that_was_good_before_is_on_no_trial() {
        let trial = |counted: &str| {
            let mut parts = parts(&[], None);
            let report = parts.report.as_mut().unwrap();
            report.counted = Some(format!("\\EFI\\Linux\\{counted}"));
            parts.status().unwrap().trial
        };
        assert_eq!(trial("weft-a_2.0.0+2-1.efi"), Trial::Running);
        assert_eq!(trial("weft-a_2.0.0_kept+2-1.efi"), Trial::None);
    }

    #[test]
    fn everybody_hears_the_status_at_once_and_every_change_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("update.sock");
        let board = Board::default();
        board.serve(UnixListener::bind(&path).unwrap()).unwrap();
        let mut client = BufReader::new(UnixStream::connect(&path).unwrap());
        // Of a system that PID 1 has not described yet, nobody hears anything, least of all that its state is lost.
        board.change(|parts| parts.entries = vec!["weft-a_1.0.0.efi".to_owned()]);
        board.set_report(&report("a", true));
        let mut next = || {
            let mut line = String::new();
            client.read_line(&mut line).unwrap();
            Status::from_line(&line).unwrap()
        };
        let first = next();
        assert_eq!((first.trial, first.repaired, first.state_kept), (Trial::Running, 0, true));
        board.set_report(&report("a", true));
        board.change(|parts| parts.update.phase = Phase::Downloading);
        assert_eq!(next().phase, "downloading");
        board.set_report(&Report { repaired: 2, ..report("a", true) });
        assert_eq!(next().repaired, 2);
    }
}
