//! Switching off, and what the next start finds.

use crate::{CORE, KIOSK, vm_test};
use anyhow::ensure;
use libtest_mimic::Trial;
use weft_ci::{TestVm, wait};
use weft_image::vm::Mark;
use weft_image::vm::console::InitLine;

/// Seconds from the button to everything being off, on the reference machine.
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
    let limit = vm.pace.limit(SHUTDOWN) * 4;
    vm.vm()?.power_button()?;
    let status = vm.vm()?.wait_end(limit, "waiting for the power button to shut the machine down")?;
    ensure!(status.success(), "QEMU ended with {status}");

    let said = vm.vm()?.console.lines_from(from);
    let said: Vec<InitLine> = said.iter().filter_map(|line| InitLine::parse(line)).collect();
    for step in ["powering off", "services stopped"] {
        ensure!(said.iter().any(|line| line.text.starts_with(step)), "PID 1 did not say `{step}`: {said:?}");
    }
    // PID 1 says so when it takes longer than it may, too.
    ensure!(said.iter().all(|line| !line.is_error()), "errors while shutting down: {said:?}");
    let at = |step: &str| said.iter().find(|line| line.text.starts_with(step)).map(|line| line.seconds);
    let took = at("services stopped").zip(at("powering off")).map(|(end, begin)| end - begin);
    ensure!(took.is_some_and(|took| took < SHUTDOWN as f64 * vm.pace.factor()), "it took {took:?} s");
    // Cleanly: the next start finds a file system that was unmounted, and nothing to repair.
    vm.start()?;
    vm.wait_agent()?;
    let limit = vm.pace.limit(30);
    let agent = vm.agent()?;
    let second = wait::until(limit, "the kernel to mount the state partition again", || {
        let kernel = agent.log("kernel").unwrap_or_default();
        let second = kernel.splitn(3, "Linux version").nth(2).unwrap_or_default();
        Ok(second.contains("mounted filesystem").then(|| second.to_owned()))
    })?;
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
