//! The demo apps in other languages, in the image that has them: each answers a click, and what it was told is there in its next session.

use crate::vm_test;
use anyhow::ensure;
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::{TestVm, wait};
use weft_image::vm::{Mark, session};

const SHOWCASE: &str = "showcase-test";
const CALCULATOR: &str = "org.weft.demo.calculator";
const CONVERTER: &str = "org.weft.demo.converter";
const DATA: &str = "/state/appd/.local/share/weft/app-data";
/// Two interpreters and their machine code on top of the kiosk.
const ROOT_MIB: u64 = 112;

pub fn trials() -> Vec<Trial> {
    vec![vm_test(
        "apps_in_python_and_javascript_answer_a_click_and_keep_what_they_are_told",
        SHOWCASE,
        clicks,
    )]
}

fn clicks(vm: &mut TestVm) -> anyhow::Result<()> {
    let mib = vm.info.root_bytes.div_ceil(1 << 20);
    ensure!(mib <= ROOT_MIB, "the root image has {mib} MiB, more than {ROOT_MIB}");
    vm.start()?;
    vm.wait_system_ui(Mark::default())?;
    vm.wait_appd()?;

    open(vm, CALCULATOR)?;
    for key in ["key-7", "key-times", "key-6"] {
        press(vm, key)?;
    }
    changes(vm, "key-equals", "result", "calculated 7×6 = 42")?;
    kept(vm, CALCULATOR, "history.json", "\"42\"")?;
    vm.end_all(CALCULATOR)?;

    open(vm, CONVERTER)?;
    wait_for_log(vm, "converted 1 km to 1000 m")?;
    // The third unit of length.
    changes(vm, "to:2", "result", "converted 1 km to 100000 cm")?;
    press(vm, "keep")?;
    kept(vm, CONVERTER, "kept.json", "\"cm\"")?;
    vm.end_all(CONVERTER)?;

    // The page begins with what was kept.
    open(vm, CONVERTER)?;
    wait_for_logs(vm, "converted 1 km to 100000 cm", 2)?;
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    Ok(())
}

/// Starts the app by its icon and waits until it is painted.
fn open(vm: &mut TestVm, app: &str) -> anyhow::Result<()> {
    vm.settled()?;
    let (from, pace) = (vm.mark()?, vm.pace);
    let icon = vm.place("weft-servo-shell", &format!("icon:{app}"))?;
    vm.click(icon)?;
    session::wait_for_app(vm.vm()?, pace, from, app)?;
    Ok(())
}

fn press(vm: &mut TestVm, what: &str) -> anyhow::Result<()> {
    let place = vm.place("weft-appd", what)?;
    vm.click(place)
}

/// Clicks on `what` and waits until the component has said `log` and `where_shown` looks different.
fn changes(vm: &mut TestVm, what: &str, where_shown: &str, log: &str) -> anyhow::Result<()> {
    let shown = vm.place("weft-appd", where_shown)?;
    let before = vm.settled()?.region(shown);
    press(vm, what)?;
    wait_for_log(vm, log)?;
    let limit = vm.pace.limit(30);
    vm.vm()?.wait_screen(
        limit,
        Duration::ZERO,
        &format!("waiting for the page to show `{log}`"),
        |screen| screen.region(shown) != before,
    )?;
    Ok(())
}

fn wait_for_log(vm: &mut TestVm, text: &str) -> anyhow::Result<()> {
    wait_for_logs(vm, text, 1)
}

fn wait_for_logs(vm: &mut TestVm, text: &str, times: usize) -> anyhow::Result<()> {
    let limit = vm.pace.limit(30);
    let agent = vm.agent()?;
    wait::until(limit, &format!("`{text}` {times} times in the log of weft-appd"), || {
        Ok((agent.log("weft-appd")?.matches(text).count() >= times).then_some(()))
    })
}

fn kept(vm: &mut TestVm, app: &str, file: &str, text: &str) -> anyhow::Result<()> {
    let limit = vm.pace.limit(30);
    let (path, agent) = (format!("{DATA}/{app}/{file}"), vm.agent()?);
    wait::until(limit, &format!("`{text}` in {path}"), || {
        Ok(agent.read(&path).is_ok_and(|kept| kept.contains(text)).then_some(()))
    })
}
