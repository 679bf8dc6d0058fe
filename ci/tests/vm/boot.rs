//! Firmware to system UI, and what must keep a machine from getting there.

use crate::{CORE, KIOSK, vm_test, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use weft_ci::{Options, TestVm, disk};
use weft_image::vm::console::InitLine;
use weft_image::vm::{Mark, session};

pub fn trials() -> Vec<Trial> {
    let ends = || Options { no_reboot: true, ..Options::default() };
    vec![
        vm_test("boots_to_the_system_ui", KIOSK, boots_to_the_system_ui),
        vm_test("core_boots_without_a_display", CORE, core_boots),
        vm_test_with(
            "core_boots_in_128_mib",
            CORE,
            || Options { memory_mib: 128, ..Options::default() },
            core_boots,
        ),
        vm_test_with("a_flipped_byte_in_the_root_never_runs", CORE, ends, flipped_root),
        vm_test_with("a_flipped_byte_in_the_hash_tree_never_runs", CORE, ends, flipped_tree),
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
    // The system UI is there where it says: an icon is a picture, not a plain colour.
    let icon = vm.place("weft-servo-shell", "icon:org.weft.demo.counter")?;
    let home = vm.place("weft-servo-shell", "home")?;
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

fn flipped_root(vm: &mut TestVm) -> anyhow::Result<()> {
    // EROFS leaves the first 1024 bytes unused: nothing but dm-verity can notice a change there.
    let partition = disk::partition(&vm.info, "root-a")?.clone();
    disk::flip(&vm.disk(), &partition, 0)?;
    never_runs(vm)
}

fn flipped_tree(vm: &mut TestVm) -> anyhow::Result<()> {
    // The block after the superblock is the root of the hash tree.
    let partition = disk::partition(&vm.info, "verity-a")?.clone();
    disk::flip(&vm.disk(), &partition, 4096)?;
    never_runs(vm)
}

/// The kernel gives up and restarts (which ends this machine); no userspace was ever there.
fn never_runs(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    let limit = session::boot_limit(vm.pace);
    vm.vm()?.wait_end(limit, "waiting for the kernel to give up")?;
    let lines = vm.vm()?.console.lines_from(Mark::default());
    ensure!(lines.iter().all(|line| InitLine::parse(line).is_none()), "PID 1 ran:\n{}", lines.join("\n"));
    let corrupted = |line: &String| line.contains("verity") && line.contains("corrupted");
    ensure!(lines.iter().any(corrupted), "it was not dm-verity that stopped it:\n{}", lines.join("\n"));
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
