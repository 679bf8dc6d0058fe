//! The machine boots whatever the state partition holds.

use crate::{CORE, vm_test};
use anyhow::ensure;
use libtest_mimic::Trial;
use weft_ci::{TestVm, disk};
use weft_image::vm::Mark;

/// Superblock, group descriptors and inode tables of the first group.
const DESTROYED: usize = 8 << 20;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("a_destroyed_state_partition_is_loud_and_boots", CORE, destroyed),
        vm_test("a_blank_state_partition_is_made_anew", CORE, blank),
    ]
}

fn destroyed(vm: &mut TestVm) -> anyhow::Result<()> {
    let partition = disk::partition(&vm.info, "state")?.clone();
    let garbage: Vec<u8> =
        (0..DESTROYED).map(|index| (index.wrapping_mul(2_654_435_761) >> 7) as u8).collect();
    disk::overwrite(&vm.disk(), &partition, 0, &garbage)?;
    vm.start()?;
    vm.wait_init(Mark::default(), "NOTHING IS KEPT after a restart")?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    let mounts = vm.agent()?.read("/proc/self/mountinfo")?;
    let state = mounts.lines().find(|line| line.contains(" /state ")).unwrap_or_default();
    ensure!(state.contains("tmpfs"), "/state is not a temporary one: {state}");
    vm.agent()?.write("/state/probe", "works")?;
    // What may still be saved from it is left alone.
    vm.stop();
    let found = disk::find(&vm.disk(), &partition, &garbage[..64])?;
    ensure!(found == Some(0), "the destroyed partition was written to");
    Ok(())
}

fn blank(vm: &mut TestVm) -> anyhow::Result<()> {
    let partition = disk::partition(&vm.info, "state")?.clone();
    disk::overwrite(&vm.disk(), &partition, 0, &vec![0; partition.size as usize])?;
    vm.start()?;
    vm.wait_init(Mark::default(), "weft-appd ready")?;
    vm.wait_agent()?;
    let mounts = vm.agent()?.read("/proc/self/mountinfo")?;
    let state = mounts.lines().find(|line| line.contains(" /state ")).unwrap_or_default();
    ensure!(state.contains("ext4"), "/state is not on the partition: {state}");
    let errors = vm.console_errors()?;
    ensure!(errors.is_empty(), "errors on the console:\n{}", errors.join("\n"));
    Ok(())
}
