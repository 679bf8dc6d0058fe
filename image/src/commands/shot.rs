//! `cargo weft shot`: what is on the screen once the system UI, or an app, is painted.

use super::Error;
use crate::cli::ShotArgs;
use crate::pipeline::{self, Request};
use crate::profile::Profile;
use crate::vm::work::{Work, copy_and_lock};
use crate::vm::{self, Accelerator, Machine, Mark, Pace, Qemu, Vm, parse_memory, session};
use crate::workspace::Workspace;
use std::path::Path;
use std::process::ExitCode;

const MEMORY: &str = "512M";

pub fn run(arguments: &ShotArgs) -> Result<ExitCode, Error> {
    let qemu = Qemu::find()?;
    let accelerator = Accelerator::choose(arguments.machine.accel)?;
    let memory_mib = parse_memory(arguments.machine.memory.as_deref().unwrap_or(MEMORY))?;
    let folder = arguments.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(missing) = folder.filter(|folder| !folder.is_dir()) {
        return Err(format!("there is no folder {}: create it first", missing.display()).into());
    }

    let workspace = Workspace::find()?;
    let profile = Profile::read(workspace.root(), &arguments.profile.profile)?;
    if !profile.has_engine() {
        return Err(format!(
            "the profile {} has no screen: use one with a display, such as kiosk",
            profile.name
        )
        .into());
    }
    if let Some(app) = arguments.app.as_ref().filter(|app| !profile.apps.contains(app)) {
        let known = profile.apps.join(", ");
        return Err(format!("the profile {} has no app {app}; it has: {known}", profile.name).into());
    }
    let request = Request::new(&arguments.profile.profile);
    let image = pipeline::build(&workspace, &request)?;
    let mut work = Work::create(workspace.root(), "shot")?;
    let disk = copy_and_lock(&image.image, &work.folder().join("disk.img"))?;
    let machine = Machine::headless(work.folder(), disk.path(), memory_mib, accelerator);
    let mut vm = machine.start(&qemu)?;
    if let Err(error) = take(&mut vm, arguments) {
        let folder = work.keep();
        save_last(&mut vm, &folder.join("screen.png"));
        return Err(format!("{error}\n(console and screen are kept in {})", folder.display()).into());
    }
    println!("{}", arguments.output.display());
    Ok(ExitCode::SUCCESS)
}

fn take(vm: &mut Vm, arguments: &ShotArgs) -> vm::Result<()> {
    let pace = Pace::measure();
    session::wait_for_system_ui(vm, pace, Mark::default())?;
    if let Some(app) = &arguments.app {
        session::launch(vm, pace, app)?;
    }
    session::settled(vm, pace)?.write_png(&arguments.output)
}

/// The last screen of a machine that failed, where it still has one.
fn save_last(vm: &mut Vm, path: &Path) {
    if let Err(error) = vm.screenshot().and_then(|screen| screen.write_png(path)) {
        eprintln!("no screenshot of the failed machine ({error}), ignoring");
    }
}
