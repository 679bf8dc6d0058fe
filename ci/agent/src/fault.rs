//! Broken releases for the VM tests: `init=/usr/bin/weft-ci-agent fault=<name>` on the kernel's command line has the agent break the system
//! and become the real PID 1. The root is read-only and verified, so what is broken lies over it, in memory.

use anyhow::{Context, bail};
use rustix::mount::{MountFlags, mount, mount_bind};
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

const INIT: &str = "/sbin/init";
/// Where the broken files are; the real PID 1 mounts something else over it.
const OVER: &str = "/tmp";
/// Ends at once with an error, whatever it is started for.
const CRASHES: &str = "/usr/bin/weft-pack";

/// Breaks what the environment names, as the kernel passes it on, and starts the system.
pub fn begin() -> anyhow::Result<()> {
    let fault = std::env::var("fault").unwrap_or_default();
    mount("tmpfs", OVER, "tmpfs", MountFlags::empty(), None).context("cannot mount a folder in memory")?;
    match fault.as_str() {
        "" => {}
        "init-exit" => std::process::exit(1),
        "init-hang" => hang()?,
        "black" => black()?,
        "no-services" => cover_folder("/usr/lib/weft/services")?,
        "no-kiosk-app" => no_kiosk_app()?,
        program => cover(&format!("/usr/bin/{program}"), CRASHES)?,
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

/// A system UI that loads, answers, and shows nothing.
fn black() -> anyhow::Result<()> {
    let folder = "/usr/share/weft/system-ui";
    cover_folder(folder)?;
    let page = "<!DOCTYPE html><html style=\"background:#000\"><title>-</title></html>";
    fs::write(format!("{folder}/index.html"), page).context("cannot write the black page")
}

/// A kiosk whose app is not there.
fn no_kiosk_app() -> anyhow::Result<()> {
    let path = "/usr/lib/weft/services/weft-appd.toml";
    let text = fs::read_to_string(path).context("cannot read appd's service file")?;
    let text = text.replacen("[environment]\n", "[environment]\nWEFT_AUTOSTART = \"org.weft.gone\"\n", 1);
    let copy = format!("{OVER}/weft-appd.toml");
    fs::write(&copy, text).context("cannot write appd's service file")?;
    cover(path, &copy)
}
