//! Sessions that run from a package image, mounted by the mount helper for as long as they last.

use crate::{CORE, vm_test};
use anyhow::ensure;
use libtest_mimic::Trial;
use weft_ci::TestVm;
use weft_ci::package::{App, probe, publisher};

const ID: &str = "org.weft.test.image";
const MOUNTS: &str = "/run/weft/packages";
const SIGKILL: i32 = 9;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("an_app_runs_from_its_image_and_takes_the_mount_along", CORE, runs),
        vm_test("an_image_that_changes_under_a_session_ends_it", CORE, changes),
    ]
}

/// Installs the image of an app, kept as one.
fn install(vm: &mut TestVm, app: &App) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let image = vm.upload_image(&app.image(folder.path(), &publisher("first")?)?)?;
    vm.pack(&["install", "--keep-image", &image])?.is(0, &[&app.id])
}

fn app() -> anyhow::Result<App> {
    Ok(App::new(ID, probe("files")?).grant(&["fs:rw:app-data"]))
}

/// What the mount helper has mounted, by PID 1's view.
fn mounted(vm: &mut TestVm) -> anyhow::Result<Vec<String>> {
    let mounts = vm.agent()?.read("/proc/self/mounts")?;
    Ok(mounts.lines().filter(|line| line.contains(MOUNTS)).map(str::to_owned).collect())
}

fn nothing_left(vm: &mut TestVm) -> anyhow::Result<()> {
    let mounted = mounted(vm)?;
    ensure!(mounted.is_empty(), "still mounted: {mounted:?}");
    let folders = vm.agent()?.list(MOUNTS)?;
    ensure!(folders.is_empty(), "mountpoints stay: {folders:?}");
    let devices = vm.agent()?.list("/sys/block")?;
    ensure!(!devices.iter().any(|name| name == "dm-1"), "a device stays: {devices:?}");
    Ok(())
}

fn runs(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_appd()?;
    install(vm, &app()?)?;
    vm.told_of(ID, Some("1.0.0"))?;
    for _ in 0..2 {
        let session = vm.launch(ID)?;
        vm.done(session, "write /data/note 5")?;
        let lines = mounted(vm)?;
        let strict = |line: &String| line.contains("erofs ro,nosuid,nodev,noexec");
        ensure!(lines.len() == 1 && lines.iter().all(strict), "mounted: {lines:?}");
        vm.end(session)?;
        nothing_left(vm)?;
    }
    Ok(())
}

fn changes(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start()?;
    vm.wait_appd()?;
    install(vm, &app()?)?;
    let session = vm.launch(ID)?;
    let revision = vm.revision(ID)?;
    let names = vm.agent()?.list(&revision)?;
    let name = names.iter().find(|name| name.ends_with(".app.img"));
    let image = format!("{revision}/{}", name.map(String::as_str).unwrap_or_default());
    let mut bytes = vm.agent()?.read_bytes(&image)?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    vm.agent()?.write_bytes(&image, &bytes)?;
    // What is in memory already was read as it was signed; a new start reads anew.
    vm.done(session, "write /data/note 5")?;
    let runtime = vm.agent()?.process("weft-runtime")?;
    let runtime = runtime.ok_or_else(|| anyhow::anyhow!("there is not exactly one runtime"))?;
    vm.agent()?.kill(runtime.pid, SIGKILL)?;
    match vm.wait_ready(ID)? {
        Ok(session) => anyhow::bail!("session {session} runs from a changed image"),
        Err(reason) => ensure!(reason.contains("was changed after it was installed"), "{reason}"),
    }
    ensure!(vm.agent()?.process("weft-runtime")?.is_none(), "a component still runs");
    nothing_left(vm)
}
