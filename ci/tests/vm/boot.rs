//! Firmware to system UI.

use crate::{CORE, KIOSK, vm_test, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use weft_ci::{Options, TestVm, disk};
use weft_image::vm::Mark;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("boots_to_the_system_ui", KIOSK, boots_to_the_system_ui),
        vm_test("core_boots_without_a_display", CORE, core_boots),
        vm_test_with(
            "core_boots_in_128_mib",
            CORE,
            || Options { memory_mib: 128, ..Options::default() },
            core_boots,
        ),
        vm_test("each_start_costs_the_boot_loader_a_try", CORE, boot_counting),
    ]
}

fn boots_to_the_system_ui(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    let screen = vm.wait_system_ui(Mark::default())?;
    for service in ["weft-compositor", "weft-appd", "weft-servo-shell"] {
        vm.wait_init(Mark::default(), &format!("{service} ready"))?;
    }
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    ensure!(
        (screen.width, screen.height) == weft_ci::machine::SCREEN,
        "the screen is {}x{}",
        screen.width,
        screen.height
    );

    vm.wait_agent()?;
    // What the system has to say of itself is known by now, and nothing of it is worth a notification.
    vm.wait_init(Mark::default(), "weft-bless ready")?;
    // The system UI is there where it says: an icon is a picture, not a plain colour.
    let icon = vm.place("weft-servo-shell", "icon:org.weft.demo.counter")?;
    let home = vm.place("weft-servo-shell", "home")?;
    let screen = vm.settled()?;
    let said = vm.agent()?.log("weft-servo-shell")?;
    ensure!(!said.contains("toast:"), "a sound system shows a notification:\n{said}");
    ensure!(screen.region(icon).colours() > 8, "nothing is drawn at the counter's icon, {icon:?}");
    ensure!(screen.region(home).colours() > 2, "nothing is drawn at the home button, {home:?}");
    ensure!(home.y + home.height > 800 - 48, "the home button is not in the task bar: {home:?}");

    let processes = vm.agent()?.processes()?;
    for process in &processes {
        let expected = match process.name.as_str() {
            "weft-compositor" => 101,
            "weft-appd" => 102,
            "weft-servo-shell" => 103,
            _ => continue,
        };
        ensure!(process.uid == expected, "{} runs as {}", process.name, process.uid);
        let status = vm.agent()?.read(&format!("/proc/{}/status", process.pid))?;
        let capabilities =
            status.lines().find_map(|line| line.strip_prefix("CapEff:")).context("no CapEff")?;
        ensure!(
            u64::from_str_radix(capabilities.trim(), 16)? == 0,
            "{} has capabilities {capabilities}",
            process.name
        );
    }
    Ok(())
}

fn core_boots(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    let mounts = vm.agent()?.read("/proc/self/mountinfo")?;
    let options = |point: &str| {
        let line = mounts.lines().find(|line| line.split(' ').nth(4) == Some(point));
        line.map(str::to_owned).with_context(|| format!("nothing is mounted at {point}"))
    };
    let root = options("/")?;
    ensure!(root.contains(" ro") && root.contains(" erofs "), "the root is not a read-only EROFS: {root}");
    let state = options("/state")?;
    for option in ["ext4", "nosuid", "nodev", "noexec"] {
        ensure!(state.contains(option), "/state has no {option}: {state}");
    }
    Ok(())
}

fn boot_counting(vm: &mut TestVm) -> anyhow::Result<()> {
    let esp = disk::partition(&vm.info, "esp")?.clone();
    let entries = |vm: &TestVm| disk::esp_names(&vm.disk(), &esp, "EFI/Linux");
    let before = entries(vm)?;
    let name = format!("weft-a_{}", vm.info.version);
    ensure!(before == [format!("{name}+3.efi")], "the built image has {before:?}");
    vm.start()?;
    vm.wait_init(Mark::default(), "started")?;
    vm.stop();
    let after = entries(vm)?;
    ensure!(after == [format!("{name}+2-1.efi")], "after one start there is {after:?}");
    Ok(())
}
