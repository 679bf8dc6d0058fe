//! appd as its clients, its apps' pages and its operator meet it.

mod harness;

use harness::{Appd, COUNTER, Client, kill, signal, wait_for};
use rustix::process::Signal;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant, SystemTime};
use weft_ipc::appd::{AppState, Request, Response};

fn stopped(client: &mut Client, session: u64) {
    client.expect("the end of the session", |response| {
        (*response == Response::AppState { session_id: session, state: AppState::Stopped }).then_some(())
    });
}

fn nothing_left(appd: &Appd) {
    wait_for("end of all processes", || {
        ["weft-runtime", "fake_shell", "sleep"]
            .iter()
            .all(|name| appd.processes(name).is_empty())
            .then_some(())
    });
}

#[test]
fn the_page_counts_with_its_component_and_the_count_survives_a_crash() {
    let appd = Appd::start(&[]);
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    let mut page = appd.page(session);
    assert_eq!(page.ask(r#"{"op":"get"}"#), r#"{"count":0}"#);
    for expected in 1..=3 {
        assert_eq!(page.ask(r#"{"op":"inc"}"#), format!(r#"{{"count":{expected}}}"#));
    }
    let runtimes = appd.processes("weft-runtime");
    assert_eq!(runtimes.len(), 1);
    kill(runtimes[0]);

    stopped(&mut client, session);
    let next = client.ready(COUNTER);
    assert_ne!(next, session);
    assert_eq!(appd.page(next).ask(r#"{"op":"get"}"#), r#"{"count":3}"#);
    assert_eq!(appd.data("org.weft.demo.counter/count").as_deref(), Some("3\n"));
    assert_eq!(appd.processes("fake_shell").len(), 1, "the first page is gone");
}

#[test]
fn a_dead_page_comes_back_with_its_component() {
    let appd = Appd::start(&[]);
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    appd.page(session).ask(r#"{"op":"inc"}"#);
    let before = appd.processes("weft-runtime");
    kill(appd.processes("fake_shell")[0]);
    let next = client.ready(COUNTER);
    assert_eq!(appd.page(next).ask(r#"{"op":"get"}"#), r#"{"count":1}"#);
    assert!(!appd.processes("weft-runtime").contains(&before[0]));
}

#[test]
fn a_persons_wish_to_end_a_session_is_final() {
    let appd = Appd::start(&[]);
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    client.send(&Request::TerminateApp { session_id: session });
    stopped(&mut client, session);
    nothing_left(&appd);
    std::thread::sleep(Duration::from_millis(500));
    client.send(&Request::QueryRunning);
    client.expect("nothing runs", |response| {
        (*response == Response::RunningApps { sessions: vec![] }).then_some(())
    });
    client.send(&Request::QueryAppState { session_id: session });
    client.expect("not found", |response| {
        (*response == Response::AppState { session_id: session, state: AppState::NotFound }).then_some(())
    });
}

#[test]
fn a_page_that_will_not_leave_is_made_to_and_its_orphans_with_it() {
    let appd = Appd::start(&[("FAKE_SHELL_MODE", "stubborn")]);
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    wait_for("the orphan", || appd.processes("sleep").pop());
    client.send(&Request::TerminateApp { session_id: session });
    stopped(&mut client, session);
    nothing_left(&appd);
}

#[test]
fn nothing_outlives_appd_and_what_ran_comes_back_with_it() {
    let mut appd = Appd::start(&[]);
    let session = appd.client().launch(COUNTER);
    appd.page(session).ask(r#"{"op":"inc"}"#);
    let before: Vec<i32> = [appd.processes("weft-runtime"), appd.processes("fake_shell")].concat();
    assert_eq!(before.len(), 2);
    appd.kill_and_restart();
    wait_for("end of the old processes", || {
        let now = [appd.processes("weft-runtime"), appd.processes("fake_shell")].concat();
        (!now.iter().any(|pid| before.contains(pid))).then_some(())
    });
    assert_eq!(appd.page(1).ask(r#"{"op":"get"}"#), r#"{"count":1}"#);
}

#[test]
fn going_down_takes_little_time_and_leaves_nothing() {
    let mut appd = Appd::start(&[("WEFT_AUTOSTART", "org.weft.demo.counter")]);
    appd.page(1).ask(r#"{"op":"get"}"#);
    let start = Instant::now();
    signal(i32::try_from(appd.process.id()).unwrap(), Signal::TERM);
    assert!(appd.process.wait().unwrap().success());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    nothing_left(&appd);
}

#[test]
fn a_device_without_a_display_runs_the_component_alone() {
    let appd = Appd::start(&[("WEFT_APP_SHELL_BIN", "")]);
    let (mut client, mut other) = (appd.client(), appd.client());
    let session = client.launch(COUNTER);
    assert!(appd.processes("fake_shell").is_empty());
    let payload = r#"{"op":"inc"}"#.to_owned();
    client.send(&Request::IpcForward { session_id: session, payload });
    let said = client.expect("the answer", |response| match response {
        Response::IpcMessage { session_id, payload } if *session_id == session => Some(payload.clone()),
        _ => None,
    });
    assert_eq!(said, r#"{"count":1}"#);
    other.send(&Request::QueryInstalledApps);
    let seen = other.until(|response| matches!(response, Response::InstalledApps { .. }));
    assert!(
        !seen.iter().any(|response| matches!(response, Response::IpcMessage { .. })),
        "not for others: {seen:?}"
    );
}

#[test]
fn an_app_is_launched_once_and_then_brought_to_the_front() {
    let appd = Appd::start(&[]);
    let compositor = appd.compositor();
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    let mut connection = compositor.accept();
    let pid = u32::try_from(appd.processes("fake_shell")[0]).unwrap();
    let created = format!(
        "{:?}",
        weft_ipc::compositor::ToCompositor::AppSurfaceCreated {
            app_id: COUNTER.to_owned(),
            session_id: session,
            pid,
        }
    );
    assert_eq!(connection.next(), created);
    assert_eq!(client.launch_only(COUNTER), session);
    assert_eq!(connection.next(), format!("AppFocusRequest {{ session_id: {session} }}"));
    client.send(&Request::ActivateApp { session_id: session });
    assert_eq!(connection.next(), format!("AppFocusRequest {{ session_id: {session} }}"));
    assert_eq!(appd.processes("weft-runtime").len(), 1);

    // A new compositor is told what there is.
    drop(connection);
    let mut connection = compositor.accept();
    assert_eq!(connection.next(), created);
    client.send(&Request::TerminateApp { session_id: session });
    assert_eq!(connection.next(), format!("AppSurfaceDestroyed {{ session_id: {session} }}"));
}

#[test]
fn every_refusal_says_what_to_do_and_starts_nothing() {
    let appd = Appd::start_fake(&[]);
    let store = appd.folder.path().join("apps");
    let mut client = appd.client();
    let mut refused = |app: &str| {
        client.send(&Request::LaunchApp { app_id: app.to_owned(), surface_id: 0 });
        let error = client.error();
        assert!(appd.children().is_empty(), "{app}");
        error
    };
    let (code, message) = refused("../../etc");
    assert!(code == 400 && message.contains("use three or more labels"), "{code} {message}");
    let (code, message) = refused("org.weft.absent");
    assert!(code == 404 && message.contains("org.weft.absent is not installed"), "{code} {message}");

    // A folder that nobody installed.
    std::fs::create_dir_all(store.join("org.weft.loose")).unwrap();
    std::fs::write(store.join("org.weft.loose/wapp.toml"), "").unwrap();
    let (code, message) = refused("org.weft.loose");
    assert!(code == 403 && message.contains("was not made by an installation"), "{code} {message}");

    // A file that is another one than was installed.
    appd.install("org.weft.changed", "", "ready\nwait");
    let changed = std::fs::canonicalize(store.join("org.weft.changed")).unwrap().join("script");
    std::fs::set_permissions(&changed, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    std::fs::write(&changed, "exit 0").unwrap();
    let (code, message) = refused("org.weft.changed");
    assert!(code == 403 && message.contains("was changed after it was installed"), "{code} {message}");

    // An owner who is none any more.
    appd.install("org.weft.stolen", "", "ready\nwait");
    std::fs::remove_file(appd.folder.path().join("data/weft/owners/org.weft.stolen")).unwrap();
    let (code, message) = refused("org.weft.stolen");
    assert!(code == 403 && message.contains("has no owner on record"), "{code} {message}");

    client.send(&Request::TerminateApp { session_id: 999 });
    assert_eq!(client.error().0, 404);
    client.send(&Request::IpcForward { session_id: 999, payload: String::new() });
    assert_eq!(client.error().0, 404);
    appd.install("org.weft.good", "", "ready\nwait");
    client.send(&Request::QueryInstalledApps);
    let apps = client.expect("the installed apps", |response| match response {
        Response::InstalledApps { apps } => Some(apps.clone()),
        _ => None,
    });
    assert!(apps.iter().any(|app| app.app_id == "org.weft.good"));
    assert!(!apps.iter().any(|app| app.app_id == "org.weft.loose"));
}

#[test]
fn an_installed_app_is_compiled_at_its_first_launch_and_again_when_its_code_was_changed() {
    let compiler = harness::program("weft-compile");
    let appd = Appd::start(&[("WEFT_COMPILE_BIN", compiler.to_str().unwrap())]);
    let mut client = appd.client();
    let session = client.launch(COUNTER);
    assert_eq!(appd.page(session).ask(r#"{"op":"inc"}"#), r#"{"count":1}"#);
    let folder = appd.folder.path().join("data/weft/compiled");
    let made = || {
        let files = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
        let files: Vec<_> = files.collect();
        assert!(files.len() == 1 && files[0].extension().unwrap() == "cwasm", "{files:?}");
        files[0].clone()
    };
    let first = made();
    let number = first.metadata().unwrap().ino();
    let key = appd.folder.path().join("data/weft/device-key").metadata().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!((key.len(), mode & 0o777), (32, 0o600));
    client.send(&Request::TerminateApp { session_id: session });
    stopped(&mut client, session);

    // The second launch takes what is there, and says that it is of use still.
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
    let code = File::options().write(true).open(&first).unwrap();
    code.set_modified(long_ago).unwrap();
    let session = client.launch(COUNTER);
    assert!(code.metadata().unwrap().modified().unwrap() > long_ago);
    assert_eq!(made().metadata().unwrap().ino(), number);
    client.send(&Request::TerminateApp { session_id: session });
    stopped(&mut client, session);

    // A byte of the code is another one: it is never run, but made anew.
    let mut code = std::fs::read(&first).unwrap();
    let middle = code.len() / 2;
    code[middle] ^= 1;
    std::fs::write(&first, code).unwrap();
    client.launch_only(COUNTER);
    client.ready(COUNTER);
    assert!(appd.log().contains("it is made anew"));
    assert_ne!(made().metadata().unwrap().ino(), number);
}

#[test]
fn what_its_own_runtime_refuses_is_not_started_again() {
    let appd = Appd::start_fake(&[]);
    appd.install("org.weft.refused", "", "exit 5");
    let mut client = appd.client();
    let session = client.launch_only("org.weft.refused");
    let (code, message) = client.error();
    assert!(code == 403 && message.contains("org.weft.refused cannot run"), "{code} {message}");
    stopped(&mut client, session);
    client.send(&Request::QueryRunning);
    client.expect("nothing runs", |response| {
        (*response == Response::RunningApps { sessions: vec![] }).then_some(())
    });
}

#[test]
fn the_service_manager_is_told_about_readiness_sessions_and_liveness() {
    let folder = tempfile::tempdir().unwrap();
    let socket = std::os::unix::net::UnixDatagram::bind(folder.path().join("notify")).unwrap();
    socket.set_read_timeout(Some(harness::PATIENCE)).unwrap();
    let path = folder.path().join("notify");
    let appd = Appd::start(&[("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "400000")]);
    appd.client().launch(COUNTER);
    let mut expected = vec!["READY=1", "WATCHDOG=1", "STATUS=session 1 org.weft.demo.counter ready"];
    let mut buffer = [0; 256];
    while !expected.is_empty() {
        let length = socket.recv(&mut buffer).unwrap();
        let said = std::str::from_utf8(&buffer[..length]).unwrap();
        expected.retain(|line| *line != said);
    }
}
