//! The main job: a person starts an app, uses it, and it is there again after a restart.

use crate::{KIOSK, vm_test, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::digits::Digits;
use weft_ci::{Options, TestVm, wait};
use weft_image::vm::{Mark, Rect, Screenshot, session};

pub const COUNTER: &str = "org.weft.demo.counter";
const FONT: &str = "/usr/share/fonts/opentype/inter/Inter-SemiBold.otf";

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("a_click_counts_and_the_count_survives_a_restart", KIOSK, click_and_restart),
        vm_test("touch_counts_as_a_click_does", KIOSK, touch),
        vm_test_with(
            "the_counter_is_found_by_typing_and_shown_in_384_mib",
            KIOSK,
            || Options { memory_mib: 384, ..Options::default() },
            shown_in_little_memory,
        ),
    ]
}

/// Boots, clicks the counter's icon and waits until the app is painted.
pub fn open_counter(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let from = vm.mark()?;
    let icon = vm.place("weft-servo-shell", &format!("icon:{COUNTER}"))?;
    vm.click(icon)?;
    wait_for_counter(vm, from)
}

pub fn wait_for_counter(vm: &mut TestVm, from: Mark) -> anyhow::Result<()> {
    let pace = vm.pace;
    session::wait_for_app(vm.vm()?, pace, from, COUNTER)?;
    Ok(())
}

/// Where the counter's page says that something is. The app's window is at the top left of the screen, so its places are the screen's.
pub fn place(vm: &mut TestVm, what: &str) -> anyhow::Result<Rect> {
    vm.place("weft-appd", what)
}

/// The middle of the count's box, which has nothing in it but digits.
fn digits_part(count: Rect) -> Rect {
    let (margin_x, margin_y) = (count.width / 8, count.height / 8);
    Rect {
        x: count.x + margin_x,
        y: count.y + margin_y,
        width: count.width - 2 * margin_x,
        height: count.height - 2 * margin_y,
    }
}

/// Waits until the component has said the number and the page shows it, and returns the picture of it.
pub fn wait_for_count(vm: &mut TestVm, number: &str) -> anyhow::Result<Screenshot> {
    let font = vm.agent()?.read_bytes(FONT)?;
    let digits = Digits::of_font(font)?;
    let limit = vm.pace.limit(30);
    let agent = vm.agent()?;
    wait::until(limit, &format!("the component to say `count {number}`"), || {
        let log = agent.log("weft-appd")?;
        let last = log
            .lines()
            .rev()
            // The page tells where its count is, too.
            .filter(|line| !line.contains("weft-layout"))
            .find_map(|line| line.split_once("count ").map(|(_, said)| said.trim().to_owned()));
        Ok((last.as_deref() == Some(number)).then_some(()))
    })?;
    let region = digits_part(place(vm, "count")?);
    let mut shown = String::new();
    let screen = vm.vm()?.wait_screen(
        limit,
        Duration::ZERO,
        &format!("waiting for the page to show {number}"),
        |screen| {
            shown = digits.read(&screen.region(region)).unwrap_or_else(|error| error.to_string());
            shown == number
        },
    );
    Ok(screen.with_context(|| format!("the page shows: {shown}"))?.region(region))
}

/// Clicks plus as fast as the machine takes it: none of the clicks may be lost.
fn click_plus_to(vm: &mut TestVm, number: u32) -> anyhow::Result<Screenshot> {
    wait_for_count(vm, "0")?;
    let plus = place(vm, "plus")?;
    for _ in 0..number {
        vm.click(plus)?;
    }
    wait_for_count(vm, &number.to_string())
}

fn click_and_restart(vm: &mut TestVm) -> anyhow::Result<()> {
    open_counter(vm)?;
    let before = click_plus_to(vm, 3)?;
    let boot_id = vm.agent()?.boot_id()?;
    let (from, told) = (vm.mark()?, vm.homes()?);
    vm.agent()?.reboot()?;
    ensure!(vm.wait_agent()? != boot_id, "the machine did not restart");
    vm.wait_init(from, session::SYSTEM_UI_READY)?;
    vm.wait_icon(told, COUNTER)?;
    let from = vm.mark()?;
    vm.settled()?;
    let icon = vm.place("weft-servo-shell", &format!("icon:{COUNTER}"))?;
    vm.click(icon)?;
    wait_for_counter(vm, from)?;
    let after = wait_for_count(vm, "3")?;
    ensure!(before == after, "the count looks different after the restart");
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    Ok(())
}

fn touch(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let nodes = vm.agent()?.plug_touch()?;
    let node = nodes
        .iter()
        .find(|node| node.contains("event"))
        .context("the touch screen has no event node")?
        .clone();
    let limit = vm.pace.limit(20);
    let agent = vm.agent()?;
    // Plugged in while running: PID 1 gives the node to the compositor, and the compositor opens it.
    wait::until(limit, &format!("PID 1 to give {node} to the compositor"), || {
        Ok((agent.stat(&node)?.uid == 101).then_some(()))
    })?;
    let compositor = agent.process("weft-compositor")?.context("there is no compositor")?.pid;
    wait::until(limit, &format!("the compositor to open {node}"), || {
        Ok(agent.read_links(&format!("/proc/{compositor}/fd"))?.contains(&node).then_some(()))
    })?;
    let from = vm.mark()?;
    let icon = vm.place("weft-servo-shell", &format!("icon:{COUNTER}"))?;
    vm.tap(icon)?;
    wait_for_counter(vm, from)?;
    wait_for_count(vm, "0")?;
    for number in ["1", "2", "3"] {
        let plus = place(vm, "plus")?;
        vm.tap(plus)?;
        wait_for_count(vm, number)?;
    }
    Ok(())
}

/// Started by keyboard here: the launcher finds an app by its id.
fn shown_in_little_memory(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_system_ui(Mark::default())?;
    vm.wait_agent()?;
    let pace = vm.pace;
    session::launch(vm.vm()?, pace, COUNTER)?;
    click_plus_to(vm, 1)?;
    let kernel = vm.agent()?.read("/state/log/kernel.log")?;
    ensure!(!kernel.contains("Out of memory"), "the kernel killed something:\n{kernel}");
    Ok(())
}
