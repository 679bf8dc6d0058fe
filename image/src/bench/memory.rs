//! The least memory in which each profile does its job.

use super::{Bench, Bound, Error, Figure, Result, click};
use crate::image_info::ImageInfo;
use crate::vm::{self, Machine, Mark, session};

/// Tried from the promised one downwards, or upwards until one is enough.
const STEP_MIB: u32 = 32;
const MOST_MIB: u32 = 1024;
const COMMAND: &str = "cargo weft bench memory";

pub fn memory(bench: &Bench, kiosk: &ImageInfo, core: &ImageInfo) -> Result<Vec<Figure>> {
    let shows_app = |machine: &Machine| -> vm::Result<()> {
        let mut vm = machine.start(&bench.qemu)?;
        session::wait_for_system_ui(&vm, bench.pace, Mark::default())?;
        session::settled(&mut vm, bench.pace)?;
        session::launch(&mut vm, bench.pace, click::APP).map(drop)
    };
    let serves = |machine: &Machine| -> vm::Result<()> {
        let vm = machine.start(&bench.qemu)?;
        vm.console.wait_init(Mark::default(), session::boot_limit(bench.pace), "weft-appd ready").map(drop)
    };
    let figure = |name, limit, value| Figure {
        name,
        value: f64::from(value),
        unit: "MiB",
        bound: Bound::AtMost,
        limit: f64::from(limit),
        command: COMMAND,
        note: format!("the least of steps of {STEP_MIB} MiB"),
    };
    Ok(vec![
        figure("kiosk shows the app in", 384, least(bench, kiosk, 384, shows_app)?),
        figure("core boots in", 128, least(bench, core, 128, serves)?),
    ])
}

fn least(
    bench: &Bench,
    image: &ImageInfo,
    promised: u32,
    job: impl Fn(&Machine) -> vm::Result<()>,
) -> Result<u32> {
    let enough = |memory_mib: u32| -> Result<bool> {
        eprintln!("{} with {memory_mib} MiB", image.profile);
        let disk = bench.fresh_disk(image)?;
        let machine = Machine::headless(bench.work.folder(), disk.path(), memory_mib, bench.accelerator);
        match job(&machine) {
            Ok(()) => Ok(true),
            Err(vm::Error::TimedOut { .. } | vm::Error::Ended { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    };
    let mut found = promised;
    while !enough(found)? {
        found += STEP_MIB;
        if found > MOST_MIB {
            return Err(Error::NeverEnough(image.profile.clone(), MOST_MIB));
        }
    }
    // Only when the promised one is enough can there be less than it.
    while found <= promised && found > STEP_MIB && enough(found - STEP_MIB)? {
        found -= STEP_MIB;
    }
    Ok(found)
}
