//! A screen that changes while the system runs, and a page that is longer than it.

use crate::{KIOSK, vm_test, vm_test_with};
use anyhow::ensure;
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::package::{App, probe, publisher};
use weft_ci::{Options, TestVm, machine};
use weft_image::vm::{Rect, Screenshot, input, session};

const ID: &str = "org.weft.test.long";
/// Three screens high; every row between its ends has a colour of its own, so that whatever scrolls it is seen.
const LONG: &str = "<!doctype html><body style='margin:0'>\
    <div style='height:300vh;background:linear-gradient(#00ff00 30%,#0000ff 50%,#ff0000 70%)'></div>";
/// Detents between two looks at the screen: fewer than the kernel keeps for a reader that is busy, since it drops all of them otherwise.
const DETENTS: usize = 8;
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

    vm.vm()?.send(input::pointer_to(640, 400, machine::SCREEN))?;
    turn(vm, "wheel-down", RED)?;
    turn(vm, "wheel-up", GREEN)
}

/// Turns the wheel until the page is at its end, which has this colour; the page has to follow every time.
fn turn(vm: &mut TestVm, direction: &str, end: [u8; 3]) -> anyhow::Result<()> {
    loop {
        let before = page_of(&vm.settled()?);
        if before.pixel(0, 0) == end && before.colours() == 1 {
            return Ok(());
        }
        for _ in 0..DETENTS {
            vm.vm()?.send(input::button(direction, true))?;
            vm.vm()?.send(input::button(direction, false))?;
        }
        let limit = vm.pace.limit(30);
        let moved = |screen: &Screenshot| page_of(screen) != before;
        vm.vm()?.wait_screen(
            limit,
            Duration::ZERO,
            &format!("waiting for the page to follow {direction}"),
            moved,
        )?;
    }
}

/// A column of the page, beside the cursor.
fn page_of(screen: &Screenshot) -> Screenshot {
    screen.region(Rect { x: 320, y: 200, width: 1, height: 400 })
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
