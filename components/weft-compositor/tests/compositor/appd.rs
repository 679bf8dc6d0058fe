//! The channel to appd.

use crate::client::Client;
use crate::output::*;
use std::io::Write;
use std::os::unix::net::UnixStream;
use weft_ipc::compositor::{FromCompositor, ToCompositor};
use weft_ipc::frame;

/// Every client of a test has the test's process.
fn created(session_id: u64) -> ToCompositor {
    ToCompositor::AppSurfaceCreated { app_id: "org.weft.test".into(), session_id, pid: std::process::id() }
}

fn connect(folder: &tempfile::TempDir) -> (Output, UnixStream) {
    let path = folder.path().join("compositor.sock");
    let output = Output::start_with(Some(&path));
    let appd = UnixStream::connect(&path).unwrap();
    appd.set_read_timeout(Some(PATIENCE)).unwrap();
    (output, appd)
}

#[test]
fn a_session_is_announced_shown_and_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (output, mut appd) = connect(&folder);
    frame::write(&mut appd, &created(7)).unwrap();
    output.shows(&[(0, 0, BACKDROP)]);
    let mut app = Client::connect(&output);
    let _window = app.show("app", "application", GREEN);
    let told: FromCompositor = frame::read(&mut appd).unwrap().unwrap();
    assert_eq!(told, FromCompositor::SurfaceReady { session_id: 7 });
    drop(app);
    let told: FromCompositor = frame::read(&mut appd).unwrap().unwrap();
    assert_eq!(told, FromCompositor::ClientDisconnected { pid: std::process::id() });
}

#[test]
fn a_session_comes_to_the_front_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let (output, mut appd) = connect(&folder);
    let mut first = Client::connect(&output);
    first.take_seat();
    let _one = first.show("one", "application", GREEN);
    let mut second = Client::connect(&output);
    let _two = second.show("two", "application", BLUE);
    output.shows(&[(0, 0, BLUE)]);
    first.told();
    // Both clients have the test's process: both windows belong to the session, and the topmost of them comes to the front.
    frame::write(&mut appd, &created(1)).unwrap();
    let mut third = Client::connect(&output);
    let _three = third.show("three", "application", RED);
    third.told();
    output.click(10, 190);
    frame::write(&mut appd, &ToCompositor::AppFocusRequest { session_id: 1 }).unwrap();
    output.shows(&[(0, 0, BLUE)]);
    assert!(!third.told().contains("focus_changed 1"), "a later window of a session takes nothing");
}

#[test]
fn what_is_no_message_ends_only_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let (output, mut appd) = connect(&folder);
    appd.write_all(&[255; 64]).unwrap();
    assert!(!matches!(frame::read::<FromCompositor>(&mut appd), Ok(Some(_))));
    let mut again = UnixStream::connect(folder.path().join("compositor.sock")).unwrap();
    frame::write(&mut again, &created(3)).unwrap();
    let mut app = Client::connect(&output);
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
}
