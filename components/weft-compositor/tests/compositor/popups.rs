//! Menus and the like.

use crate::client::{Client, Window};
use crate::diary::Diary;
use crate::output::*;
use wayland_client::protocol::wl_compositor::WlCompositor;
use wayland_client::{Connection, Dispatch, QueueHandle, delegate_noop};
use wayland_protocols::xdg::shell::client::xdg_positioner::{Anchor, Gravity, XdgPositioner};
use wayland_protocols::xdg::shell::client::{xdg_popup, xdg_wm_base::XdgWmBase};

/// A popup below and to the right of a point of the window, that slides to stay on the screen.
fn open(client: &mut Client, parent: &Window, at: (i32, i32), size: (i32, i32)) {
    use wayland_protocols::xdg::shell::client::xdg_positioner::ConstraintAdjustment;
    let base: XdgWmBase = client.bind();
    let positioner = base.create_positioner(&client.handle, ());
    positioner.set_size(size.0, size.1);
    positioner.set_anchor_rect(at.0, at.1, 1, 1);
    positioner.set_anchor(Anchor::TopLeft);
    positioner.set_gravity(Gravity::BottomRight);
    positioner.set_constraint_adjustment(ConstraintAdjustment::SlideX | ConstraintAdjustment::SlideY);
    let surface = client.bind::<WlCompositor>().create_surface(&client.handle, "popup");
    let xdg_surface = base.get_xdg_surface(&surface, &client.handle, "popup");
    xdg_surface.get_popup(Some(&parent.xdg_surface), &positioner, &client.handle, ());
    surface.commit();
    client.hears("popup configure");
    let buffer = client.buffer(size, BLUE);
    surface.attach(Some(&buffer), 0, 0);
    surface.damage_buffer(0, 0, size.0, size.1);
    surface.commit();
    client.roundtrip();
}

#[test]
fn a_popup_is_above_its_window_and_ends_with_a_press_outside() {
    let output = Output::start();
    let mut app = Client::connect(&output);
    let window = app.show("app", "application", GREEN);
    open(&mut app, &window, (50, 40), (60, 30));
    app.hears("popup configure 50,40 60x30");
    output.shows(&[(49, 40, GREEN), (50, 40, BLUE), (109, 69, BLUE), (110, 70, GREEN)]);
    output.click(60, 50);
    assert!(!app.told().contains("popup done"));
    output.click(10, 10);
    app.hears("popup done");
}

#[test]
fn a_popup_stays_off_the_task_bar() {
    let output = Output::start();
    let mut ui = Client::connect(&output);
    let _panel = ui.show("panel", "panel", RED);
    let mut app = Client::connect(&output);
    let window = app.show("app", "application", GREEN);
    open(&mut app, &window, (300, 140), (60, 30));
    app.hears("popup configure 260,122 60x30");
    output.shows(&[(261, 123, BLUE), (319, WORK_HEIGHT - 1, BLUE), (319, WORK_HEIGHT, RED)]);
}

impl Dispatch<xdg_popup::XdgPopup, ()> for Diary {
    fn event(
        diary: &mut Self,
        _: &xdg_popup::XdgPopup,
        event: xdg_popup::Event,
        _: &(),
        _: &Connection,
        _: &QueueHandle<Self>,
    ) {
        match event {
            xdg_popup::Event::Configure { x, y, width, height } => {
                diary.lines.push(format!("popup configure {x},{y} {width}x{height}"));
            }
            xdg_popup::Event::PopupDone => diary.lines.push("popup done".into()),
            _ => {}
        }
    }
}

delegate_noop!(Diary: XdgPositioner);
