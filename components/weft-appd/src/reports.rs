//! Crash reports: what is known about sessions that ended as they should not have. They are files, one a report, so that they are still
//! there after a restart; the oldest go when there are too many.

use std::path::{Path, PathBuf};
use weft_ipc::appd::CrashReport;

/// Reports that are kept. With [`crate::record`]'s limits all of them fit into one answer.
const MAX_REPORTS: usize = 32;
/// A report that is larger was not written by appd.
const MAX_BYTES: u64 = 128 << 10;

/// The folder of the reports.
#[derive(Debug)]
pub struct Reports {
    folder: Option<PathBuf>,
    last_id: u64,
}

impl Reports {
    /// Without a folder nothing is kept.
    pub fn new(folder: Option<PathBuf>) -> Self {
        let last_id = folder.as_deref().map(numbers).unwrap_or_default().last().copied().unwrap_or(0);
        Self { folder, last_id }
    }

    /// Keeps a report, under a number of its own.
    pub fn keep(&mut self, mut report: CrashReport) {
        self.last_id += 1;
        report.report_id = self.last_id;
        let Some(folder) = &self.folder else { return };
        let text = match serde_json::to_vec(&report) {
            Ok(text) => text,
            Err(error) => return tracing::error!("a crash report cannot be written down: {error}"),
        };
        let kept = std::fs::create_dir_all(folder).map_err(|error| error.to_string()).and_then(|()| {
            weft_file::write_atomic(&path(folder, self.last_id), &text, 0o600)
                .map_err(|error| error.to_string())
        });
        if let Err(error) = kept {
            tracing::warn!("a crash report is lost, ignoring: {error}");
        }
        let numbers = numbers(folder);
        for old in numbers.iter().take(numbers.len().saturating_sub(MAX_REPORTS)) {
            if let Err(error) = std::fs::remove_file(path(folder, *old)) {
                tracing::warn!("an old crash report stays, ignoring: {error}");
            }
        }
    }

    /// The reports of an app, or of all, the newest first. A damaged one is passed over.
    pub fn list(&self, app: Option<&str>) -> Vec<CrashReport> {
        let Some(folder) = &self.folder else { return Vec::new() };
        let reports = numbers(folder).into_iter().rev().take(MAX_REPORTS);
        let reports = reports.filter_map(|number| read(&path(folder, number)));
        reports.filter(|report| app.is_none_or(|app| report.app_id == app)).collect()
    }
}

fn read(path: &Path) -> Option<CrashReport> {
    let sized = path.symlink_metadata().is_ok_and(|file| file.is_file() && file.len() <= MAX_BYTES);
    let report = sized.then(|| std::fs::read(path).ok()).flatten();
    let report = report.and_then(|text| serde_json::from_slice(&text).ok());
    if report.is_none() {
        tracing::warn!("the crash report {} is damaged, ignoring", path.display());
    }
    report
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number}.json"))
}

/// The numbers of the reports that there are, the smallest first.
fn numbers(folder: &Path) -> Vec<u64> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut numbers: Vec<u64> = names.filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
    numbers.sort_unstable();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(app: &str, line: &str) -> CrashReport {
        CrashReport {
            report_id: 0,
            app_id: app.to_owned(),
            session_id: 1,
            time: 2,
            process: "component".to_owned(),
            reason: "was killed by signal 9".to_owned(),
            limits: vec![],
            in_a_row: 1,
            last_lines: vec![line.to_owned(); crate::record::LINES],
        }
    }

    #[test]
    fn reports_survive_and_only_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("reports");
        let mut reports = Reports::new(Some(folder.clone()));
        for number in 0..50 {
            reports.keep(report(if number % 2 == 0 { "org.weft.a" } else { "org.weft.b" }, "x"));
        }
        let again = Reports::new(Some(folder.clone()));
        let ids: Vec<u64> = again.list(None).iter().map(|report| report.report_id).collect();
        assert_eq!(ids, (19..=50).rev().collect::<Vec<_>>());
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), MAX_REPORTS);
        assert_eq!(again.list(Some("org.weft.b")).len(), MAX_REPORTS / 2);
        std::fs::write(folder.join("50.json"), "{").unwrap();
        assert_eq!(again.list(None).len(), MAX_REPORTS - 1);
        let mut again = again;
        again.keep(report("org.weft.c", "x"));
        assert_eq!(again.list(None)[0].report_id, 51, "no number is used twice");
    }

    #[test]
    fn the_largest_reports_fit_into_one_answer() {
        let folder = tempfile::tempdir().unwrap();
        let mut reports = Reports::new(Some(folder.path().join("reports")));
        let long_id = format!("org.weft.{}", "a".repeat(200));
        for _ in 0..MAX_REPORTS {
            reports.keep(report(&long_id, &"\"".repeat(crate::record::LINE)));
        }
        let all = weft_ipc::appd::Response::CrashReports { reports: reports.list(None) };
        assert_eq!(reports.list(None).len(), MAX_REPORTS);
        let json = serde_json::to_vec(&all).unwrap();
        assert!(json.len() < weft_ipc::websocket::MAX_MESSAGE_LEN, "{}", json.len());
        assert!(weft_ipc::frame::encode(&all).unwrap().len() < crate::clients::MAX_PENDING_BYTES);
    }
}
