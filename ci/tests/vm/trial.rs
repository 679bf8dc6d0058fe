//! A release on trial: a good one is kept, a broken one is left by itself within three tries, and says why.

use crate::{CORE, KIOSK, vm_test, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::{Options, TestVm, disk, second};
use weft_ci_agent::{Command, SPEAK};
use weft_image::vm::{Mark, session};

/// Seconds that a release has here, from the kernel's start.
const LIMIT: u64 = 45;
const TRIES: usize = 3;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("a_release_that_works_is_kept", KIOSK, works),
        vm_test("a_release_whose_kernel_finds_no_init_is_left", CORE, |vm| {
            left(vm, |line| format!("{line} init=/nowhere"), None)
        }),
        vm_test("a_release_with_a_wrong_root_hash_is_left", CORE, wrong_root_hash),
        vm_test("a_release_whose_init_exits_is_left", CORE, |vm| left(vm, fault("init-exit"), None)),
        vm_test("a_release_whose_init_hangs_is_left", CORE, |vm| left(vm, fault("init-hang"), None)),
        vm_test("a_release_without_services_is_left", CORE, |vm| {
            left(vm, fault("no-services"), Some("nobody found this release good"))
        }),
        vm_test("a_release_whose_appd_crashes_is_left", CORE, |vm| {
            left(vm, fault("weft-appd"), Some("weft-appd is"))
        }),
        vm_test("a_release_that_cannot_judge_itself_is_left", CORE, |vm| {
            left(vm, fault("weft-update"), Some("nobody found this release good"))
        }),
        vm_test("a_release_whose_compositor_crashes_is_left", KIOSK, |vm| {
            left(vm, fault("weft-compositor"), Some("weft-compositor is"))
        }),
        vm_test("a_release_whose_screen_is_black_is_left", KIOSK, |vm| {
            left(vm, fault("black"), Some("the screen is blank"))
        }),
        vm_test("a_release_without_its_kiosk_app_is_left", KIOSK, |vm| {
            left(vm, fault("no-kiosk-app"), Some("the app org.weft.gone does not run"))
        }),
        vm_test("a_release_whose_root_rots_is_left", CORE, rotten_root),
        vm_test_with(
            "a_factory_reset_from_the_boot_menu_drops_the_state",
            CORE,
            || Options { command_line: Some("weft.factory-reset"), ..Options::default() },
            reset_from_menu,
        ),
        vm_test("a_factory_reset_keeps_the_system_and_drops_the_state", CORE, reset),
    ]
}

fn fault(name: &'static str) -> impl FnOnce(&str) -> String {
    move |line| {
        format!(
            "{line} init=/usr/bin/weft-ci-agent fault={name} weft.health-settle=5 weft.health-limit={LIMIT}"
        )
    }
}

fn entries(vm: &TestVm) -> anyhow::Result<Vec<String>> {
    let esp = disk::partition(&vm.info, "esp")?;
    let mut names = disk::esp_names(&vm.disk(), esp, "EFI/Linux")?;
    names.sort();
    Ok(names)
}

fn works(vm: &mut TestVm) -> anyhow::Result<()> {
    second::install(vm, |line| format!("{line} weft.health-settle=5"))?;
    vm.start()?;
    let version = vm.info.version.clone();
    vm.wait_init(Mark::default(), &format!("slot b, version {version}, on trial"))?;
    vm.wait_system_ui(Mark::default())?;
    vm.wait_init(Mark::default(), &format!("version {version} is good"))?;
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    vm.stop();
    let expected = [format!("weft-a_{version}.efi"), format!("weft-b_{}.efi", second::VERSION)];
    ensure!(entries(vm)? == expected, "the boot loader has {:?}", entries(vm)?);
    // Nothing is counted any more.
    vm.start()?;
    vm.wait_init(Mark::default(), &format!("slot b, version {version}"))?;
    Ok(())
}

/// Starts with a broken second release, touches nothing, and looks at what runs in the end.
fn left(vm: &mut TestVm, change: impl FnOnce(&str) -> String, reason: Option<&str>) -> anyhow::Result<()> {
    second::install(vm, change)?;
    starts_and_is_left(vm, reason)
}

fn starts_and_is_left(vm: &mut TestVm, reason: Option<&str>) -> anyhow::Result<()> {
    vm.start()?;
    let version = vm.info.version.clone();
    let one_try = session::boot_limit(vm.pace) + Duration::from_secs(LIMIT + 60);
    let old = format!("slot a, version {version}");
    let (_, back) = vm.vm()?.console.wait_init(Mark::default(), one_try * 4, &old)?;
    let kiosk = vm.info.profile == KIOSK;
    vm.wait_init(back, if kiosk { session::SYSTEM_UI_READY } else { "weft-appd ready" })?;
    vm.wait_init(back, "weft-bless ready")?;
    let tries = vm.vm()?.console.lines_from(Mark::default());
    let tries = tries.iter().filter(|line| line.contains("slot b, version")).count();
    ensure!(
        tries == if reason.is_some() { TRIES } else { 0 },
        "PID 1 of the second release ran {tries} times"
    );
    if let Some(reason) = reason {
        let agent = vm.agent()?;
        let record = agent.read("/state/update/boot.json")?;
        ensure!(record.contains(reason), "the record does not say `{reason}`: {record}");
    }
    let told = status(vm)?;
    let expected = reason.unwrap_or("it never came up");
    ensure!(told.contains(expected), "the status does not say `{expected}`: {told}");
    vm.stop();
    let expected = [format!("weft-a_{version}.efi"), format!("weft-b_{}+0-3.efi", second::VERSION)];
    ensure!(entries(vm)? == expected, "the boot loader has {:?}", entries(vm)?);
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
    let hash = vm.info.root_hash.clone();
    let other = if hash.starts_with('0') { "1" } else { "0" };
    left(vm, |line| line.replace(&hash, &format!("{other}{}", &hash[1..])), None)
}

fn rotten_root(vm: &mut TestVm) -> anyhow::Result<()> {
    second::install(vm, str::to_owned)?;
    // EROFS leaves the first 1024 bytes unused: nothing but dm-verity can notice a change there.
    let root = disk::partition(&vm.info, "root-b")?.clone();
    disk::flip(&vm.disk(), &root, 0)?;
    starts_and_is_left(vm, None)
}

const PROBE: &str = "/state/probe";

fn reset(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    vm.agent()?.write(PROBE, "mine")?;
    let from = vm.mark()?;
    vm.agent()?.ask_init("factory-reset")?;
    vm.wait_init(from, "factory reset: dropping the state")?;
    vm.wait_agent()?;
    let names = vm.agent()?.list("/state")?;
    ensure!(!names.contains(&"probe".to_owned()), "the state is still there: {names:?}");
    ensure!(!names.contains(&"factory-reset".to_owned()), "the wish is still there: {names:?}");
    Ok(())
}

fn reset_from_menu(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    vm.agent()?.write(PROBE, "mine")?;
    let boot = vm.agent()?.boot_id()?;
    vm.agent()?.reboot()?;
    let again = vm.wait_agent()?;
    ensure!(again != boot, "it did not restart");
    vm.wait_init(Mark::default(), "factory reset from the boot menu")?;
    let names = vm.agent()?.list("/state").context("there is no state")?;
    ensure!(!names.contains(&"probe".to_owned()), "the state is still there: {names:?}");
    Ok(())
}
