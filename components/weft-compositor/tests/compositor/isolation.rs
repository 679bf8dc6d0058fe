//! What a client does to the windows of others: nothing. Each test is an attack.

use crate::client::{Client, Window};
use crate::output::*;
use std::os::unix::net::UnixStream;
use wayland_client::protocol::{
    wl_compositor::WlCompositor, wl_pointer::WlPointer, wl_subcompositor::WlSubcompositor,
};
use weft_ipc::compositor::ToCompositor;
use weft_ipc::frame;
use weft_protocol::client::zweft_shell_window_v1::Edge;

/// A compositor with appd's end of its channel.
struct World {
    output: Output,
    appd: UnixStream,
    _folder: tempfile::TempDir,
}

impl World {
    fn start(panel_uid: Option<u32>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("compositor.sock");
        let output = Output::start_as(Some(&path), panel_uid);
        let appd = UnixStream::connect(&path).unwrap();
        Self { output, appd, _folder: folder }
    }

    /// On a device whose system UI has another user than the test's clients.
    fn device() -> Self {
        Self::start(Some(rustix::process::getuid().as_raw() + 1))
    }

    /// From now on the clients of this process are the session's.
    fn announce(&mut self, session_id: u64) {
        self.announce_as(session_id, "org.weft.test");
    }

    fn announce_as(&mut self, session_id: u64, app_id: &str) {
        let pid = std::process::id();
        let message = ToCompositor::AppSurfaceCreated { app_id: app_id.into(), session_id, pid };
        frame::write(&mut self.appd, &message).unwrap();
        // A request for a session that is not there changes nothing; a picture made after both shows that they were read.
        frame::write(&mut self.appd, &ToCompositor::AppFocusRequest { session_id: u64::MAX }).unwrap();
        self.settle();
    }

    /// Waits until what appd said is obeyed.
    fn settle(&self) {
        for _ in 0..10 {
            self.output.picture();
        }
    }
}

/// Apps of two sessions, the second in front.
fn two_apps() -> (World, Client, Window, Client) {
    let mut world = World::start(None);
    world.announce(1);
    let mut first = Client::connect(&world.output);
    let window = first.show("first", "application", GREEN);
    world.announce(2);
    let mut second = Client::connect(&world.output);
    let _second = second.show("second", "application", BLUE);
    world.output.shows(&[(0, 0, BLUE), (0, WORK_HEIGHT, BACKDROP)]);
    (world, first, window, second)
}

#[test]
fn a_window_that_comes_back_does_not_cover_the_app_in_front() {
    let (world, mut first, window, mut second) = two_apps();
    second.told();
    window.surface.attach(None, 0, 0);
    window.surface.commit();
    first.roundtrip();
    window.surface.commit();
    first.roundtrip();
    first.fill(&window, (320, WORK_HEIGHT), GREEN);
    world.output.move_to(5, 5);
    world.output.shows(&[(100, 100, BLUE)]);
    let another = first.show("another", "application", GREEN);
    another.close();
    window.close();
    let _anew = first.show("anew", "application", GREEN);
    world.output.shows(&[(100, 100, BLUE)]);
    assert!(!second.told().contains("focus_changed 0"));
}

#[test]
fn nobody_shows_windows_on_a_device_but_the_system_ui_and_sessions() {
    let mut world = World::device();
    let mut stranger = Client::connect(&world.output);
    let _window = stranger.show("stranger", "application", GREEN);
    world.settle();
    world.output.shows(&[(0, 0, BACKDROP), (319, 199, BACKDROP)]);
    assert!(!stranger.told().contains("focus_changed 1"));
    // appd may be slower than its shell.
    world.announce(1);
    world.output.shows(&[(0, 0, GREEN), (319, WORK_HEIGHT - 1, GREEN), (319, WORK_HEIGHT, BACKDROP)]);
    stranger.hears("stranger zweft.focus_changed 1");
}

#[test]
fn a_session_that_is_over_shows_nothing_new() {
    let mut world = World::device();
    world.announce(1);
    let mut app = Client::connect(&world.output);
    let _window = app.show("app", "application", GREEN);
    world.output.shows(&[(0, 0, GREEN)]);
    frame::write(&mut world.appd, &ToCompositor::AppSurfaceDestroyed { session_id: 1 }).unwrap();
    world.output.shows(&[(0, 0, BACKDROP)]);
    let mut again = Client::connect(&world.output);
    let _ghost = again.show("ghost", "application", BLUE);
    world.settle();
    world.output.shows(&[(0, 0, BACKDROP)]);
}

#[test]
fn a_panel_that_turns_out_to_be_an_app_is_one() {
    let mut world = World::start(None);
    let mut app = Client::connect(&world.output);
    let window = app.show("app", "overlay", GREEN);
    window.shell.set_exclusive_zone(Edge::Bottom, 0);
    app.roundtrip();
    world.output.shows(&[(319, 199, GREEN)]);
    world.announce(1);
    world.output.shows(&[(0, 0, GREEN), (319, WORK_HEIGHT, BACKDROP), (319, 199, BACKDROP)]);
    app.hears(&format!("app xdg_toplevel.configure 320x{WORK_HEIGHT}"));
    // Nor does it hear the gestures of the system.
    app.told();
    world.output.swipe(3, 0.0, -150.0);
    world.settle();
    assert!(!app.told().contains("navigation_gesture"));
}

#[test]
fn an_app_with_a_panels_name_moves_nobody() {
    let (world, mut first, _window, mut second) = two_apps();
    let liar = first.open("liar", "overlay");
    second.told();
    liar.shell.set_exclusive_zone(Edge::Top, 60);
    assert!(first.error().unwrap().contains("exclusive zone"));
    assert!(!second.told().contains("configure"));
    world.output.shows(&[(0, 0, BLUE), (0, WORK_HEIGHT, BACKDROP)]);
}

#[test]
fn another_apps_id_is_not_to_be_had() {
    let mut world = World::start(None);
    world.announce_as(1, "org.weft.honest");
    let mut liar = Client::connect(&world.output);
    liar.create("liar", "application", "org.weft.bank");
    let error = liar.error().unwrap();
    assert!(error.contains("org.weft.bank") && error.contains("org.weft.honest"), "{error}");
}

#[test]
fn another_apps_id_is_not_to_be_had_before_the_announcement_either() {
    let mut world = World::start(None);
    let mut liar = Client::connect(&world.output);
    liar.create("liar", "application", "org.weft.bank");
    liar.roundtrip();
    world.announce_as(1, "org.weft.honest");
    eventually(|| match liar.error() {
        Some(error) if error.contains("org.weft.bank") => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

/// An app with the pointer on it, at 60,60, above the system UI.
fn pointed_at() -> (Output, Client, Client, Window, WlPointer) {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let pointer = app.take_seat();
    let window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    output.move_to(60, 60);
    app.hears("pointer enter");
    (output, ui, app, window, pointer)
}

#[test]
fn a_cursor_as_large_as_the_screen_covers_nothing() {
    let (output, _ui, mut app, _window, pointer) = pointed_at();
    let picture = app.bind::<WlCompositor>().create_surface(&app.handle, "cursor");
    let buffer = app.buffer((320, 200), BLUE);
    picture.attach(Some(&buffer), 0, 0);
    picture.commit();
    pointer.set_cursor(app.diary.entered, Some(&picture), 60, 60);
    app.roundtrip();
    output.move_to(61, 61);
    output.picture();
    output.shows(&[(300, 20, GREEN), (20, WORK_HEIGHT + 10, RED), (319, 199, RED)]);
}

#[test]
fn a_cursor_far_from_its_pointer_is_not_drawn_there() {
    let (output, _ui, mut app, _window, pointer) = pointed_at();
    let picture = app.bind::<WlCompositor>().create_surface(&app.handle, "cursor");
    let buffer = app.buffer((30, 30), BLUE);
    picture.attach(Some(&buffer), 0, 0);
    picture.commit();
    pointer.set_cursor(app.diary.entered, Some(&picture), -200, -110);
    app.roundtrip();
    output.move_to(61, 61);
    output.shows(&[(265, 175, RED), (265, 171, RED)]);
    // Nor by what hangs on it.
    let compositor: WlCompositor = app.bind();
    let child = compositor.create_surface(&app.handle, "child");
    let hanging = app.bind::<WlSubcompositor>().get_subsurface(&child, &picture, &app.handle, ());
    hanging.set_position(200, 110);
    hanging.set_desync();
    let buffer = app.buffer((30, 30), BLUE);
    child.attach(Some(&buffer), 0, 0);
    child.commit();
    pointer.set_cursor(app.diary.entered, Some(&picture), 0, 0);
    picture.commit();
    app.roundtrip();
    output.move_to(60, 60);
    output.shows(&[(62, 62, BLUE), (265, 175, RED)]);
}

#[test]
fn a_cursor_stays_with_its_window() {
    let (output, _ui, mut app, _window, pointer) = pointed_at();
    let picture = app.bind::<WlCompositor>().create_surface(&app.handle, "cursor");
    let buffer = app.buffer((20, 20), BLUE);
    picture.attach(Some(&buffer), 0, 0);
    picture.commit();
    pointer.set_cursor(app.diary.entered, Some(&picture), 0, 0);
    app.roundtrip();
    output.shows(&[(70, 70, BLUE)]);
    output.move_to(60, 175);
    app.hears("pointer leave");
    output.shows(&[(75, 190, RED)]);
    // A late one, with the serial of before.
    pointer.set_cursor(app.diary.entered, Some(&picture), 0, 0);
    app.roundtrip();
    output.move_to(61, 176);
    output.shows(&[(76, 191, RED)]);
}

#[test]
fn a_subsurface_does_not_reach_the_task_bar() {
    let (output, _ui, mut app, window, _pointer) = pointed_at();
    let child = app.bind::<WlCompositor>().create_surface(&app.handle, "child");
    let reaching = app.bind::<WlSubcompositor>().get_subsurface(&child, &window.surface, &app.handle, ());
    reaching.set_position(0, 100);
    let buffer = app.buffer((320, 100), BLUE);
    child.attach(Some(&buffer), 0, 0);
    child.commit();
    window.surface.commit();
    app.roundtrip();
    output.shows(&[(10, 120, BLUE), (10, WORK_HEIGHT - 1, BLUE), (10, WORK_HEIGHT, RED), (10, 199, RED)]);
    app.told();
    output.click(10, 190);
    output.picture();
    assert!(!app.told().contains("button"));
}

#[test]
fn keys_go_to_the_window_in_front_alone() {
    let (world, mut first, _window, mut second) = two_apps();
    first.take_seat();
    second.take_seat();
    second.hears("keyboard enter");
    first.told();
    world.output.key(30);
    second.hears("keyboard key 30");
    let heard = first.told();
    assert!(!heard.contains("key 30") && !heard.contains("keyboard enter"), "{heard}");
}

/// What could capture the screen, inject input, hold the keyboard, lock the session or carry data from one client to another is not there.
#[test]
fn there_is_nothing_to_attack_with() {
    let output = Output::start();
    let client = Client::connect(&output);
    let mut globals: Vec<String> =
        client.globals.contents().clone_list().into_iter().map(|global| global.interface).collect();
    globals.sort();
    insta::assert_snapshot!(globals.join(" "), @"wl_compositor wl_output wl_seat wl_shm wl_subcompositor wp_presentation wp_viewporter xdg_wm_base zweft_shell_manager_v1 zwp_pointer_gestures_v1");
}

#[test]
fn one_process_does_not_take_all_connections() {
    let output = Output::start();
    let crowd: Vec<UnixStream> = (0..64).map(|_| output.connect()).collect();
    output.picture();
    let alive = crowd.iter().filter(|stream| {
        stream.set_nonblocking(true).unwrap();
        use std::io::Read;
        !matches!((&**stream).read(&mut [0; 1]), Ok(0) | Err(_) if is_closed(stream))
    });
    let alive = alive.count();
    assert!(alive <= 24, "{alive} connections of one process");
}

fn is_closed(stream: &UnixStream) -> bool {
    use std::io::Read;
    matches!((&*stream).read(&mut [0; 1]), Ok(0))
}
