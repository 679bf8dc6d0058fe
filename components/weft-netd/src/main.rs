//! `weft-netd`: see the library. PID 1 passes the socket as `netd`.

use anyhow::Context;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use weft_netd::Settings;
use weft_netd::config::Config;
use weft_netd::time::Rhythm;
use weft_netd::time::clock::SystemClock;

const IMAGE_CONFIG: &str = "/etc/weft/network.toml";
const BUILD_TIME: &str = "/usr/lib/weft/build-time";

fn main() -> ExitCode {
    weft_service::init_logging_quieting(&["netlink_proto", "netlink_packet_route", "netlink_packet_core"]);
    weft_service::exit_code(run())
}

fn run() -> anyhow::Result<()> {
    let socket = weft_service::listen_fd("netd");
    let folder = |variable: &str| {
        let path = std::env::var_os(variable).map(PathBuf::from);
        path.with_context(|| format!("{variable} is not set: start it by its service file"))
    };
    let (runtime, state) = (folder("RUNTIME_DIRECTORY")?, folder("STATE_DIRECTORY")?);
    // Every program looks names up by the file in it.
    std::fs::File::open(&runtime)
        .and_then(|folder| folder.set_permissions(std::fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot open {} to everybody", runtime.display()))?;
    let settings = Settings {
        config: config(&state.join("network.toml")),
        resolver: runtime.join("resolv.conf"),
        built: BUILD_TIME.into(),
        seen: state.join("last-time"),
        rhythm: Rhythm::default(),
        socket,
    };
    let tokio = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    tokio::task::LocalSet::new().block_on(&tokio, async {
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for signals")?;
        let stop = async {
            terminate.recv().await;
        };
        let ready = || {
            if let Err(error) = weft_service::notify("READY=1") {
                tracing::warn!("{error}, ignoring");
            }
        };
        Ok(weft_netd::run(settings, SystemClock, ready, stop).await?)
    })
}

/// The owner's file, else the image's. A wrong one is an error, and the other is followed: a device that nobody reaches cannot be mended.
fn config(owners: &Path) -> Config {
    for path in [owners, Path::new(IMAGE_CONFIG)] {
        match Config::read(path) {
            Ok(Some(config)) => return config,
            Ok(None) => {}
            Err(error) => tracing::error!("{:#}", anyhow::Error::from(error)),
        }
    }
    Config::default()
}
