//! The network and the clock of a machine on QEMU's own network.

use crate::{CORE, KIOSK, vm_test_with};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::{Options, TestVm, wait};
use weft_image::vm::Mark;
use weft_image::vm::network::{ADDRESS, NAME_SERVER, ROUTER};

const RESOLVER: &str = "/etc/resolv.conf";

pub fn trials() -> Vec<Trial> {
    let plugged = || Options { network: true, ..Options::default() };
    vec![
        vm_test_with("the_network_gives_an_address_that_is_given_back", CORE, plugged, lease),
        vm_test_with("a_network_card_can_be_pulled_out_and_put_back", CORE, plugged, hotplug),
        vm_test_with("the_system_ui_shows_the_address", KIOSK, plugged, shown),
        vm_test_with(
            "a_clock_of_1970_begins_when_the_image_was_built",
            CORE,
            || Options { hardware_clock: Some("1970-01-01T00:00:00"), ..Options::default() },
            clock_floor,
        ),
        vm_test_with(
            "a_clock_of_2099_begins_when_the_image_was_built",
            CORE,
            || Options { hardware_clock: Some("2099-01-01T00:00:00"), ..Options::default() },
            clock_floor,
        ),
    ]
}

/// Waits until weft-netd's log has a text that many times.
fn wait_said(vm: &mut TestVm, text: &str, times: usize) -> anyhow::Result<String> {
    let limit = vm.pace.limit(60);
    let agent = vm.agent()?;
    wait::until(limit, &format!("`{text}` {times} times in weft-netd's log"), || {
        let log = agent.log("weft-netd").unwrap_or_default();
        Ok((log.matches(text).count() >= times).then_some(log))
    })
}

/// Waits until names are asked of this server alone, or of nobody.
fn wait_resolver(vm: &mut TestVm, server: Option<&str>) -> anyhow::Result<()> {
    let limit = vm.pace.limit(30);
    let agent = vm.agent()?;
    wait::until(limit, &format!("{RESOLVER} to name {}", server.unwrap_or("nobody")), || {
        let text = agent.read(RESOLVER).unwrap_or_default();
        let named: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("nameserver ")).collect();
        Ok((!text.is_empty() && named == Vec::from_iter(server)).then_some(()))
    })
}

fn lease(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_agent()?;
    let log = wait_said(vm, &format!("leased {ADDRESS}/24 from {ROUTER}"), 1)?;
    ensure!(log.contains(&format!("router {ROUTER}; name servers {NAME_SERVER}")), "it says:\n{log}");
    wait_resolver(vm, Some(NAME_SERVER))?;
    let routes = vm.agent()?.read("/proc/net/route")?;
    let default = routes.lines().find(|line| line.split('\t').nth(1) == Some("00000000"));
    // 10.0.2.2, as the kernel prints it.
    ensure!(default.is_some_and(|line| line.contains("0202000A")), "no way out:\n{routes}");
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));

    let limit = vm.pace.limit(12);
    vm.vm()?.power_button()?;
    vm.vm()?.wait_end(limit, "waiting for the machine to switch off")?;
    vm.start()?;
    vm.wait_agent()?;
    wait_said(vm, &format!("{ADDRESS} is no longer used"), 1)?;
    Ok(())
}

fn hotplug(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_agent()?;
    let leased = format!("leased {ADDRESS}/24");
    wait_said(vm, &leased, 1)?;
    vm.vm()?.unplug_network()?;
    wait_said(vm, "unplugged", 1)?;
    wait_resolver(vm, None)?;
    // QEMU refuses the name until its old owner is quite gone.
    let limit = vm.pace.limit(30);
    let machine = vm.vm()?;
    wait::until(limit, "QEMU to take the card back", || Ok(machine.plug_network().ok()))?;
    wait_said(vm, &leased, 2)?;
    Ok(())
}

fn shown(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_system_ui(Mark::default())?;
    vm.wait_agent()?;
    let place = vm.place("weft-servo-shell", "network:on")?;
    let limit = vm.pace.limit(30);
    wait::until(limit, "the address to be drawn", || {
        let screen = vm.vm()?.screenshot()?;
        Ok((screen.region(place).colours() > 8).then_some(()))
    })
}

fn clock_floor(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_agent()?;
    wait_said(vm, "the clock cannot be right", 1)?;
    let built: u64 = vm.agent()?.read("/usr/lib/weft/build-time")?.trim().parse()?;
    let now = guest_time(vm)?;
    let most = built + Duration::from_secs(3600).as_secs();
    // Both parts of the time are whole seconds, rounded down.
    ensure!((built..most).contains(&(now + 1)), "the clock says {now}, and the image is of {built}");
    // What was kept is at least that, too.
    let limit = vm.pace.limit(30);
    let agent = vm.agent()?;
    let kept: u64 = wait::until(limit, "the time to be kept", || {
        Ok(agent.read("/state/netd/last-time").ok().and_then(|text| text.trim().parse().ok()))
    })?;
    ensure!(kept >= built, "{kept} was kept, and the image is of {built}");
    Ok(())
}

/// Seconds since 1970 by the guest's clock: the boot's own time, which the kernel reckons from the clock, and the time since.
fn guest_time(vm: &mut TestVm) -> anyhow::Result<u64> {
    let agent = vm.agent()?;
    let stat = agent.read("/proc/stat")?;
    let boot = stat.lines().find_map(|line| line.strip_prefix("btime ")).context("no btime in /proc/stat")?;
    let uptime = agent.read("/proc/uptime")?;
    let since: f64 = uptime.split(' ').next().unwrap_or_default().parse()?;
    Ok(boot.trim().parse::<u64>()? + since as u64)
}
