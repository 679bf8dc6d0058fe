//! A screen that changes while the system runs, and a page that is longer than it.

use crate::{KIOSK, vm_test, vm_test_with};
use anyhow::ensure;
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::package::{App, probe, publisher};
use weft_ci::{Options, TestVm, machine};
use weft_image::vm::{Screenshot, input, session};

const ID: &str = "org.weft.test.long";
/// Three screens high, each of one colour.
const LONG: &str = "<!doctype html><body style='margin:0'>\
    <div style='height:100vh;background:#00ff00'></div>\
    <div style='height:100vh;background:#0000ff'></div>\
    <div style='height:100vh;background:#ff0000'></div>";
const GREEN: [u8; 3] = [0, 0xff, 0];
const RED: [u8; 3] = [0xff, 0, 0];

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("a_wheel_scrolls_a_page", KIOSK, wheel),
        vm_test_with(
            "the_system_ui_follows_the_size_of_the_display",
            KIOSK,
            || Options { window: true, ..Options::default() },
            resized,
        ),
    ]
}

/// Beside the cursor.
fn wait_for_colour(vm: &mut TestVm, what: &str, colour: [u8; 3]) -> anyhow::Result<()> {
    let limit = vm.pace.limit(30);
    let shows = |screen: &Screenshot| screen.pixel(320, 200) == colour;
    vm.vm()?.wait_screen(limit, Duration::ZERO, what, shows)?;
    Ok(())
}

fn wheel(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let app = App::new(ID, probe("files")?).grant(&["fs:rw:app-data"]).page("index.html", LONG);
    vm.install(&app, &publisher("first")?)?;
    let from = vm.mark()?;
    vm.launch(ID)?;
    let pace = vm.pace;
    session::wait_for_app(vm.vm()?, pace, from, ID)?;
    wait_for_colour(vm, "waiting for the top of the page", GREEN)?;

    let turn = |vm: &mut TestVm, detents: usize, direction: &str| -> anyhow::Result<()> {
        let machine = vm.vm()?;
        machine.send(input::pointer_to(640, 400, machine::SCREEN))?;
        for _ in 0..detents {
            machine.send(input::button(direction, true))?;
            machine.send(input::button(direction, false))?;
        }
        Ok(())
    };
    // More than there is to scroll: the page stops at its ends.
    turn(vm, 200, "wheel-down")?;
    wait_for_colour(vm, "waiting for the end of the page", RED)?;
    turn(vm, 200, "wheel-up")?;
    wait_for_colour(vm, "waiting for the top of the page again", GREEN)
}

fn resized(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let mut window = vm.open_window()?;
    for size in [(1024, 768), (1600, 900)] {
        let (width, height) = (u32::from(size.0), u32::from(size.1));
        window.resize(size)?;
        let limit = vm.pace.limit(30);
        let fits = |screen: &Screenshot| (screen.width, screen.height) == (width, height);
        vm.vm()?.wait_screen(limit, Duration::ZERO, &format!("waiting for {width}x{height}"), fits)?;
        // The page says where its parts are once it is laid out anew: the task bar is at the end of the new screen.
        let agent = vm.agent()?;
        let at_the_end = weft_ci::wait::until(limit, "the task bar to be at the end of the screen", || {
            let home = weft_image::vm::layout::find(&agent.log("weft-servo-shell")?, "home");
            Ok(home.filter(|home| home.y + home.height > height - 48 && home.y + home.height <= height))
        })?;
        let screen = vm.settled()?;
        ensure!(screen.region(at_the_end).colours() > 2, "nothing is drawn at {at_the_end:?}");
        let corner = screen.pixel(width - 2, height - 2);
        ensure!(corner == screen.pixel(width / 2, height - 2), "the task bar ends before the screen does");
    }
    Ok(())
}
