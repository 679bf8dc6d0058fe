//! What the environment says.

use crate::sessions::READY_LIMIT;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weft_manifest::AppId;
use weft_package::Places;

const SYSTEM_RUNTIME: &str = "/usr/bin/weft-runtime";
const SYSTEM_SHELL: &str = "/usr/bin/weft-app-shell";
const SYSTEM_FETCH: &str = "/usr/bin/weft-fetch";
const SYSTEM_PORTAL: &str = "/usr/bin/weft-file-portal";
const SYSTEM_COMPILE: &str = "/usr/bin/weft-compile";

/// appd's folder on the device, whose parts the launcher knows.
const DEVICE_STATE: &str = "/state/appd";

/// Why appd cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Places(#[from] weft_package::places::Error),
    #[error(transparent)]
    Data(#[from] weft_manifest::Error),
    #[error("WEFT_AUTOSTART names an app wrongly")]
    Autostart(#[source] weft_manifest::InvalidId),
    #[error("WEFT_APPD_WS_PORT is `{0}`: write a port from 1 to 65535, 0 for any free one, or off")]
    Port(String),
    #[error("WEFT_READY_SECS is `{0}`: write a number of seconds from 1 to 3600")]
    ReadyLimit(String),
    #[error("cannot tell where the socket goes: set WEFT_APPD_SOCKET or XDG_RUNTIME_DIR")]
    NoSocket,
}

/// Everything that can be set. Names as in the interface reference.
#[derive(Debug)]
pub struct Config {
    /// `WEFT_RUNTIME_BIN`.
    pub runtime: PathBuf,
    /// `WEFT_APP_SHELL_BIN`, or the image's shell where there is one; without it this device has no display and apps run without their pages.
    pub shell: Option<PathBuf>,
    /// `WEFT_FETCH_BIN`.
    pub fetch: PathBuf,
    /// `WEFT_FILE_PORTAL_BIN`.
    pub portal: PathBuf,
    /// `WEFT_COMPILE_BIN`.
    pub compile: PathBuf,
    /// `WEFT_LAUNCHER_SOCKET`: who starts processes; appd itself where it is not set.
    pub launcher: Option<PathBuf>,
    /// `WEFT_MOUNT_HELPER`: the socket of who mounts package images.
    pub mount_helper: Option<PathBuf>,
    /// `WEFT_NETD_SOCKET`: who tells how the network is.
    pub netd: Option<PathBuf>,
    /// `WEFT_UPDATE_SOCKET`: who tells how the system is.
    pub update: Option<PathBuf>,
    /// `WEFT_INIT_SOCKET`: PID 1's control socket, on a device.
    pub init: Option<PathBuf>,
    /// Where the code of installed apps goes that was made on this device.
    pub compiled: Option<PathBuf>,
    /// What that code is sealed with.
    pub device_key: PathBuf,
    /// The stores and what they are trusted with.
    pub places: Places,
    /// `WEFT_APPD_SOCKET`, or `$XDG_RUNTIME_DIR/weft/appd.sock`.
    pub socket: Option<PathBuf>,
    /// `WEFT_COMPOSITOR_SOCKET`, or `$XDG_RUNTIME_DIR/weft/compositor.sock`.
    pub compositor: Option<PathBuf>,
    /// `WEFT_APPD_WS_PORT`; `None` when it is `off` or there is no folder for the token.
    pub web_port: Option<u16>,
    /// `$XDG_RUNTIME_DIR/weft`.
    pub runtime_folder: Option<PathBuf>,
    /// `$XDG_STATE_HOME/weft/crash-reports`, or below `~/.local/state`.
    pub reports: Option<PathBuf>,
    /// `WEFT_READY_SECS`: how long components and pages may take to get ready.
    pub ready_limit: Duration,
    /// `$XDG_RUNTIME_DIR/weft/last-session.json`: the apps that come back after a restart of appd.
    pub last_session: Option<PathBuf>,
    /// `WEFT_AUTOSTART`: app ids, separated by commas.
    pub autostart: Vec<AppId>,
    /// Not if `WEFT_DISABLE_CGROUP` is set.
    pub cgroups: bool,
    /// `$XDG_DATA_HOME` or `~/.local/share`.
    pub data_home: PathBuf,
    /// The documents' folder: the device's where the launcher starts processes, else `$XDG_DOCUMENTS_DIR` or `~/Documents`.
    pub documents: Option<PathBuf>,
}

impl Config {
    pub fn from_env() -> Result<Self, Error> {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let runtime_folder = path("XDG_RUNTIME_DIR").map(|folder| folder.join("weft"));
        let in_runtime_folder = |name: &str| runtime_folder.as_ref().map(|folder| folder.join(name));
        let autostart = std::env::var("WEFT_AUTOSTART").unwrap_or_default();
        let ids = autostart.split(',').map(str::trim).filter(|id| !id.is_empty());
        let program = |name: &str, system: &str| path(name).unwrap_or_else(|| system.into());
        let launcher = path(weft_ipc::launcher::SOCKET_VARIABLE);
        let home_or =
            |name: &str, below: &str| path(name).or_else(|| path("HOME").map(|home| home.join(below)));
        let documents = match launcher {
            Some(_) => Some(PathBuf::from(weft_ipc::launcher::DOCUMENTS)),
            None => home_or("XDG_DOCUMENTS_DIR", "Documents"),
        };
        let data_home = weft_manifest::data_home()?;
        let compile = program("WEFT_COMPILE_BIN", SYSTEM_COMPILE);
        let state = match launcher {
            Some(_) => PathBuf::from(DEVICE_STATE),
            None => data_home.join("weft"),
        };
        // On a host without the compiler, the runtime is left to find code by itself.
        let compiled = (launcher.is_some() || compile.exists()).then(|| state.join("compiled"));
        let device_key = state.join("device-key");
        Ok(Self {
            runtime: program("WEFT_RUNTIME_BIN", SYSTEM_RUNTIME),
            shell: path("WEFT_APP_SHELL_BIN").or_else(|| exists(SYSTEM_SHELL)),
            fetch: program("WEFT_FETCH_BIN", SYSTEM_FETCH),
            portal: program("WEFT_FILE_PORTAL_BIN", SYSTEM_PORTAL),
            compile,
            launcher,
            mount_helper: path("WEFT_MOUNT_HELPER"),
            netd: path("WEFT_NETD_SOCKET"),
            update: path("WEFT_UPDATE_SOCKET"),
            init: path("WEFT_INIT_SOCKET"),
            compiled,
            device_key,
            places: Places::from_env()?,
            socket: path("WEFT_APPD_SOCKET").or_else(|| in_runtime_folder("appd.sock")),
            compositor: path("WEFT_COMPOSITOR_SOCKET").or_else(|| in_runtime_folder("compositor.sock")),
            web_port: web_port()?.filter(|_| runtime_folder.is_some()),
            reports: home_or("XDG_STATE_HOME", ".local/state").map(|state| state.join("weft/crash-reports")),
            ready_limit: ready_limit()?,
            last_session: in_runtime_folder("last-session.json"),
            autostart: ids.map(str::parse).collect::<Result<_, _>>().map_err(Error::Autostart)?,
            cgroups: path("WEFT_DISABLE_CGROUP").is_none(),
            data_home,
            documents,
            runtime_folder,
        })
    }
}

fn exists(program: &str) -> Option<PathBuf> {
    Some(PathBuf::from(program)).filter(|program| Path::exists(program))
}

/// `WEFT_APPD_WS_PORT`.
fn web_port() -> Result<Option<u16>, Error> {
    match std::env::var("WEFT_APPD_WS_PORT") {
        Err(_) => Ok(Some(weft_ipc::websocket::PORT)),
        Ok(text) if text == "off" => Ok(None),
        Ok(text) => text.parse().map(Some).map_err(|_| Error::Port(text)),
    }
}

fn ready_limit() -> Result<Duration, Error> {
    let Ok(text) = std::env::var("WEFT_READY_SECS") else { return Ok(READY_LIMIT) };
    let seconds = text.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
    seconds.map(Duration::from_secs).ok_or(Error::ReadyLimit(text))
}
