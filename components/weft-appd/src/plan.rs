//! What each process of a session is started with: decided from the package and the configuration alone.

use crate::config::Config;
use crate::start::{Access, Argument};
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use weft_manifest::{Capability, Limits, Manifest, Package, app_data};

/// Variables of this process that the session's processes get too, where they are set.
const SHARED_ENVIRONMENT: [&str; 2] = ["WEFT_LOG", "RUST_BACKTRACE"];
/// Those that only the runtime gets.
const RUNTIME_ENVIRONMENT: [&str; 1] = ["WEFT_COMPILED_DIR"];
/// What a page's shell needs of the environment where the launcher starts it.
const SHELL_ENVIRONMENT: [&str; 3] = ["WAYLAND_DISPLAY", "WEFT_EGL_RENDERING", "LANG"];
/// Variables that are about appd itself, and not for a shell that it starts directly.
const APPD_ENVIRONMENT: [&str; 12] = [
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "LISTEN_PID",
    "LISTEN_FDS",
    "LISTEN_FDNAMES",
    "WEFT_APPD_SOCKET",
    "WEFT_APPD_WS_PORT",
    "WEFT_COMPOSITOR_SOCKET",
    "WEFT_LAUNCHER_SOCKET",
    "WEFT_AUTOSTART",
    "WEFT_APP_STORE",
];

/// Why an app cannot have what it asks for.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot find the documents: set XDG_DOCUMENTS_DIR or HOME")]
    NoDocuments,
}

/// A process, but for its pipes and its place.
#[derive(Debug)]
pub struct Plan {
    pub program: PathBuf,
    pub arguments: Vec<Argument>,
    pub environment: Vec<(OsString, OsString)>,
    pub data: Access,
    pub documents: Access,
    pub readable: Vec<PathBuf>,
    pub display: bool,
    /// Folders that must exist first.
    pub folders: Vec<PathBuf>,
}

/// The ends of channels that a session's component is given.
#[derive(Debug)]
pub struct Channels {
    pub session: OwnedFd,
    pub fetch: Option<OwnedFd>,
    pub portal: Option<PathBuf>,
    /// The compiled code that was made on this device, and its key.
    pub code: Option<(PathBuf, OwnedFd)>,
}

/// Whether the app may use the network through its broker.
pub fn fetches(manifest: &Manifest) -> bool {
    manifest.capabilities.iter().any(|capability| matches!(capability, Capability::Fetch { .. }))
}

/// The app's share of the documents.
pub fn documents(manifest: &Manifest) -> Access {
    strongest(manifest, |capability| match capability {
        Capability::Documents { write } => Some(*write),
        _ => None,
    })
}

fn strongest(manifest: &Manifest, write: impl Fn(&Capability) -> Option<bool>) -> Access {
    match manifest.capabilities.iter().filter_map(write).max() {
        None => Access::None,
        Some(false) => Access::Ro,
        Some(true) => Access::Rw,
    }
}

/// `weft-runtime`.
pub fn runtime(
    config: &Config,
    package: &Package,
    session: u64,
    token: &str,
    channels: Channels,
) -> Result<Plan, Error> {
    let manifest = &package.manifest;
    let mut plan = Plan::new(config.runtime.clone());
    plan.say([manifest.id.as_str(), &session.to_string()]);
    plan.say([OsString::from("--module"), package.module().into()]);
    plan.limit(&manifest.limits);
    for (option, capabilities) in [("--grant", &manifest.capabilities), ("--deny", &manifest.denied)] {
        for capability in capabilities {
            plan.say([option, &capability.to_string()]);
        }
    }
    for unused in &manifest.unused {
        plan.say(["--unused", &unused.to_string()]);
    }
    plan.give("--ipc-fd", channels.session);
    if let Some(fetch) = channels.fetch {
        plan.give("--fetch-fd", fetch);
    }
    plan.inherit(&SHARED_ENVIRONMENT);
    plan.inherit(&RUNTIME_ENVIRONMENT);
    plan.set("WEFT_READY_TOKEN", token);
    plan.readable = vec![package.folder.clone()];
    plan.readable.extend(std::env::var_os("WEFT_COMPILED_DIR").map(PathBuf::from));
    if let Some((file, key)) = channels.code {
        plan.say([OsString::from("--compiled"), file.clone().into()]);
        plan.give("--compiled-key-fd", key);
        plan.readable.push(file);
    }
    if let Some(socket) = channels.portal {
        plan.set("WEFT_FILE_PORTAL_SOCKET", &socket);
        plan.readable.push(socket);
    }
    plan.data = strongest(manifest, |capability| match capability {
        Capability::AppData { write } => Some(*write),
        _ => None,
    });
    if plan.data != Access::None {
        let folder = app_data_folder(config, package);
        plan.preopen(folder, "/data", plan.data, config);
    }
    plan.documents = documents(manifest);
    if plan.documents != Access::None {
        let folder = config.documents.clone().ok_or(Error::NoDocuments)?;
        plan.preopen(folder, "/xdg/documents", plan.documents, config);
    }
    Ok(plan)
}

/// Where the app's own data are.
pub fn app_data_folder(config: &Config, package: &Package) -> PathBuf {
    match config.launcher {
        Some(_) => Path::new(weft_ipc::launcher::APP_DATA).join(package.manifest.id.as_str()),
        None => app_data(&config.data_home, &package.manifest.id),
    }
}

/// `weft-app-shell`.
pub fn shell(
    config: &Config,
    program: &Path,
    entry: &Path,
    package: &Package,
    session: u64,
    token: &str,
    channel: OwnedFd,
) -> Plan {
    let mut plan = Plan::new(program.to_owned());
    plan.say([package.manifest.id.as_str(), &session.to_string()]);
    plan.say([OsString::from("--ui"), entry.into()]);
    plan.say([OsString::from("--package"), package.folder.clone().into()]);
    plan.give("--ipc-fd", channel);
    if config.launcher.is_some() {
        plan.inherit(&SHARED_ENVIRONMENT);
        plan.inherit(&SHELL_ENVIRONMENT);
    } else {
        let others = std::env::vars_os().filter(|(name, _)| !APPD_ENVIRONMENT.iter().any(|own| name == own));
        plan.environment.extend(others);
    }
    plan.set("WEFT_READY_TOKEN", token);
    plan.readable = vec![package.folder.clone()];
    plan.display = true;
    plan
}

/// `weft-fetch`, with its end of the channel to the runtime.
pub fn fetch(config: &Config, manifest: &Manifest, channel: OwnedFd) -> Plan {
    let mut plan = Plan::new(config.fetch.clone());
    plan.give("--fd", channel);
    for capability in &manifest.capabilities {
        match capability {
            Capability::Fetch { host: None } => plan.say(["--allow-any"]),
            Capability::Fetch { host: Some(host) } => plan.say(["--allow", host.as_str()]),
            _ => {}
        }
    }
    plan.inherit(&SHARED_ENVIRONMENT);
    plan
}

/// `weft-file-portal`, which serves `listener` to its own user's processes, or to those that the launcher names to it.
pub fn portal(config: &Config, documents: Access, listener: OwnedFd) -> Result<Plan, Error> {
    let folder = config.documents.clone().ok_or(Error::NoDocuments)?;
    let mut plan = Plan::new(config.portal.clone());
    plan.give("--listen-fd", listener);
    let allow = if documents == Access::Rw { "--allow" } else { "--allow-read" };
    plan.say([OsString::from(allow), folder.clone().into()]);
    plan.inherit(&SHARED_ENVIRONMENT);
    plan.documents = documents;
    if config.launcher.is_none() {
        plan.folders.push(folder);
    }
    Ok(plan)
}

/// `weft-compile`, which writes the code of the package to `output`.
pub fn compile(config: &Config, package: &Package, output: OwnedFd, key: OwnedFd) -> Plan {
    let mut plan = Plan::new(config.compile.clone());
    plan.say([package.module()]);
    plan.give("--output-fd", output);
    plan.give("--key-fd", key);
    plan.say([OsString::from("--manifest"), package.folder.join(weft_manifest::MANIFEST_NAME).into()]);
    plan.inherit(&SHARED_ENVIRONMENT);
    plan.readable = vec![package.folder.clone()];
    plan
}

impl Plan {
    fn new(program: PathBuf) -> Self {
        Self {
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            data: Access::None,
            documents: Access::None,
            readable: Vec::new(),
            display: false,
            folders: Vec::new(),
        }
    }

    fn say<T: Into<OsString>, const N: usize>(&mut self, arguments: [T; N]) {
        self.arguments.extend(arguments.into_iter().map(|argument| Argument::Text(argument.into())));
    }

    fn give(&mut self, name: &str, descriptor: OwnedFd) {
        self.say([name]);
        self.arguments.push(Argument::Descriptor(descriptor));
    }

    fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.environment.push((name.into(), value.into()));
    }

    /// Says those limits that are not the runtime's own.
    fn limit(&mut self, limits: &Limits) {
        let own = Limits::default();
        let mut say = |option: &str, value: u64, own: u64| {
            if value != own {
                self.say([option, &value.to_string()]);
            }
        };
        let (mib, kib) = (|bytes: u64| bytes.div_ceil(1 << 20), |bytes: u64| bytes.div_ceil(1 << 10));
        say("--max-memory-mib", mib(limits.memory), mib(own.memory));
        say("--max-table", limits.table, own.table);
        say("--max-instances", limits.instances, own.instances);
        say("--max-stack-kib", kib(limits.stack), kib(own.stack));
        say("--max-fuel", limits.fuel, own.fuel);
        say("--max-descriptors", limits.descriptors, own.descriptors);
        say("--max-storage-kib", kib(limits.storage), kib(own.storage));
        if let Some(watchdog) = limits.watchdog {
            self.say(["--watchdog-secs", &watchdog.as_secs().to_string()]);
        }
        if limits.wall != own.wall {
            self.say(["--max-wall", &format!("{}ms", limits.wall.as_millis())]);
        }
    }

    fn inherit(&mut self, names: &[&str]) {
        for name in names {
            if let Some(value) = std::env::var_os(name) {
                self.set(name, value);
            }
        }
    }

    fn preopen(&mut self, folder: PathBuf, guest: &str, access: Access, config: &Config) {
        let mut preopen = folder.clone().into_os_string();
        preopen.push(format!("::{guest}::{}", if access == Access::Rw { "rw" } else { "ro" }));
        self.say([OsString::from("--preopen"), preopen]);
        // The launcher makes its folders itself: only it can give them to the app's user.
        if config.launcher.is_none() {
            self.folders.push(folder);
        }
    }
}
