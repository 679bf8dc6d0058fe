//! Who gets which input.

use crate::client::Client;
use crate::output::*;
use smithay::backend::input::AxisSource;
use weft_compositor::input::{AxisMove, Gesture, InputKind};

const KEY_A: u32 = 30;

#[test]
fn keys_go_to_the_focused_window_and_a_click_changes_it() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    ui.take_seat();
    let _panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    app.take_seat();
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    app.hears("keyboard enter");
    ui.told();
    app.told();
    output.key(KEY_A);
    app.hears("keyboard key 30 Released");
    output.click(10, WORK_HEIGHT + 10);
    ui.hears("pointer button 0x110 Released");
    output.key(KEY_A);
    ui.hears("keyboard key 30 Released");
    app.hears("keyboard leave");
    insta::assert_snapshot!("input_of_app", app.told());
    insta::assert_snapshot!("input_of_panel", ui.told());
}

#[test]
fn the_seat_is_as_promised() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    app.take_seat();
    let _output: wayland_client::protocol::wl_output::WlOutput = app.bind();
    insta::assert_snapshot!("seat_and_output", app.told());
    let mut globals = app.globals.contents().clone_list();
    globals.sort_by(|a, b| a.interface.cmp(&b.interface));
    let globals: Vec<String> =
        globals.iter().map(|global| format!("{} {}", global.interface, global.version)).collect();
    insta::assert_snapshot!("globals", globals.join("\n"));
}

#[test]
fn a_wheel_scrolls_by_detents() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    app.take_seat();
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    output.move_to(20, 20);
    app.hears("pointer enter 20,20");
    app.told();
    let vertical = AxisMove { v120: Some(120.0), amount: None, ..AxisMove::default() };
    output.input(InputKind::Axis { source: AxisSource::Wheel, horizontal: AxisMove::default(), vertical });
    app.hears("pointer axis v120");
    insta::assert_snapshot!(app.told(), @r"
    pointer axis v120 120
    pointer axis 15
    ");
}

#[test]
fn the_cursor_comes_with_the_pointer_and_goes_with_a_touch() {
    const ARROW: [u8; 3] = [255, 255, 255];
    let output = Output::start();
    let mut app = Client::connect(&output);
    app.take_seat();
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN), (103, 59, GREEN)]);
    output.move_to(100, 50);
    output.shows(&[(103, 59, ARROW), (99, 50, GREEN)]);
    app.hears("pointer enter 100,50");
    output.input(InputKind::TouchDown { slot: 0, x: 0.9, y: 0.1 });
    output.input(InputKind::TouchFrame);
    output.shows(&[(103, 59, GREEN)]);
    app.hears("pointer leave");
    output.input(InputKind::TouchUp { slot: 0 });
    output.input(InputKind::TouchFrame);
    output.input(InputKind::PointerBy { dx: 10.0, dy: 0.0 });
    output.shows(&[(113, 59, ARROW)]);
    app.hears("touch up 0");
}

#[test]
fn a_touch_focuses_and_reaches_the_window_under_it() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    ui.take_seat();
    let _panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    ui.told();
    output.input(InputKind::TouchDown { slot: 0, x: 0.5, y: 0.9 });
    output.input(InputKind::TouchUp { slot: 0 });
    output.input(InputKind::TouchFrame);
    ui.hears("touch up 0");
    ui.hears("panel zweft.focus_changed 1");
    ui.hears("touch down 0 160,180");
}

#[test]
fn three_fingers_are_the_systems() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    app.take_seat();
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    app.told();
    output.swipe(3, 0.0, -110.0);
    ui.hears("panel zweft.navigation_gesture fingers=3 0,-110");
    let told = app.told();
    assert!(
        told.contains("touch cancel") && !told.contains("navigation") && !told.contains("touch up"),
        "{told}"
    );
    ui.told();
    output.swipe(2, 0.0, -110.0);
    app.hears("touch up 1");
    assert!(!ui.told().contains("navigation"));
}

#[test]
fn a_touchpad_swipe_reaches_the_panel() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    output.shows(&[(0, 0, RED)]);
    output.input(InputKind::Gesture(Gesture::SwipeBegin { fingers: 4 }));
    output.input(InputKind::Gesture(Gesture::SwipeUpdate { dx: 120.0, dy: 3.0 }));
    output.input(InputKind::Gesture(Gesture::SwipeEnd { cancelled: false }));
    ui.hears("panel zweft.navigation_gesture fingers=4 120,3");
}
