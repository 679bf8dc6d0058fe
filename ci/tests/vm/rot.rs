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

/// Of the root; EROFS has its superblock in it, so no boot gets past it.
const SUPERBLOCK: u64 = 0;
/// The tree's own root: no block is read without it. Looking where else its code words are wrong, Linux 6.12 comes by this block again, and
/// panics.
const TOP: Block = Block::Tree(0);
const WARNING: &str =
    "warning: a damaged block of the system was repaired while it was read: the storage may be failing";

pub fn trials() -> Vec<Trial> {
    let ends = || Options { no_reboot: true, ..Options::default() };
    vec![
        vm_test("a_rotten_block_of_the_root_is_repaired_and_told", CORE, repaired),
        vm_test("the_system_ui_tells_of_a_rotten_block", KIOSK, shown),
        vm_test_with("a_root_beyond_repair_never_runs", CORE, ends, |vm| {
            VerifiedRoot::of(vm, Slot::A)?.rot_beyond_repair(SUPERBLOCK)?;
            never_runs(vm)
        }),
        vm_test_with("a_rotten_hash_tree_never_runs", CORE, ends, |vm| {
            VerifiedRoot::of(vm, Slot::A)?.rot(TOP)?;
            never_runs(vm)
        }),
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

fn repaired(vm: &mut TestVm) -> anyhow::Result<()> {
    VerifiedRoot::of(vm, Slot::A)?.rot(Block::Data(SUPERBLOCK))?;
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
    VerifiedRoot::of(vm, Slot::A)?.rot(Block::Data(SUPERBLOCK))?;
    vm.start()?;
    vm.wait_system_ui(Mark::default())?;
    vm.wait_agent()?;
    vm.place("weft-servo-shell", "toast:system").map(drop)
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
