//! Every part dies once; each comes back by itself, without a restart of the machine, and the UI is on the screen again.

use crate::counter::{COUNTER, open_counter, place, wait_for_count, wait_for_counter};
use crate::{KIOSK, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use weft_ci::{TestVm, wait};
use weft_image::vm::session;

const SIGKILL: i32 = 9;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("a_killed_component_comes_back", KIOSK, |vm| app_part_comes_back(vm, "weft-runtime")),
        vm_test("a_killed_app_page_comes_back", KIOSK, |vm| app_part_comes_back(vm, "weft-app-shell")),
        vm_test("a_killed_system_ui_comes_back", KIOSK, |vm| service_comes_back(vm, "weft-servo-shell")),
        vm_test("a_killed_compositor_comes_back", KIOSK, |vm| service_comes_back(vm, "weft-compositor")),
        vm_test("a_killed_supervisor_comes_back", KIOSK, |vm| service_comes_back(vm, "weft-appd")),
    ]
}

/// Kills the one process of that name and waits until another one has its place. Returns the boot id.
fn kill(vm: &mut TestVm, name: &str) -> anyhow::Result<String> {
    let agent = vm.agent()?;
    let boot_id = agent.boot_id()?;
    let old = agent.process(name)?.with_context(|| format!("there is not exactly one {name}"))?.pid;
    agent.kill(old, SIGKILL)?;
    Ok(boot_id)
}

fn wait_for_new(vm: &mut TestVm, name: &str) -> anyhow::Result<()> {
    let limit = session::boot_limit(vm.pace);
    let agent = vm.agent()?;
    wait::until(limit, &format!("exactly one {name}"), || Ok(agent.process(name)?.map(drop)))
}

fn count_to_one(vm: &mut TestVm) -> anyhow::Result<()> {
    open_counter(vm)?;
    wait_for_count(vm, "0")?;
    let plus = place(vm, "plus")?;
    vm.click(plus)?;
    wait_for_count(vm, "1").map(drop)
}

/// The session ends with either of its processes; the supervisor starts the app again, and the component remembers its count.
fn app_part_comes_back(vm: &mut TestVm, name: &str) -> anyhow::Result<()> {
    count_to_one(vm)?;
    let from = vm.mark()?;
    let boot_id = kill(vm, name)?;
    wait_for_counter(vm, from)?;
    wait_for_count(vm, "1")?;
    for part in ["weft-runtime", "weft-app-shell"] {
        wait_for_new(vm, part)?;
    }
    usable(vm, &boot_id)
}

/// After a service the counter must be usable: still or again there, or a click away.
fn service_comes_back(vm: &mut TestVm, name: &str) -> anyhow::Result<()> {
    count_to_one(vm)?;
    let from = vm.mark()?;
    let boot_id = kill(vm, name)?;
    vm.wait_init(from, &format!("{name} ready"))?;
    if name == "weft-compositor" {
        // Its clients lose their connection and start anew.
        vm.wait_init(from, session::SYSTEM_UI_READY)?;
    }
    if name != "weft-servo-shell" {
        wait_for_counter(vm, from)?;
    }
    wait_for_count(vm, "1")?;
    usable(vm, &boot_id)
}

fn usable(vm: &mut TestVm, boot_id: &str) -> anyhow::Result<()> {
    let plus = place(vm, "plus")?;
    vm.click(plus)?;
    wait_for_count(vm, "2")?;
    ensure!(vm.agent()?.boot_id()? == boot_id, "the machine restarted");
    // The system UI is there too: its task bar is painted and knows the app.
    let screen = vm.settled()?;
    let home = vm.place("weft-servo-shell", "home")?;
    ensure!(screen.region(home).colours() > 2, "no home button at {home:?}");
    let processes = vm.agent()?.processes()?;
    let running = processes.iter().filter(|process| {
        process.name == "weft-runtime" && process.arguments.iter().any(|word| word == COUNTER)
    });
    ensure!(running.count() == 1, "the counter's component does not run exactly once");
    Ok(())
}
