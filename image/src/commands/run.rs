//! `cargo weft run`: boots the image in QEMU, in a window where there is a display.

use super::Error;
use crate::cli::RunArgs;
use crate::pipeline::{self, Request};
use crate::vm::work::{self, Work};
use crate::vm::{Accelerator, Display, Machine, Qemu, network, parse_memory, process};
use crate::workspace::Workspace;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::process::ExitCode;

/// Enough for several apps; the kiosk itself needs 384M.
const MEMORY: &str = "1G";

pub fn run(arguments: &RunArgs) -> Result<ExitCode, Error> {
    // What can be refused is refused before anything is built.
    let qemu = Qemu::find()?;
    let accelerator = Accelerator::choose(arguments.machine.accel)?;
    let memory_mib = parse_memory(arguments.machine.memory.as_deref().unwrap_or(MEMORY))?;
    let window = if arguments.headless { None } else { qemu.window() };

    let workspace = Workspace::find()?;
    let request = Request::new(&arguments.profile.profile);
    let image = pipeline::build(&workspace, &request)?;
    let work = Work::create(workspace.root(), "run")?;
    let disk = match &arguments.disk {
        Some(kept) if kept.exists() => {
            eprintln!(
                "disk {} as the last run left it; remove it to start from the built image",
                kept.display()
            );
            work::lock(kept)?
        }
        Some(kept) => work::copy_and_lock(&image.image, kept)?,
        None => work::copy_and_lock(&image.image, &work.folder().join("disk.img"))?,
    };

    if window.is_none() && !arguments.headless {
        eprintln!(
            "no display here (DISPLAY and WAYLAND_DISPLAY are empty, or QEMU has no window for it), going on as with --headless: the \
             console is below, and `cargo weft shot` saves what is on the screen"
        );
    }
    eprintln!("booting {} ({accelerator:?}, {memory_mib} MiB); Ctrl-C ends it", image.profile);
    let machine = Machine {
        folder: work.folder().to_owned(),
        disk: disk.path().to_owned(),
        memory_mib,
        accelerator,
        display: window.map_or(Display::None, Display::Window),
        echo: true,
        no_reboot: false,
        extra: network::arguments(),
        resume: None,
        secure_boot: None,
        disk_log: None,
        is_kept: true,
    };
    let mut vm = machine.start(&qemu)?;
    let group = vm.id();
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            process::kill_group(group);
        }
    });
    let status = vm.wait_forever()?;
    if status.code().is_some_and(|code| code != 0) {
        return Err(format!("QEMU failed ({status}): {}", vm.last_words()).into());
    }
    Ok(ExitCode::SUCCESS)
}
