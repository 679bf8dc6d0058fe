//! What appd does about sessions that are silent, slow or dead, and what it keeps of them.

mod harness;

use harness::{Appd, Client, wait_for};
use weft_ipc::appd::{AppState, CrashReport, Request, Response};

const APP: &str = "org.weft.test";
const PAGE: &str = "[ui]\nentry = \"ui/index.html\"";

fn reports(client: &mut Client, app: Option<&str>) -> Vec<CrashReport> {
    client.send(&Request::QueryCrashReports { app_id: app.map(str::to_owned) });
    client.expect("CRASH_REPORTS", |response| match response {
        Response::CrashReports { reports } => Some(reports.clone()),
        _ => None,
    })
}

/// The reports once there are some: the last lines of a dead process are read first.
fn reports_of(client: &mut Client, app: &str) -> Vec<CrashReport> {
    wait_for("crash reports", || Some(reports(client, Some(app))).filter(|reports| !reports.is_empty()))
}

#[test]
fn a_crash_is_reported_with_its_reason_limit_and_last_words_and_survives_a_restart() {
    let mut appd = Appd::start_fake(&[]);
    appd.install(APP, "", "print one\nprint two\nexit 11");
    let mut client = appd.client();
    let session = client.launch_only(APP);
    let found = reports_of(&mut client, APP);
    let first = found.last().unwrap();
    assert_eq!((first.session_id, first.process.as_str(), first.in_a_row), (session, "component", 1));
    assert_eq!(first.reason, "ended with exit code 11");
    assert_eq!(first.limits, ["runtime.limits.memory"]);
    assert_eq!(first.last_lines, ["component: one", "component: two"]);
    assert!(reports(&mut client, Some("org.weft.other")).is_empty());
    appd.install(APP, "", "wait");

    appd.restart();
    let again = reports_of(&mut appd.client(), APP);
    assert!(again.contains(first), "{again:?}");
}

#[test]
fn a_component_that_was_silent_for_too_long_is_started_again() {
    let appd = Appd::start_fake(&[]);
    // What the runtime does when its watchdog bites.
    appd.install(APP, "[runtime.limits]\nwatchdog_secs = 1", "argument --watchdog-secs 1\nexit 19");
    let mut client = appd.client();
    let session = client.launch_only(APP);
    let found = reports_of(&mut client, APP);
    assert_eq!(found[0].limits, ["runtime.limits.watchdog_secs"]);
    let next = client.expect("the next session", |response| match response {
        Response::RunningApps { sessions } => {
            sessions.iter().map(|app| app.session_id).find(|id| *id != session)
        }
        _ => None,
    });
    assert!(next > session);
}

#[test]
fn what_is_not_ready_in_time_is_ended_reported_and_tried_again() {
    let appd = Appd::start_fake(&[("WEFT_READY_SECS", "1")]);
    appd.install(APP, "", "print slow\nwait");
    let mut client = appd.client();
    let session = client.launch_only(APP);
    let (code, message) = client.error();
    assert!(code == 500 && message.contains("its component was not ready within 1s"), "{code} {message}");
    assert_eq!(reports_of(&mut client, APP)[0].reason, "was not ready within 1s");
    let next = client.expect("the next session", |response| match response {
        Response::RunningApps { sessions } => {
            sessions.iter().map(|app| app.session_id).find(|id| *id != session)
        }
        _ => None,
    });
    assert!(next > session);
}

#[test]
fn a_thousand_sessions_leave_nothing_behind() {
    const CYCLES: usize = 1000;
    let appd = Appd::start_fake(&[("WEFT_LOG", "warn")]);
    appd.install(APP, PAGE, "ready\nwait");
    let mut client = appd.client();
    let mut cycle = || {
        let session = client.launch(APP);
        client.send(&Request::TerminateApp { session_id: session });
        client.expect("the end of the session", |response| {
            (*response == Response::AppState { session_id: session, state: AppState::Stopped }).then_some(())
        });
    };
    // What is set up once is set up now.
    (0..20).for_each(|_| cycle());
    let before = (appd.descriptors(), appd.resident_kib(), files(&appd), cgroups());
    (20..CYCLES).for_each(|_| cycle());
    wait_for("end of all children", || appd.children().is_empty().then_some(()));
    wait_for("as few descriptors as before", || (appd.descriptors() <= before.0).then_some(()));
    let after = (appd.descriptors(), appd.resident_kib(), files(&appd), cgroups());
    assert!(after.1 < before.1 + 2048, "memory: {before:?} then {after:?}");
    assert_eq!(after.2, before.2, "files of sessions");
    assert!(after.3 <= before.3, "cgroups: {before:?} then {after:?}");
    assert!(appd.processes("fake_runtime").is_empty() && appd.processes("fake_shell").is_empty());
}

/// Files in appd's own folders; those of the fake pages are the tests' own.
fn files(appd: &Appd) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut folders = vec![appd.folder.path().join("run"), appd.folder.path().join("home")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => all.push(entry.path().display().to_string()),
            }
        }
    }
    all.sort();
    all
}

/// Cgroups of sessions below this process's own.
fn cgroups() -> usize {
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let entries = std::fs::read_dir(std::path::Path::new("/sys/fs/cgroup").join(own)).into_iter().flatten();
    entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with("session-")).count()
}
