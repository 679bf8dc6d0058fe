//! An update from one release to the next over the network, and what a power cut anywhere in it leaves.

use crate::power_points::{Point, points};
use crate::{CORE, KIOSK, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use weft_ci::{Options, TestVm, machine, releases, wait};
use weft_ci_agent::Command;
use weft_image::vm::Mark;
use weft_release::Release;
use weft_release::boot::Entry;

const CONFIGURATION: &str = "/state/update/update.toml";
const AUTHORITY: &str = "/state/update/authority.pem";
/// Seconds that everything must hold until a release on trial is kept.
const SETTLE: &str = "weft.health-settle=3";

pub fn trials() -> Vec<Trial> {
    let plugged = || Options { network: true, command_line: Some(SETTLE), ..Options::default() };
    let with_stick = || Options { stick: true, command_line: Some(SETTLE), ..Options::default() };
    let recorded =
        || Options { network: true, command_line: Some(SETTLE), disk_log: true, ..Options::default() };
    vec![
        vm_test_with("an_update_and_the_way_back", CORE, plugged, there_and_back),
        vm_test_with("a_device_takes_a_release_by_itself_over_https", CORE, plugged, by_itself),
        vm_test_with("a_stick_that_is_plugged_in_updates_the_device", CORE, with_stick, from_stick),
        vm_test_with("the_system_ui_shows_an_update", KIOSK, plugged, shown),
        vm_test_with("an_update_survives_a_power_cut_anywhere", CORE, recorded, power_cuts),
    ]
}

/// `weft-update` with these words; what it printed.
fn weft_update(vm: &mut TestVm, words: &[&str]) -> anyhow::Result<String> {
    let (code, said) = vm.agent()?.run(Command {
        program: "/usr/bin/weft-update".to_owned(),
        arguments: words.iter().map(|word| (*word).to_owned()).collect(),
        user: None,
        group: None,
        environment: Vec::new(),
    })?;
    ensure!(code == Some(0), "`weft-update {}` ended with {code:?}:\n{said}", words.join(" "));
    Ok(said)
}

/// Starts the first release and tells it of the repository.
fn begin(vm: &mut TestVm, configuration: &str) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_agent()?;
    // A release on trial takes no other one. By then the service's folder is there, too.
    vm.wait_init(Mark::default(), &format!("version {} is good", vm.info.version.clone()))?;
    vm.agent()?.write(CONFIGURATION, configuration)?;
    has_address(vm)
}

fn has_address(vm: &mut TestVm) -> anyhow::Result<()> {
    let limit = vm.pace.limit(60);
    let agent = vm.agent()?;
    // The way out leads by 10.0.2.2, as the kernel prints it.
    wait::until(limit, "a route", || Ok(agent.read("/proc/net/route")?.contains("0202000A").then_some(())))
}

fn there_and_back(vm: &mut TestVm) -> anyhow::Result<()> {
    let (server, configuration) = releases::serve(CORE)?;
    let (first, next) = (vm.info.version.clone(), releases::newest(CORE)?);
    begin(vm, &configuration)?;
    let found = weft_update(vm, &["check"])?;
    ensure!(found.contains(&next.version.to_string()), "it found: {found}");
    let from = vm.mark()?;
    weft_update(vm, &["apply"])?;
    // Little of the root image is new, and nothing else is fetched of it.
    let (whole, tree) = (next.data_blocks * 4096, next.hash_bytes);
    ensure!(
        server.sent() < whole / 2 + tree + KERNEL_IMAGE,
        "{} bytes were sent; the root image has {whole}",
        server.sent()
    );
    vm.agent()?.reboot()?;
    kept(vm, from, &format!("slot b, version {}", next.version))?;
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));

    let from = vm.mark()?;
    weft_update(vm, &["rollback"])?;
    vm.agent()?.reboot()?;
    // It, too, would be left behind if it did not start any more.
    kept(vm, from, &format!("slot a, version {first}"))
}

/// More than a kernel image has.
const KERNEL_IMAGE: u64 = 24 << 20;

/// At any hour, looking once a minute.
const AUTOMATIC: &str = "[automatic]\nfrom = 0\nto = 24\nevery = 1\n";

/// Starts the first release, waits until it is kept, and starts it again with these files, which the service reads as it starts.
fn begin_again(vm: &mut TestVm, files: &[(&str, &str)]) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    vm.wait_init(Mark::default(), &format!("version {} is good", vm.info.version.clone()))?;
    for (path, contents) in files {
        vm.agent()?.write(path, contents)?;
    }
    let from = vm.mark()?;
    vm.agent()?.reboot()?;
    vm.wait_init(from, "weft-appd ready")?;
    vm.wait_agent().map(drop)
}

fn by_itself(vm: &mut TestVm) -> anyhow::Result<()> {
    let (_server, configuration, authority) = releases::serve_secure(CORE)?;
    let next = releases::newest(CORE)?;
    let trust = format!("certificates = \"{AUTHORITY}\"\n");
    begin_again(
        vm,
        &[(AUTHORITY, &authority), (CONFIGURATION, &format!("{configuration}{trust}{AUTOMATIC}"))],
    )?;
    takes(vm, Mark::default(), &next)
}

/// Nobody does more than to plug it in.
fn from_stick(vm: &mut TestVm) -> anyhow::Result<()> {
    let next = releases::newest(CORE)?;
    let product = weft_release::product(CORE);
    let configuration = format!("source = \"usb\"\nproduct = \"{product}\"\n{AUTOMATIC}");
    begin_again(vm, &[(CONFIGURATION, &configuration)])?;
    let from = vm.mark()?;
    vm.vm()?.plug_stick(machine::STICK)?;
    takes(vm, from, &next)
}

/// Seconds until a device has taken a release by itself: it looks once a minute, and five minutes after a look that failed, such as one
/// before there was an address.
const BY_ITSELF: u64 = 480;

fn takes(vm: &mut TestVm, from: Mark, release: &Release) -> anyhow::Result<()> {
    let limit = vm.pace.limit(BY_ITSELF);
    let on_trial = format!("slot b, version {}", release.version);
    vm.vm()?.console.wait_init(from, limit, &format!("{on_trial}, on trial"))?;
    kept(vm, from, &on_trial)?;
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    Ok(())
}

/// Waits until a release on trial is found good.
fn kept(vm: &mut TestVm, from: Mark, who: &str) -> anyhow::Result<()> {
    let from = vm.wait_init(from, &format!("{who}, on trial"))?;
    vm.wait_init(from, "is good")?;
    vm.wait_agent().map(drop)
}

fn shown(vm: &mut TestVm) -> anyhow::Result<()> {
    let (_server, configuration) = releases::serve(KIOSK)?;
    let next = releases::newest(KIOSK)?;
    begin(vm, &configuration)?;
    vm.wait_system_ui(Mark::default())?;
    let from = vm.mark()?;
    weft_update(vm, &["apply"])?;
    let bell = vm.place("weft-servo-shell", "notifications")?;
    vm.click(bell)?;
    vm.place("weft-servo-shell", "system:activated").context("the system UI says nothing of the update")?;
    vm.agent()?.reboot()?;
    kept(vm, from, &format!("slot b, version {}", next.version))?;
    vm.wait_system_ui(from)?;
    Ok(())
}

/// Records a whole update, from the first block of the other slot to the release that is kept, and looks at what is on the disk if the
/// power goes at any of many points of it: the boot loader always finds a whole system, old or new. Some of the points are booted.
fn power_cuts(vm: &mut TestVm) -> anyhow::Result<()> {
    let (_server, configuration) = releases::serve(CORE)?;
    let next = releases::newest(CORE)?;
    begin(vm, &configuration)?;
    let from = vm.mark()?;
    weft_update(vm, &["apply"])?;
    vm.agent()?.reboot()?;
    kept(vm, from, &format!("slot b, version {}", next.version))?;
    vm.stop();
    let log = vm.disk_log()?;
    let (mut old, mut new, mut booted) = (0, 0, 0);
    let seen = points(vm, &log, &next, |vm, point| {
        let Point { index, boots } = point;
        match boots.slot {
            weft_release::Slot::A => old += 1,
            weft_release::Slot::B => new += 1,
        }
        if index.is_multiple_of(BOOT_EVERY) {
            booted += 1;
            comes_back(vm, &configuration, &boots)?;
        }
        Ok(())
    })?;
    println!(
        "power cut at {seen} points: {old} start the old release, {new} the new one; {booted} were booted"
    );
    ensure!(old > 0 && new > 0, "the points do not cover the update");
    Ok(())
}

/// Of the points that are looked at, every so many is booted.
const BOOT_EVERY: usize = 20;

/// Starts what a power cut left, and does the update once more.
fn comes_back(vm: &mut TestVm, configuration: &str, boots: &Entry) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-bless ready")?;
    vm.wait_agent()?;
    // What the test itself wrote may not have reached the disk. The service whose folder it is runs by now.
    vm.agent()?.write(CONFIGURATION, configuration)?;
    let Entry { slot, version, kept, .. } = boots;
    let trial = if *kept { "" } else { ", on trial" };
    vm.wait_init(Mark::default(), &format!("slot {slot}, version {version}{trial}"))?;
    if !kept {
        vm.wait_init(Mark::default(), &format!("version {version} is good"))?;
    }
    has_address(vm)?;
    weft_update(vm, &["apply"])?;
    vm.stop();
    Ok(())
}
