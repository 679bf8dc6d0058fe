//! What the environment says.

use std::path::PathBuf;
use weft_manifest::{AppId, Store};

const SYSTEM_RUNTIME: &str = "/usr/bin/weft-runtime";
const SYSTEM_SHELL: &str = "/usr/bin/weft-app-shell";

/// Why appd cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] weft_manifest::Error),
    #[error("WEFT_AUTOSTART names an app wrongly")]
    Autostart(#[source] weft_manifest::InvalidId),
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
    pub store: Store,
    /// `WEFT_APPD_SOCKET`, or `$XDG_RUNTIME_DIR/weft/appd.sock`.
    pub socket: Option<PathBuf>,
    /// `WEFT_COMPOSITOR_SOCKET`, or `$XDG_RUNTIME_DIR/weft/compositor.sock`.
    pub compositor: Option<PathBuf>,
    /// `$XDG_RUNTIME_DIR/weft/last-session.json`: the apps that come back after a restart of appd.
    pub last_session: Option<PathBuf>,
    /// `WEFT_AUTOSTART`: app ids, separated by commas.
    pub autostart: Vec<AppId>,
    /// Not if `WEFT_DISABLE_CGROUP` is set.
    pub cgroups: bool,
    /// `$XDG_DATA_HOME` or `~/.local/share`.
    pub data_home: PathBuf,
    /// `$XDG_DOCUMENTS_DIR` or `~/Documents`.
    pub documents: Option<PathBuf>,
}

impl Config {
    pub fn from_env() -> Result<Self, Error> {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let runtime_folder = path("XDG_RUNTIME_DIR").map(|folder| folder.join("weft"));
        let in_runtime_folder = |name: &str| runtime_folder.as_ref().map(|folder| folder.join(name));
        let autostart = std::env::var("WEFT_AUTOSTART").unwrap_or_default();
        let ids = autostart.split(',').map(str::trim).filter(|id| !id.is_empty());
        Ok(Self {
            runtime: path("WEFT_RUNTIME_BIN").unwrap_or_else(|| SYSTEM_RUNTIME.into()),
            shell: path("WEFT_APP_SHELL_BIN")
                .or_else(|| Some(PathBuf::from(SYSTEM_SHELL)).filter(|shell| shell.exists())),
            store: Store::from_env()?,
            socket: path("WEFT_APPD_SOCKET").or_else(|| in_runtime_folder("appd.sock")),
            compositor: path("WEFT_COMPOSITOR_SOCKET").or_else(|| in_runtime_folder("compositor.sock")),
            last_session: in_runtime_folder("last-session.json"),
            autostart: ids.map(str::parse).collect::<Result<_, _>>().map_err(Error::Autostart)?,
            cgroups: path("WEFT_DISABLE_CGROUP").is_none(),
            data_home: weft_manifest::data_home()?,
            documents: path("XDG_DOCUMENTS_DIR").or_else(|| path("HOME").map(|home| home.join("Documents"))),
        })
    }
}
