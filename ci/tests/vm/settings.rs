//! The settings: a person sees the apps, starts and ends one, and reads what the device is.

use crate::counter::{COUNTER, wait_for_counter};
use crate::{KIOSK, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use weft_ci::{TestVm, wait};
use weft_image::vm::session;

const SETTINGS: &str = "org.weft.settings";

pub fn trials() -> Vec<Trial> {
    vec![vm_test("an_app_is_started_and_ended_in_the_settings", KIOSK, start_and_end)]
}

/// Clicks on what the page says is there, once nothing moves.
fn press(vm: &mut TestVm, what: &str) -> anyhow::Result<()> {
    let place = vm.place("weft-appd", what)?;
    vm.settled()?;
    vm.click(place)
}

/// That something is written there.
fn is_written(vm: &mut TestVm, what: &str) -> anyhow::Result<()> {
    let place = vm.place("weft-appd", what)?;
    let limit = vm.pace.limit(30);
    wait::until(limit, &format!("{what} to be drawn"), || {
        Ok((vm.vm()?.screenshot()?.region(place).colours() > 8).then_some(()))
    })
}

fn start_and_end(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let (from, pace) = (vm.mark()?, vm.pace);
    let icon = vm.place("weft-servo-shell", &format!("icon:{SETTINGS}"))?;
    vm.click(icon)?;
    session::wait_for_app(vm.vm()?, pace, from, SETTINGS)?;

    press(vm, &format!("app:{COUNTER}"))?;
    is_written(vm, "app-may")?;
    let from = vm.mark()?;
    press(vm, "open")?;
    wait_for_counter(vm, from)?;
    ensure!(vm.sessions(COUNTER)?.len() == 1, "the counter does not run once");

    // The counter is in front now.
    let own = vm.sessions(SETTINGS)?.pop().context("the settings are gone")?;
    let task = vm.place("weft-servo-shell", &format!("task:{own}"))?;
    vm.settled()?;
    vm.click(task)?;
    press(vm, "stop")?;
    press(vm, "stop-yes")?;
    let limit = pace.limit(30);
    wait::until(limit, "the counter to end", || Ok(vm.sessions(COUNTER)?.is_empty().then_some(())))?;

    press(vm, "nav-device")?;
    is_written(vm, "device-name")?;
    is_written(vm, "device-facts")
}
