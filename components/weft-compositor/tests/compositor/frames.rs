//! When clients are told to draw, and that they were seen.

use crate::client::Client;
use crate::output::*;
use std::time::Duration;
use wayland_protocols::wp::presentation_time::client::wp_presentation::WpPresentation;

#[test]
fn presentation_feedback_arrives_once_the_content_is_seen() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    let presentation: WpPresentation = app.bind();
    let window = app.open("app", "application");
    presentation.feedback(&window.surface, &app.handle, ());
    let size = app.size();
    app.fill(&window, size, GREEN);
    app.hears("presented refresh=16666666");
    app.hears("app zweft.presentation_feedback refresh=16666666");
    app.hears("presentation clock 1");
}

#[test]
fn frame_callbacks_come_for_commits_and_never_by_themselves() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    let window = app.show("app", "application", GREEN);
    let before = app.frames();
    window.surface.frame(&app.handle, ());
    let size = app.size();
    app.fill(&window, size, BLUE);
    eventually(|| if app.frames() == before + 1 { Ok(()) } else { Err("no frame callback".into()) });
    let drawn = output.picture().frames;
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(output.picture().frames, drawn, "nothing changed, but frames are drawn");
    assert_eq!(app.frames(), before + 1);
}

#[test]
fn an_animation_is_held_to_the_refresh_rate() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    let window = app.show("app", "application", GREEN);
    let size = app.size();
    let colours = [GREEN, BLUE].map(|colour| app.buffer(size, colour));
    let start = std::time::Instant::now();
    const FRAMES: u32 = 30;
    for frame in 0..FRAMES {
        let before = app.frames();
        window.surface.frame(&app.handle, ());
        window.surface.attach(Some(&colours[frame as usize % 2]), 0, 0);
        window.surface.damage_buffer(0, 0, size.0, size.1);
        window.surface.commit();
        eventually(|| if app.frames() > before { Ok(()) } else { Err("no frame callback".into()) });
    }
    let rate = f64::from(FRAMES) / start.elapsed().as_secs_f64();
    assert!(rate < 66.0, "{rate} frames a second");
}

#[test]
fn a_hidden_window_is_not_told_to_draw_at_full_rate() {
    let output = Output::start();
    let mut below = Client::connect(&output);
    let hidden = below.show("hidden", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    let mut above = Client::connect(&output);
    let _window = above.show("above", "application", BLUE);
    output.shows(&[(0, 0, BLUE)]);
    let start = std::time::Instant::now();
    let before = below.frames();
    hidden.surface.frame(&below.handle, ());
    let size = below.size();
    below.fill(&hidden, size, RED);
    eventually(|| if below.frames() > before { Ok(()) } else { Err("no frame callback at all".into()) });
    assert!(start.elapsed() > Duration::from_millis(500), "a hidden window got its callback at once");
    output.shows(&[(0, 0, BLUE)]);
}

#[test]
fn a_client_that_dies_leaves_no_window() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let _window = app.show("app", "application", GREEN);
    output.shows(&[(0, 0, GREEN)]);
    drop(app);
    output.shows(&[(0, 0, RED)]);
}
