//! Starts the processes of a session.

use crate::config::Config;
use crate::{cgroup, sys};
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStderr, ChildStdout, Command, Stdio};
use weft_manifest::{Availability, Capability, Package, app_data};

/// Variables of the runtime's environment; everything else stays here.
const RUNTIME_ENVIRONMENT: [&str; 3] = ["WEFT_LOG", "WEFT_COMPILED_DIR", "RUST_BACKTRACE"];
/// Variables that are about appd itself and not for its shells.
const APPD_ENVIRONMENT: [&str; 10] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "WEFT_APPD_SOCKET",
    "WEFT_COMPOSITOR_SOCKET",
    "WEFT_AUTOSTART",
    "WEFT_APP_STORE",
];

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{app} cannot run: {capability} is known, but nothing on this system stands behind it: remove it from package.capabilities in wapp.toml"
    )]
    NotBacked { app: String, capability: String },
    #[error("cannot make the folder {} for the app's data", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("cannot find the documents: set XDG_DOCUMENTS_DIR or HOME")]
    NoDocuments,
    #[error("cannot start {}", program.display())]
    Spawn { program: PathBuf, source: io::Error },
}

/// A process that was started.
#[derive(Debug)]
pub struct Started {
    pub pid: u32,
    pub stdout: Option<ChildStdout>,
    pub stderr: Option<ChildStderr>,
}

/// What both processes of a session are started with.
#[derive(Debug)]
pub struct Place<'a> {
    pub session: u64,
    pub package: &'a Package,
    pub channel: OwnedFd,
    pub token: &'a str,
    pub cgroup: Option<&'a cgroup::Session>,
}

/// Whether the system can give all that the app asks for.
pub fn check(package: &Package) -> Result<(), Error> {
    let missing = |capability: &&Capability| capability.availability() == Availability::NotBacked;
    match package.manifest.capabilities.iter().find(missing) {
        Some(capability) => {
            Err(Error::NotBacked { app: package.manifest.id.to_string(), capability: capability.to_string() })
        }
        None => Ok(()),
    }
}

/// Starts `weft-runtime` for a session.
pub fn runtime(config: &Config, place: Place<'_>) -> Result<Started, Error> {
    check(place.package)?;
    let manifest = &place.package.manifest;
    let mut command = Command::new(&config.runtime);
    command.arg(manifest.id.as_str()).arg(place.session.to_string());
    command.arg("--module").arg(place.package.module());
    command.arg("--max-memory-mib").arg(manifest.limits.memory.div_ceil(1 << 20).to_string());
    command.arg("--max-wall").arg(format!("{}ms", manifest.limits.wall.as_millis()));
    for capability in &manifest.capabilities {
        command.arg("--grant").arg(capability.to_string());
    }
    for preopen in preopens(config, place.package)? {
        command.arg("--preopen").arg(preopen);
    }
    command.env_clear();
    for name in RUNTIME_ENVIRONMENT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    spawn(command, place)
}

/// Starts `weft-app-shell` for a session's page.
pub fn shell(program: &Path, entry: &Path, place: Place<'_>) -> Result<Started, Error> {
    let mut command = Command::new(program);
    command.arg(place.package.manifest.id.as_str()).arg(place.session.to_string());
    command.arg("--ui").arg(entry).arg("--package").arg(&place.package.folder);
    for name in APPD_ENVIRONMENT {
        command.env_remove(name);
    }
    spawn(command, place)
}

fn spawn(mut command: Command, place: Place<'_>) -> Result<Started, Error> {
    let program = PathBuf::from(command.get_program());
    let failed = |source| Error::Spawn { program: program.clone(), source };
    command.arg("--ipc-fd").arg(place.channel.as_raw_fd().to_string());
    command.env("WEFT_READY_TOKEN", place.token);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let entrance = place.cgroup.map(cgroup::Session::entrance).transpose().map_err(failed)?;
    sys::prepare(&mut command, place.channel.as_fd(), entrance);
    let mut child = command.spawn().map_err(failed)?;
    // Whoever dies is reaped by the event loop, which waits for all children at once.
    Ok(Started { pid: child.id(), stdout: child.stdout.take(), stderr: child.stderr.take() })
}

/// `HOST::GUEST::ro|rw` of every folder that the app is granted; the folders are made.
fn preopens(config: &Config, package: &Package) -> Result<Vec<std::ffi::OsString>, Error> {
    let mut preopens = Vec::new();
    for capability in &package.manifest.capabilities {
        let (host, guest, write) = match capability {
            Capability::AppData { write } => {
                (app_data(&config.data_home, &package.manifest.id), "/data", write)
            }
            Capability::Documents { write } => {
                (config.documents.clone().ok_or(Error::NoDocuments)?, "/xdg/documents", write)
            }
            _ => continue,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&host)
            .map_err(|source| Error::Folder { path: host.clone(), source })?;
        let mut preopen = host.into_os_string();
        preopen.push(format!("::{guest}::{}", if *write { "rw" } else { "ro" }));
        preopens.push(preopen);
    }
    Ok(preopens)
}
