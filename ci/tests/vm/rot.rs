//! Storage that rots: what parity can make good is made good and told, and what it cannot never runs.

use crate::{CORE, KIOSK, vm_test, vm_test_with};
use anyhow::ensure;
use libtest_mimic::Trial;
use weft_ci::verified::{Block, VerifiedRoot};
use weft_ci::{Options, TestVm, wait};
use weft_ci_agent::{Command, SPEAK};
use weft_image::vm::console::InitLine;
use weft_image::vm::{Mark, session};
use weft_release::Slot;

/// EROFS has its superblock in it: no boot gets past it.
const SUPERBLOCK: Block = Block::Data(0);
/// The root of the tree: no block is read without it.
const TOP: Block = Block::Tree(0);
const WARNING: &str = "warning: a damaged block of the system was repaired";

pub fn trials() -> Vec<Trial> {
    let ends = || Options { no_reboot: true, ..Options::default() };
    vec![
        vm_test("a_rotten_block_of_the_root_is_repaired_and_told", CORE, |vm| repaired(vm, SUPERBLOCK)),
        vm_test("a_rotten_block_of_the_hash_tree_is_repaired_and_told", CORE, |vm| repaired(vm, TOP)),
        vm_test("the_system_ui_tells_of_a_rotten_block", KIOSK, shown),
        vm_test_with("a_root_beyond_repair_never_runs", CORE, ends, |vm| never_runs(vm, SUPERBLOCK)),
        vm_test_with("a_hash_tree_beyond_repair_never_runs", CORE, ends, |vm| never_runs(vm, TOP)),
    ]
}

/// Runs a program in the guest; what it printed.
fn run(vm: &mut TestVm, program: &str, words: &[&str]) -> anyhow::Result<String> {
    let (code, said) = vm.agent()?.run(Command {
        program: program.to_owned(),
        arguments: words.iter().map(|word| (*word).to_owned()).collect(),
        user: None,
        group: None,
        environment: Vec::new(),
    })?;
    ensure!(code == Some(0), "`{program} {}` ended with {code:?}:\n{said}", words.join(" "));
    Ok(said)
}

fn repaired(vm: &mut TestVm, block: Block) -> anyhow::Result<()> {
    VerifiedRoot::of(vm, Slot::A)?.rot(block)?;
    vm.start()?;
    vm.wait_init(Mark::default(), WARNING)?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_init(Mark::default(), "weft-bless ready")?;
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    let warnings = vm.vm()?.console.lines_from(Mark::default());
    let warnings = warnings.iter().filter(|line| line.contains(WARNING)).count();
    ensure!(warnings == 1, "it was told {warnings} times");

    vm.wait_agent()?;
    let told = "\"repaired\":1";
    let agent = "/usr/bin/weft-ci-agent";
    let health = run(vm, agent, &[SPEAK, "/run/weft/init.sock", "health"])?;
    ensure!(health.contains(told), "PID 1 says {health}");
    let status = run(vm, "/usr/bin/weft-update", &["status"])?;
    ensure!(status.contains("repaired (1)"), "the status is: {status}");
    // The service asks PID 1 once it is ready.
    let limit = vm.pace.limit(30);
    wait::until(limit, "the status that everybody is told", || {
        let status = run(vm, agent, &[SPEAK, "/run/weft/update.sock", ""])?;
        Ok(status.contains(told).then_some(()))
    })
}

fn shown(vm: &mut TestVm) -> anyhow::Result<()> {
    VerifiedRoot::of(vm, Slot::A)?.rot(SUPERBLOCK)?;
    vm.start()?;
    vm.wait_system_ui(Mark::default())?;
    vm.wait_agent()?;
    vm.place("weft-servo-shell", "toast:system").map(drop)
}

/// The kernel gives up and restarts (which ends this machine); no userspace was ever there.
fn never_runs(vm: &mut TestVm, block: Block) -> anyhow::Result<()> {
    VerifiedRoot::of(vm, Slot::A)?.rot_beyond_repair(block)?;
    vm.start()?;
    let limit = session::boot_limit(vm.pace);
    vm.vm()?.wait_end(limit, "waiting for the kernel to give up")?;
    let lines = vm.vm()?.console.lines_from(Mark::default());
    ensure!(lines.iter().all(|line| InitLine::parse(line).is_none()), "PID 1 ran:\n{}", lines.join("\n"));
    let corrupted = |line: &String| line.contains("verity") && line.contains("corrupted");
    ensure!(lines.iter().any(corrupted), "it was not dm-verity that stopped it:\n{}", lines.join("\n"));
    Ok(())
}
