//! Where windows are, what they are told, and what is on the screen.

use crate::client::Client;
use crate::output::*;
use weft_compositor::backend::headless::Command;
use weft_compositor::windows::Extent;

#[test]
fn a_panel_is_seen_with_an_app_above_it_but_for_the_task_bar() {
    let output = Output::start();
    output.shows(&[(0, 0, BACKDROP), (319, 199, BACKDROP)]);
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    output.shows(&[(0, 0, RED), (319, 199, RED)]);
    let mut app = Client::connect(&output);
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN), (319, WORK_HEIGHT - 1, GREEN), (0, WORK_HEIGHT, RED), (319, 199, RED)]);
    insta::assert_snapshot!("told_to_panel", ui.told());
    insta::assert_snapshot!("told_to_app", app.told());
}

#[test]
fn an_app_never_covers_the_task_bar_whatever_it_draws() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let window = app.open("app", "application");
    app.fill(&window, (4000, 3000), GREEN);
    output.shows(&[(0, 0, GREEN), (319, WORK_HEIGHT - 1, GREEN), (0, WORK_HEIGHT, RED), (319, 199, RED)]);
    window.xdg_surface.set_window_geometry(0, -100, 4000, 3000);
    window.toplevel.set_fullscreen(None);
    window.surface.commit();
    app.roundtrip();
    output.shows(&[(0, 100, GREEN), (0, WORK_HEIGHT, RED), (319, 199, RED)]);
}

#[test]
fn only_the_system_ui_is_a_panel() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let window = app.show("app", "overlay", GREEN);
    assert_eq!(app.size(), (320, WORK_HEIGHT));
    app.fill(&window, (320, 200), GREEN);
    output.shows(&[(0, 0, GREEN), (0, WORK_HEIGHT, RED)]);
}

#[test]
fn an_overlay_covers_every_app_until_it_is_a_panel_again() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    panel.shell.update_metadata("home".into(), "overlay".into());
    ui.hears("panel zweft.focus_changed 1");
    output.shows(&[(0, 0, RED), (319, 199, RED)]);
    ui.told();
    app.told();
    panel.shell.update_metadata("home".into(), "panel".into());
    ui.hears("panel zweft.focus_changed 0");
    app.hears("app zweft.focus_changed 1");
    output.shows(&[(0, 0, GREEN), (0, 199, RED)]);
}

#[test]
fn the_keyboard_goes_back_from_a_closed_app_to_the_one_below_and_then_to_the_panel() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    let mut first = Client::connect(&output);
    let one = first.show("one", "application", GREEN);
    first.hears("one zweft.focus_changed 1");
    ui.hears("panel zweft.focus_changed 0");
    let mut second = Client::connect(&output);
    let _two = second.show("two", "application", BLUE);
    first.hears("one zweft.focus_changed 0");
    output.shows(&[(0, 0, BLUE)]);
    first.told();
    ui.told();
    drop(second);
    first.hears("one zweft.focus_changed 1");
    output.shows(&[(0, 0, GREEN)]);
    one.close();
    first.roundtrip();
    ui.hears("panel zweft.focus_changed 1");
    output.shows(&[(0, 0, RED)]);
}

#[test]
fn another_size_of_the_output_reaches_every_window() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let _output: wayland_client::protocol::wl_output::WlOutput = app.bind();
    let window = app.show("app", "application", GREEN);
    app.told();
    output.send(Command::Resize(Extent { width: 400, height: 300 }));
    app.hears("xdg_toplevel.configure 400x252");
    insta::assert_snapshot!("told_about_another_size", app.told());
    ui.hears("xdg_toplevel.configure 400x300");
    ui.fill(&panel, (400, 300), RED);
    app.fill(&window, (400, 252), GREEN);
    output.shows(&[(399, 0, GREEN), (399, 251, GREEN), (399, 252, RED), (399, 299, RED)]);
}

#[test]
fn zones_of_the_panel_move_the_apps() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let window = app.show("app", "application", GREEN);
    use weft_protocol::client::zweft_shell_window_v1::Edge;
    panel.shell.set_exclusive_zone(Edge::Top, 20);
    ui.roundtrip();
    app.hears("app zweft.configure 0,20 320x180 5");
    app.fill(&window, (320, 180), GREEN);
    output.shows(&[(0, 19, RED), (0, 20, GREEN), (0, 199, GREEN)]);
    window.shell.set_exclusive_zone(Edge::Top, 5);
    assert!(app.error().unwrap().contains("exclusive zone"));
}

#[test]
fn a_description_ends_with_its_window() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    let window = app.show("app", "application", GREEN);
    app.told();
    window.toplevel.destroy();
    app.hears("app zweft.window_closed");
    window.shell.set_geometry(0, 0, 1, 1);
    let error = app.error().unwrap();
    assert!(error.contains("the window was closed"), "{error}");
}

#[test]
fn a_wish_for_another_place_is_answered_with_the_real_one() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    let window = app.show("app", "application", GREEN);
    app.told();
    window.shell.set_geometry(10, 10, 50, 50);
    insta::assert_snapshot!(app.told(), @"app zweft.configure 0,0 320x152 5");
}
