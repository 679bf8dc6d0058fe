//! A release on trial that works is kept, and a factory reset keeps it.

use crate::{CORE, KIOSK, vm_test, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::{Options, TestVm, disk, second, wait};
use weft_image::vm::{Mark, session};

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("a_release_that_works_is_kept", KIOSK, works),
        vm_test_with(
            "a_factory_reset_by_the_kernels_command_line_drops_the_state",
            CORE,
            || Options { command_line: Some("weft.factory-reset"), ..Options::default() },
            reset_by_command_line,
        ),
        vm_test("a_factory_reset_keeps_the_system_and_drops_the_state", CORE, reset),
        vm_test("a_factory_reset_from_the_boot_menu_drops_the_state_once", CORE, reset_from_the_menu),
    ]
}

pub fn entries(vm: &TestVm) -> anyhow::Result<Vec<String>> {
    let esp = disk::partition(&vm.info, "esp")?;
    let mut names = disk::esp_names(&vm.disk(), esp, "EFI/Linux")?;
    names.sort();
    Ok(names)
}

fn works(vm: &mut TestVm) -> anyhow::Result<()> {
    second::install(vm, |line| format!("{line} weft.health-settle=5"))?;
    vm.start()?;
    let version = vm.info.version.clone();
    vm.wait_init(Mark::default(), &format!("slot b, version {}, on trial", second::VERSION))?;
    vm.wait_system_ui(Mark::default())?;
    vm.wait_init(Mark::default(), &format!("version {} is good", second::VERSION))?;
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    let limit = vm.pace.limit(12);
    vm.vm()?.power_button()?;
    vm.vm()?.wait_end(limit, "waiting for the machine to switch off")?;
    let kept = [format!("weft-a_{version}.efi"), format!("weft-b_{}_kept+3.efi", second::VERSION)];
    ensure!(entries(vm)? == kept, "the boot loader has {:?}", entries(vm)?);
    // It is on trial no more, and a boot that goes well gives the boot loader its try back.
    vm.start()?;
    vm.wait_init(Mark::default(), &format!("slot b, version {}", second::VERSION))?;
    vm.wait_agent()?;
    let limit = vm.pace.limit(60);
    let agent = vm.agent()?;
    wait::until(limit, "that it is kept once more", || {
        Ok((agent.log("weft-bless").unwrap_or_default().matches("is kept").count() == 2).then_some(()))
    })?;
    vm.stop();
    ensure!(entries(vm)? == kept, "the boot loader has {:?}", entries(vm)?);
    Ok(())
}

const PROBE: &str = "/state/probe";

fn reset(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    vm.agent()?.write(PROBE, "mine")?;
    let from = vm.mark()?;
    vm.agent()?.ask_init("factory-reset")?;
    let from = vm.wait_init(from, "factory reset: dropping the state")?;
    vm.wait_init(from, "weft-appd ready")?;
    vm.wait_agent()?;
    let names = vm.agent()?.list("/state")?;
    ensure!(!names.contains(&"probe".to_owned()), "the state is still there: {names:?}");
    ensure!(!names.contains(&"factory-reset".to_owned()), "the wish is still there: {names:?}");
    Ok(())
}

fn reset_from_the_menu(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    vm.agent()?.write(PROBE, "mine")?;
    let from = vm.mark()?;
    vm.agent()?.reboot()?;
    // The boot loader shows its menu to whoever presses a key as it starts; the first line stays selected meanwhile.
    let limit = session::boot_limit(vm.pace);
    wait::until(limit, "the boot menu", || {
        vm.vm()?.press("home")?;
        Ok(vm.vm()?.console.says(from, "Factory reset").then_some(()))
    })?;
    // All keys so far are taken when the menu stands still; the next must not be one too many for the keyboard's buffer.
    let menu = vm.settled()?;
    vm.vm()?.press("down")?;
    vm.vm()?.wait_screen(limit, Duration::ZERO, "waiting for the second line", |screen| *screen != menu)?;
    vm.vm()?.press("ret")?;
    let from = vm.wait_init(from, "factory reset from the boot menu")?;
    vm.wait_init(from, "weft-appd ready")?;
    vm.wait_agent()?;
    let names = vm.agent()?.list("/state")?;
    ensure!(!names.contains(&"probe".to_owned()), "the state is still there: {names:?}");

    vm.agent()?.write(PROBE, "mine")?;
    let from = vm.mark()?;
    vm.agent()?.reboot()?;
    vm.wait_init(from, "weft-appd ready")?;
    vm.wait_agent()?;
    let names = vm.agent()?.list("/state")?;
    ensure!(names.contains(&"probe".to_owned()), "the next start dropped the state, too: {names:?}");
    Ok(())
}

fn reset_by_command_line(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    vm.agent()?.write(PROBE, "mine")?;
    let from = vm.mark()?;
    vm.agent()?.reboot()?;
    let from = vm.wait_init(from, "factory reset from the boot menu")?;
    vm.wait_init(from, "weft-appd ready")?;
    vm.wait_agent()?;
    let names = vm.agent()?.list("/state").context("there is no state")?;
    ensure!(!names.contains(&"probe".to_owned()), "the state is still there: {names:?}");
    Ok(())
}
