//! From the kernel's entry to PID 1, the first frame and the system UI, by the guest's own clock; then clicks.

use super::trace::Trace;
use super::{Bench, Bound, Figure, Result, click, median};
use crate::image_info::ImageInfo;
use crate::vm::console::InitLine;
use crate::vm::{Machine, Mark, session};

const BOOTS: usize = 3;
const COMMAND: &str = "cargo weft bench boot";

/// What is promised: name, console line, limit in seconds. The guest's clock starts with the kernel.
const STEPS: [(&str, &str, f64); 3] = [
    ("kernel entry to PID 1", "started", 2.0),
    ("kernel entry to first compositor frame", "weft-compositor ready", 4.0),
    ("kernel entry to system UI painted", session::SYSTEM_UI_READY, 6.5),
];

/// Boots the kiosk several times, from one disk; the first boot also tells where the counter's buttons are.
pub fn boot(bench: &Bench, kiosk: &ImageInfo) -> Result<Vec<Figure>> {
    let disk = bench.fresh_disk(kiosk)?;
    let mut machine =
        Machine::headless(bench.work.folder(), disk.path(), bench.memory_mib, bench.accelerator);
    let trace = Trace::of(&mut machine);
    let mut times = [const { Vec::new() }; STEPS.len()];
    let mut places = None;
    let mut clicks = click::Clicks::default();
    for round in 1..=BOOTS {
        eprintln!("boot {round} of {BOOTS}");
        let mut vm = machine.start(&bench.qemu)?;
        session::wait_for_system_ui(&vm, bench.pace, Mark::default())?;
        let lines = vm.console.lines_from(Mark::default());
        for ((_, text, _), times) in STEPS.iter().zip(&mut times) {
            let found =
                lines.iter().filter_map(|line| InitLine::parse(line)).find(|line| line.text.ends_with(text));
            times.extend(found.map(|line| line.seconds));
        }
        session::settled(&mut vm, bench.pace)?;
        session::launch(&mut vm, bench.pace, click::APP)?;
        session::settled(&mut vm, bench.pace)?;
        if let Some(places) = &places {
            clicks.measure(&mut vm, bench.pace, places, &trace)?;
        }
        vm.power_button()?;
        vm.wait_end(bench.pace.limit(30), "waiting for the machine to switch off")?;
        if places.is_none() {
            places = Some(click::Places::read(&bench.work, disk.path(), kiosk)?);
        }
    }
    let step = |((name, _, limit), times): (&(&'static str, &str, f64), Vec<f64>)| Figure {
        name,
        value: median(times),
        unit: "s",
        bound: Bound::AtMost,
        limit: *limit,
        command: COMMAND,
        note: format!("median of {BOOTS} boots"),
    };
    let mut figures: Vec<Figure> = STEPS.iter().zip(times).map(step).collect();
    figures.push(clicks.figure(COMMAND));
    Ok(figures)
}
