//! Machines that have started once for all tests of a run: a test that is not about starting goes on from there.
//!
//! Without it most of a run is the same boot and the same compilation of the same probes, over and over under emulation.

use crate::machine::HOME;
use crate::package::{ASKS, App, probe, publisher};
use crate::{Options, TestVm, evidence, wait};
use anyhow::Context;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use weft_image::vm::work::Work;
use weft_image::vm::{Mark, sparse};

/// Files of a machine's folder that belong to what is saved, and the saved machine itself.
const FILES: [&str; 3] = ["disk.img", "uefi-variables.fd", "console.log"];
const SAVED: &str = "machine.saved";
/// Those of most tests.
const PROBES: [&str; 2] = ["files", "asks"];

type Once = Arc<OnceLock<Result<Work, String>>>;

static PREPARED: Mutex<BTreeMap<String, Once>> = Mutex::new(BTreeMap::new());

/// Copies a machine of this profile that has started into `folder`; what [`weft_image::vm::Machine::resume`] takes.
pub(crate) fn copy(profile: &str, folder: &Path) -> anyhow::Result<PathBuf> {
    let once = {
        let mut prepared = PREPARED.lock().map_err(|_| anyhow::anyhow!("a machine could not be prepared"))?;
        Arc::clone(prepared.entry(profile.to_owned()).or_default())
    };
    // The second who wants it waits for the first.
    let work = once.get_or_init(|| prepare(profile).map_err(|error| format!("{error:#}")));
    let work = work.as_ref().map_err(|error| anyhow::anyhow!("no machine of {profile} starts: {error}"))?;
    for file in FILES {
        sparse::copy(&work.folder().join(file), &folder.join(file))?;
    }
    Ok(work.folder().join(SAVED))
}

/// Removes what was prepared; for the end of a run.
pub fn clear() {
    if let Ok(mut prepared) = PREPARED.lock() {
        prepared.clear();
    }
}

fn prepare(profile: &str) -> anyhow::Result<Work> {
    let mut vm = TestVm::new(&format!("prepared-{profile}"), profile, &Options::default())?;
    if let Err(error) = start_and_save(&mut vm) {
        evidence::keep(&mut vm);
        vm.keep();
        return Err(error);
    }
    Ok(vm.into_work())
}

fn start_and_save(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_appd()?;
    compile_probes(vm)?;
    vm.wait_init(Mark::default(), "started")?;
    if vm.agent()?.process("weft-compositor")?.is_some() {
        vm.wait_system_ui(Mark::default())?;
        without_probes(vm)?;
    }
    let path = vm.folder().join(SAVED);
    vm.vm()?.save(&path).context("cannot save the machine")
}

/// Waits until the icons of the probes are gone, and the others where they stay.
fn without_probes(vm: &mut TestVm) -> anyhow::Result<()> {
    let limit = vm.pace.limit(30);
    let agent = vm.agent()?;
    wait::until(limit, "the icons of the probes to go", || {
        let log = agent.log("weft-servo-shell")?;
        // The page tells all of its places at every change, this one first.
        let newest = log.rsplit(HOME).next().unwrap_or_default();
        Ok((!newest.contains(&format!("icon:{}", id("")))).then_some(()))
    })?;
    vm.settled().map(drop)
}

fn id(probe: &str) -> String {
    format!("org.weft.probe.{probe}")
}

/// Installs and removes the probes: their code stays.
fn compile_probes(vm: &mut TestVm) -> anyhow::Result<()> {
    for (name, grants) in PROBES.into_iter().zip([&["fs:rw:app-data"][..], &ASKS]) {
        let app = App::new(&id(name), probe(name)?).grant(grants);
        vm.install(&app, &publisher("first")?)?;
        let session = vm.launch(&app.id)?;
        vm.end(session)?;
        vm.pack(&["uninstall", &app.id])?.is(0, &[])?;
        vm.told_of(&app.id, None)?;
    }
    Ok(())
}
