//! Broken releases for the VM tests: `init=/usr/bin/weft-ci-agent fault=<name>` on the kernel's command line has the agent break the system
//! and become the real PID 1. The root is read-only and verified, so what is broken lies over it, in memory.

use anyhow::{Context, bail};
use rustix::mount::{MountFlags, mount, mount_bind};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const INIT: &str = "/sbin/init";
/// Where the broken files are; the real PID 1 mounts something else over it.
const OVER: &str = "/tmp";
/// Ends at once with an error, whatever it is started for.
const CRASHES: &str = "/usr/bin/weft-pack";
/// Does nothing at all by another name than its own.
const HANGS: &str = "/usr/bin/weft-ci-agent";
const APP: &str = "org.weft.demo.counter";

/// Breaks what the environment names, as the kernel passes it on, and starts the system.
pub fn begin() -> anyhow::Result<()> {
    let fault = std::env::var("fault").unwrap_or_default();
    mount("tmpfs", OVER, "tmpfs", MountFlags::empty(), None).context("cannot mount a folder in memory")?;
    match fault.as_str() {
        "" => {}
        "init-exit" => std::process::exit(1),
        "init-hang" => hang()?,
        "black" => page("/usr/share/weft/system-ui", "")?,
        "no-services" => cover_folder("/usr/lib/weft/services")?,
        "no-kiosk-app" => kiosk_app("org.weft.gone")?,
        "kiosk-app-crashes" => {
            kiosk_app(APP)?;
            cover("/usr/bin/weft-runtime", CRASHES)?;
        }
        "kiosk-app-hangs" => {
            kiosk_app(APP)?;
            page(&format!("/usr/share/weft/apps/{APP}/ui"), "<script>for (;;) {}</script>")?;
        }
        "state-full" => fill_later()?,
        program => match program.strip_prefix("hangs:") {
            Some(program) => cover(&format!("/usr/bin/{program}"), HANGS)?,
            None => cover(&format!("/usr/bin/{program}"), CRASHES)?,
        },
    }
    Err(Command::new(INIT).exec()).context("cannot start the real PID 1")
}

/// After the watchdog was armed, as the real one would have done.
fn hang() -> anyhow::Result<()> {
    // Where the kernel has not mounted it itself.
    let _ = mount("devtmpfs", "/dev", "devtmpfs", MountFlags::empty(), None);
    let watchdog = fs::File::options().write(true).open("/dev/watchdog").context("no watchdog")?;
    loop {
        std::thread::park();
        // A thread may wake for no reason; the watchdog must stay open.
        let _ = &watchdog;
    }
}

fn cover(path: &str, with: &str) -> anyhow::Result<()> {
    if !Path::new(path).exists() {
        bail!("no fault is called by that name, and there is no {path}");
    }
    mount_bind(with, path).with_context(|| format!("cannot put {with} over {path}"))
}

fn cover_folder(path: &str) -> anyhow::Result<()> {
    mount("tmpfs", path, "tmpfs", MountFlags::empty(), None).with_context(|| format!("cannot cover {path}"))
}

/// What a program is that another one's name was given to.
pub fn idle() -> ! {
    loop {
        std::thread::park();
    }
}

/// A page that loads and shows nothing.
fn page(folder: &str, script: &str) -> anyhow::Result<()> {
    cover_folder(folder)?;
    let page = format!("<!DOCTYPE html><html style=\"background:#000\"><title>-</title>{script}</html>");
    fs::write(format!("{folder}/index.html"), page)
        .with_context(|| format!("cannot write a page in {folder}"))
}

/// Fills the state partition as soon as it is mounted.
fn fill_later() -> anyhow::Result<()> {
    Command::new("/usr/bin/weft-ci-agent").arg(FILL).spawn().map(drop).context("cannot start the agent")
}

/// The word by which [`fill`] is asked for.
pub const FILL: &str = "fill-state";

/// Waits for the state partition and fills it to the last byte that a user may have.
pub fn fill() -> anyhow::Result<()> {
    while !fs::read_to_string("/proc/self/mountinfo").is_ok_and(|mounts| mounts.contains(" /state ")) {
        std::thread::sleep(MOUNT_INTERVAL);
    }
    let mut file = fs::File::create("/state/filled").context("cannot make the file that fills /state")?;
    let error = std::io::copy(&mut std::io::repeat(0x5a), &mut file).err();
    anyhow::ensure!(error.is_some(), "a file without an end fitted into /state");
    Ok(())
}

/// Between two looks whether the state partition is mounted.
const MOUNT_INTERVAL: Duration = Duration::from_millis(20);

/// A kiosk that shows this app.
fn kiosk_app(app_id: &str) -> anyhow::Result<()> {
    let path = "/usr/lib/weft/services/weft-appd.toml";
    let text = fs::read_to_string(path).context("cannot read appd's service file")?;
    let autostart = format!("[environment]\nWEFT_AUTOSTART = \"{app_id}\"\n");
    let text = text.replacen("[environment]\n", &autostart, 1);
    let copy = format!("{OVER}/weft-appd.toml");
    fs::write(&copy, text).context("cannot write appd's service file")?;
    cover(path, &copy)
}
