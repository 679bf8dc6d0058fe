//! What the compositor says is on the screen.

use crate::client::Client;
use crate::output::*;
use std::io::Read;
use std::os::unix::net::UnixStream;
use weft_ipc::line::Line;
use weft_ipc::screen::Screen;

fn ask(path: &std::path::Path) -> Screen {
    let mut line = String::new();
    let mut stream = UnixStream::connect(path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.read_to_string(&mut line).unwrap();
    Screen::from_line(&line).unwrap()
}

#[test]
fn a_blank_window_is_told_from_one_with_content_and_from_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("screen.sock");
    let output = Output::start_watched(&path);
    output.shows(&[(0, 0, BACKDROP)]);
    output.move_to(100, 100);
    let empty = ask(&path);
    assert!(empty.connected && empty.presenting && empty.windows.is_empty(), "{empty:?}");
    let mut app = Client::connect(&output);
    let window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    let blank: Vec<bool> = ask(&path).windows.iter().map(|window| window.blank).collect();
    assert_eq!(blank, [true], "one colour, under the cursor");
    app.paint_halves(&window, RED, BLUE);
    output.shows(&[(0, 0, RED)]);
    let blank: Vec<bool> = ask(&path).windows.iter().map(|window| window.blank).collect();
    assert_eq!(blank, [false]);
}
