//! Broken releases and broken surroundings: whatever is wrong, the device is on a working system within three tries, by itself, and says why.

use crate::power_points::hex;
use crate::trial::entries;
use crate::{CORE, KIOSK, vm_test, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::second::{self, VERSION};
use weft_ci::verified::VerifiedRoot;
use weft_ci::{Options, TestVm, disk, releases, wait};
use weft_ci_agent::{Command, SPEAK};
use weft_image::vm::{Mark, session};
use weft_release::Slot;

/// Seconds that a broken release has here, from the kernel's start: what is wrong with it must be all that is wrong by then.
const LIMIT: u64 = 15;
/// Where there is a screen; also longer than PID 1 waits for the system UI.
const LIMIT_WITH_SCREEN: u64 = 25;
const MOST: Duration = Duration::from_secs(90);
const TRIES: usize = 3;
const FOLDER: &str = "EFI/Linux";

pub fn trials() -> Vec<Trial> {
    let mut trials = vec![
        vm_test("a_release_whose_kernel_finds_no_init_is_left", CORE, |vm| {
            second::install(vm, |line| format!("{line} init=/nowhere"))?;
            starts_and_is_left(vm, Left::never_came_up())
        }),
        vm_test("a_release_with_a_wrong_root_hash_is_left", CORE, wrong_root_hash),
        vm_test("a_release_for_a_disk_of_other_partitions_is_left", CORE, |vm| {
            never_comes_up(vm, |line| line.replace("verity 1 PARTLABEL=root-b", "verity 1 PARTLABEL=root-c"))
        }),
        vm_test("a_release_whose_init_exits_is_left", CORE, |vm| {
            let change = fault(vm, "init-exit");
            never_comes_up(vm, change)
        }),
        vm_test("a_release_whose_init_hangs_is_left", CORE, |vm| {
            left(vm, "init-hang", Left::never_came_up())
        }),
        vm_test("a_release_without_services_is_left", CORE, |vm| {
            left_in_the_end(vm, "no-services", "nobody found this release good")
        }),
        vm_test("a_release_whose_appd_crashes_is_left", CORE, |vm| {
            left(vm, "weft-appd", Left::because("weft-appd is"))
        }),
        vm_test("a_release_whose_appd_hangs_is_left", CORE, |vm| {
            left_in_the_end(vm, "hangs:weft-appd", "weft-appd is")
        }),
        // Confined services start through it: which of them is named first is not its concern.
        vm_test("a_release_whose_launcher_crashes_is_left", CORE, |vm| {
            left_in_the_end(vm, "weft-launcher", "the service weft-")
        }),
        vm_test("a_release_whose_network_service_crashes_is_left", CORE, |vm| {
            left_in_the_end(vm, "weft-netd", "weft-netd is")
        }),
        vm_test("a_release_that_cannot_judge_itself_is_left", CORE, |vm| {
            left_in_the_end(vm, "weft-update", "nobody found this release good")
        }),
        vm_test("a_release_whose_compositor_crashes_is_left", KIOSK, |vm| {
            left_in_the_end(vm, "weft-compositor", "weft-compositor is")
        }),
        vm_test("a_release_whose_compositor_hangs_is_left", KIOSK, |vm| {
            left_in_the_end(vm, "hangs:weft-compositor", "weft-compositor is")
        }),
        vm_test("a_release_whose_engine_crashes_is_left", KIOSK, |vm| {
            left_in_the_end(vm, "weft-web", "weft-servo-shell is")
        }),
        vm_test("a_release_whose_screen_is_black_is_left", KIOSK, |vm| {
            left_in_the_end(vm, "black", "the screen is blank")
        }),
        vm_test("a_release_without_its_kiosk_app_is_left", KIOSK, |vm| {
            left_in_the_end(vm, "no-kiosk-app", "the app org.weft.gone does not run")
        }),
        vm_test("a_release_whose_kiosk_app_crashes_is_left", KIOSK, |vm| {
            left_in_the_end(vm, "kiosk-app-crashes", "the app org.weft.demo.counter does not run")
        }),
        vm_test("a_release_whose_kiosk_app_hangs_is_left", KIOSK, |vm| {
            left_in_the_end(vm, "kiosk-app-hangs", "org.weft.demo.counter")
        }),
        vm_test("a_release_whose_root_begins_rotten_is_left", CORE, |vm| rotten(vm, "root-b", 0)),
        vm_test("a_release_whose_hash_tree_is_rotten_is_left", CORE, |vm| rotten(vm, "verity-b", 4096)),
        vm_test("a_kept_release_that_rots_is_left", CORE, kept_one_rots),
        vm_test("a_release_without_its_kernel_image_is_left", CORE, no_kernel_image),
        vm_test("a_release_with_an_empty_kernel_image_is_left", CORE, empty_kernel_image),
        vm_test("a_release_with_half_a_kernel_image_is_left", CORE, half_kernel_image),
        vm_test("a_kept_release_whose_kernel_image_rots_is_left", CORE, kept_kernel_image_rots),
        vm_test("a_release_on_a_full_boot_partition_is_kept", CORE, full_boot_partition),
        vm_test("a_release_on_a_full_state_partition_comes_up", CORE, full_state),
    ];
    trials.extend([
        vm_test("a_release_without_a_network_is_kept", CORE, kept),
        vm_test_with("a_release_in_1970_is_kept", CORE, || clock("1970-01-01T00:00:00"), kept),
        vm_test_with("a_release_in_2099_is_kept", CORE, || clock("2099-01-01T00:00:00"), kept),
    ]);
    trials
}

fn clock(base: &'static str) -> Options {
    Options { hardware_clock: Some(base), ..Options::default() }
}

/// What ends up where a release is broken.
struct Left {
    /// How often PID 1 of the release ran, where that is certain.
    tries: Option<usize>,
    /// What everybody is told.
    reason: &'static str,
    /// What is left of its boot entry.
    entry: Option<&'static str>,
}

impl Left {
    /// It ran, and somebody found out what is wrong.
    fn because(reason: &'static str) -> Self {
        Left { tries: Some(TRIES), reason, entry: Some("+0-3") }
    }

    /// The boot loader never took it.
    fn passed_over(entry: Option<&'static str>) -> Self {
        Left { tries: Some(0), reason: "\"slot\":\"a\"", entry }
    }

    fn never_came_up() -> Self {
        Left { tries: Some(0), reason: "it never came up", entry: Some("+0-3") }
    }
}

/// How long a broken release has; also on a machine that was very busy as its pace was taken, no longer than somebody would wait.
fn limit(vm: &TestVm) -> Duration {
    vm.pace.limit(if vm.info.profile == KIOSK { LIMIT_WITH_SCREEN } else { LIMIT }).min(MOST)
}

/// A second release that breaks itself in this way (`weft_ci_agent::fault`).
fn fault(vm: &TestVm, name: &'static str) -> impl FnOnce(&str) -> String + use<> {
    let limit = limit(vm).as_secs();
    move |line| {
        format!(
            "{line} init=/usr/bin/weft-ci-agent fault={name} weft.health-settle=5 weft.health-limit={limit}"
        )
    }
}

/// Starts with a second release that breaks itself, touches nothing, and looks at what runs in the end.
fn left(vm: &mut TestVm, name: &'static str, end: Left) -> anyhow::Result<()> {
    let change = fault(vm, name);
    second::install(vm, change)?;
    starts_and_is_left(vm, end)
}

/// [`left`] for a release that two of its three tries were given: what is broken shows in the last one as well.
fn left_in_the_end(vm: &mut TestVm, name: &'static str, reason: &'static str) -> anyhow::Result<()> {
    let change = fault(vm, name);
    second::install_for_its_last_try(vm, change)?;
    starts_and_is_left(vm, Left { tries: Some(1), ..Left::because(reason) })
}

/// [`left_in_the_end`] for a release whose PID 1 does not get as far as to say what is wrong.
fn never_comes_up(vm: &mut TestVm, change: impl FnOnce(&str) -> String) -> anyhow::Result<()> {
    second::install_for_its_last_try(vm, change)?;
    starts_and_is_left(vm, Left::never_came_up())
}

fn starts_and_is_left(vm: &mut TestVm, end: Left) -> anyhow::Result<()> {
    vm.start()?;
    let version = vm.info.version.clone();
    let one_try = session::boot_limit(vm.pace) + limit(vm) + Duration::from_secs(60);
    let old = format!("slot a, version {version}");
    let (_, back) = vm.vm()?.console.wait_init(Mark::default(), one_try * 4, &old)?;
    let kiosk = vm.info.profile == KIOSK;
    vm.wait_init(back, if kiosk { session::SYSTEM_UI_READY } else { "weft-appd ready" })?;
    vm.wait_init(back, "weft-bless ready")?;
    // Each try had an agent, whose greeting is still to be read.
    let limit = vm.pace.limit(30);
    wait::until(limit, "the agent of the system that is there", || Ok(vm.agent()?.boot_id().ok()))?;
    let tries = vm.vm()?.console.lines_from(Mark::default());
    let tries = tries.iter().filter(|line| line.contains("slot b, version")).count();
    ensure!(
        end.tries.is_none_or(|expected| tries == expected),
        "PID 1 of the second release ran {tries} times"
    );
    if end.tries.is_some_and(|tries| tries > 0) {
        let record = vm.agent()?.read("/state/update/boot.json")?;
        ensure!(record.contains(end.reason), "the record does not say `{}`: {record}", end.reason);
    }
    wait::until(limit, &format!("`{}` in the status", end.reason), || {
        Ok(status(vm)?.contains(end.reason).then_some(()))
    })?;
    vm.stop();
    let mut names = entries(vm)?;
    names.retain(|name| name.starts_with("weft-b"));
    let expected = end.entry.map(|tries| format!("weft-b_{}{tries}.efi", VERSION));
    ensure!(names == Vec::from_iter(expected), "the boot loader has {names:?}");
    Ok(())
}

/// What everybody who connects is told.
fn status(vm: &mut TestVm) -> anyhow::Result<String> {
    let socket = "/run/weft/update.sock".to_owned();
    let (_, said) = vm.agent()?.run(Command {
        program: "/usr/bin/weft-ci-agent".to_owned(),
        arguments: vec![SPEAK.to_owned(), socket, String::new()],
        user: None,
        group: None,
        environment: Vec::new(),
    })?;
    Ok(said)
}

fn wrong_root_hash(vm: &mut TestVm) -> anyhow::Result<()> {
    let hash = hex(&releases::newest(&vm.info.profile)?.root_hash);
    let other = if hash.starts_with('0') { "1" } else { "0" };
    never_comes_up(vm, |line| line.replace(&hash, &format!("{other}{}", &hash[1..])))
}

/// More than forward error correction can make good: it has a byte for each 126 that lie spread over the whole.
const BEYOND_REPAIR: usize = 1 << 20;

fn rotten(vm: &mut TestVm, label: &str, offset: u64) -> anyhow::Result<()> {
    second::install_for_its_last_try(vm, str::to_owned)?;
    let partition = disk::partition(&vm.info, label)?.clone();
    let length = BEYOND_REPAIR.min((partition.size - offset) as usize);
    disk::overwrite(&vm.disk(), &partition, offset, &vec![0x5a; length])?;
    starts_and_is_left(vm, Left { tries: None, ..Left::never_came_up() })
}

/// The boot loader goes on counting the tries of a release that was kept.
fn kept_one_rots(vm: &mut TestVm) -> anyhow::Result<()> {
    kept(vm)?;
    vm.stop();
    VerifiedRoot::of(vm, Slot::B)?.rot_beyond_repair(0)?;
    starts_and_is_left(
        vm,
        Left { tries: Some(0), reason: "its slot is damaged beyond repair", entry: Some("_kept+0-3") },
    )
}

fn kernel_image() -> String {
    format!("{FOLDER}/{}", second::fresh_name())
}

fn no_kernel_image(vm: &mut TestVm) -> anyhow::Result<()> {
    second::install(vm, str::to_owned)?;
    disk::esp_remove(&vm.disk(), disk::partition(&vm.info, "esp")?, &kernel_image())?;
    starts_and_is_left(vm, Left::passed_over(None))
}

/// The boot loader passes over what names no release.
fn empty_kernel_image(vm: &mut TestVm) -> anyhow::Result<()> {
    second::install(vm, str::to_owned)?;
    disk::esp_write(&vm.disk(), disk::partition(&vm.info, "esp")?, &kernel_image(), &[])?;
    starts_and_is_left(vm, Left::passed_over(Some("+3")))
}

/// The boot loader gives up with an error, which costs the try: three starts later it takes the other slot.
fn half_kernel_image(vm: &mut TestVm) -> anyhow::Result<()> {
    second::install(vm, str::to_owned)?;
    halve(vm, &kernel_image())?;
    starts_and_is_left(vm, Left::never_came_up())
}

fn kept_kernel_image_rots(vm: &mut TestVm) -> anyhow::Result<()> {
    kept(vm)?;
    let limit = vm.pace.limit(30);
    vm.vm()?.power_button()?;
    vm.vm()?.wait_end(limit, "waiting for the machine to switch off")?;
    let names = entries(vm)?;
    let kept = names.iter().find(|name| name.starts_with("weft-b")).context("the release is not kept")?;
    halve(vm, &format!("{FOLDER}/{kept}"))?;
    starts_and_is_left(vm, Left { tries: Some(0), reason: "it stopped starting", entry: Some("_kept+0-3") })
}

fn halve(vm: &TestVm, image: &str) -> anyhow::Result<()> {
    let esp = disk::partition(&vm.info, "esp")?;
    let whole = disk::esp_read(&vm.disk(), esp, image)?;
    disk::esp_write(&vm.disk(), esp, image, &whole[..whole.len() / 2])
}

fn full_boot_partition(vm: &mut TestVm) -> anyhow::Result<()> {
    second::install(vm, |line| format!("{line} weft.health-settle=5"))?;
    disk::esp_fill(&vm.disk(), disk::partition(&vm.info, "esp")?, "filled")?;
    is_kept(vm)
}

fn kept(vm: &mut TestVm) -> anyhow::Result<()> {
    second::install(vm, |line| format!("{line} weft.health-settle=5"))?;
    is_kept(vm)
}

fn is_kept(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), &format!("slot b, version {VERSION}, on trial"))?;
    vm.wait_init(Mark::default(), &format!("version {VERSION} is good"))
        .context("the release was not found good")?;
    Ok(())
}

/// Nobody can write anything down there; what counts is that something runs.
fn full_state(vm: &mut TestVm) -> anyhow::Result<()> {
    let change = fault(vm, "state-full");
    second::install(vm, change)?;
    vm.start()?;
    let from = vm.wait_init(Mark::default(), &format!("slot b, version {VERSION}, on trial"))?;
    let one_try = session::boot_limit(vm.pace) + limit(vm) + Duration::from_secs(60);
    let good = format!("version {VERSION} is good");
    let kept = vm.vm()?.console.wait_init(from, one_try, &good).is_ok();
    if !kept {
        let old = format!("slot a, version {}", vm.info.version);
        let (_, back) = vm.vm()?.console.wait_init(from, one_try * TRIES as u32, &old)?;
        vm.wait_init(back, "weft-appd ready")?;
    }
    Ok(())
}
