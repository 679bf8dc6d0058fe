//! Switching off, and what the next start finds.

use crate::{CORE, KIOSK, vm_test};
use anyhow::ensure;
use libtest_mimic::Trial;
use std::time::Instant;
use weft_ci::{TestVm, wait};
use weft_image::vm::Mark;
use weft_image::vm::console::InitLine;

/// From the button to everything being off, on the reference machine.
const SHUTDOWN: u64 = 3;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("the_power_button_shuts_down_cleanly", KIOSK, power_button),
        vm_test("the_log_survives_a_restart", CORE, log_survives),
    ]
}

fn power_button(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let from = vm.mark()?;
    let limit = vm.pace.limit(SHUTDOWN);
    let pressed = Instant::now();
    vm.vm()?.power_button()?;
    let status = vm.vm()?.wait_end(limit * 4, "waiting for the power button to shut the machine down")?;
    let took = pressed.elapsed();
    ensure!(status.success(), "QEMU ended with {status}");

    ensure!(took <= limit, "it took {took:?}; the limit is {limit:?}");
    let said = vm.vm()?.console.lines_from(from);
    let said: Vec<InitLine> = said.iter().filter_map(|line| InitLine::parse(line)).collect();
    for step in ["powering off", "services stopped"] {
        ensure!(said.iter().any(|line| line.text.starts_with(step)), "PID 1 did not say `{step}`: {said:?}");
    }
    ensure!(said.iter().all(|line| !line.is_error()), "errors while shutting down: {said:?}");
    // Cleanly: the next start finds a file system that was unmounted, and nothing to repair.
    vm.start()?;
    vm.wait_agent()?;
    let kernel = vm.agent()?.read("/state/log/kernel.log")?;
    let second = kernel.rsplit("Linux version").next().unwrap_or_default();
    ensure!(!second.contains("recovery"), "the state partition needed a repair:\n{second}");
    Ok(())
}

fn log_survives(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let first = log_with(vm, "weft-appd ready", 1)?;
    let kernel = vm.agent()?.log("kernel")?;
    ensure!(kernel.contains("Linux version"), "the kernel's log lacks its beginning:\n{kernel}");
    let limit = vm.pace.limit(SHUTDOWN) * 4;
    vm.vm()?.power_button()?;
    vm.vm()?.wait_end(limit, "waiting for the machine to switch off")?;

    vm.start()?;
    vm.wait_agent()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    let second = log_with(vm, "weft-appd ready", 2)?;
    ensure!(second.starts_with(&first), "the log of the boot before is gone:\n{second}");
    Ok(())
}

/// PID 1's own log once it has a text so often; what it says on the console it keeps a moment later.
fn log_with(vm: &mut TestVm, text: &str, count: usize) -> anyhow::Result<String> {
    let limit = vm.pace.limit(10);
    let agent = vm.agent()?;
    wait::until(limit, &format!("`{text}` {count} times in PID 1's log"), || {
        let log = agent.log("init")?;
        Ok((log.matches(text).count() == count).then_some(log))
    })
}
