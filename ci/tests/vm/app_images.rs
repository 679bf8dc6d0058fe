//! Sessions that run from a package image, mounted by the mount helper for as long as they last.

use crate::{CORE, KIOSK, vm_test};
use anyhow::{Context, ensure};
use libtest_mimic::Trial;
use std::time::Duration;
use weft_ci::TestVm;
use weft_ci::package::{App, noise, probe, publisher};
use weft_image::vm::{Screenshot, session};

const ID: &str = "org.weft.test.image";
const MOUNTS: &str = "/run/weft/packages";
const SIGKILL: i32 = 9;
const GREEN: [u8; 3] = [0, 0xff, 0];
/// A page that loads another script when its component says something.
const PAGE: &str = r#"<!doctype html><body style="background:#00ff00"><script>
weftIpc.onmessage = () => {
    const script = document.createElement("script");
    script.src = "late.js";
    document.body.append(script);
};
</script>"#;
const LATE: &[u8] = b"document.body.style.background = '#ff0000'; //";
/// More than the kernel reads ahead of what was asked for.
const NOISE: usize = 256 << 10;

pub fn trials() -> Vec<Trial> {
    vec![
        vm_test("an_app_runs_from_its_image_and_takes_the_mount_along", CORE, runs),
        vm_test("an_image_that_changes_under_a_session_ends_it", CORE, changes),
        vm_test("a_page_of_a_changed_image_ends_before_it_shows_anything_else", KIOSK, page_changes),
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
    vm.start_prepared()?;
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

/// Flips a bit of the installed image, where `find` says.
fn flip(vm: &mut TestVm, find: impl Fn(&[u8]) -> Option<usize>) -> anyhow::Result<()> {
    let revision = vm.revision(ID)?;
    let names = vm.agent()?.list(&revision)?;
    let name = names.iter().find(|name| name.ends_with(".app.img")).context("there is no image")?;
    let image = format!("{revision}/{name}");
    let mut bytes = vm.agent()?.read_bytes(&image)?;
    let at = find(&bytes).context("the image does not hold what is to be changed")?;
    bytes[at] ^= 1;
    vm.agent()?.write_bytes(&image, &bytes)
}

fn changes(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    install(vm, &app()?)?;
    let session = vm.launch(ID)?;
    flip(vm, |bytes| Some(bytes.len() / 2))?;
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

/// A comment that does not compress, on one line: nothing in it ends a line, in any encoding.
fn comment() -> Vec<u8> {
    noise(1).map(|byte| byte | 0x20).take(NOISE).collect()
}

fn page_changes(vm: &mut TestVm) -> anyhow::Result<()> {
    vm.start_prepared()?;
    let noise = comment();
    let app = app()?.page("index.html", PAGE).page("late.js", [LATE, &noise].concat());
    install(vm, &app)?;
    let icon = vm.place("weft-servo-shell", &format!("icon:{ID}"))?;
    vm.settled()?;
    let (from, pace) = (vm.mark()?, vm.pace);
    vm.click(icon)?;
    session::wait_for_app(vm.vm()?, pace, from, ID)?;
    let colour = |screen: &Screenshot| screen.pixel(640, 400);
    let limit = pace.limit(30);
    vm.vm()?.wait_screen(limit, Duration::ZERO, "waiting for the page", |screen| colour(screen) == GREEN)?;

    let sessions = vm.sessions(ID)?;
    let [session] = sessions.as_slice() else { anyhow::bail!("the app has the sessions {sessions:?}") };
    let middle = &noise[NOISE / 2..NOISE / 2 + 64];
    flip(vm, |bytes| bytes.windows(middle.len()).position(|window| window == middle))?;
    vm.say(*session, "list /data")?;
    vm.told_of_failure(&[ID, "its page refused it (exit code 5)"])?;
    vm.told_of_failure(&["the image of org.weft.test.image is damaged: install it again"])?;
    ensure!(vm.sessions(ID)?.is_empty(), "the app is started again from a damaged image");
    let screen = vm.settled()?;
    ensure!(colour(&screen) != [0xff, 0, 0], "the changed image's script ran");
    let log = vm.agent()?.log("weft-appd")?;
    ensure!(log.contains("cannot be read back as it was signed"), "no reason in the log:\n{log}");
    nothing_left(vm)
}
