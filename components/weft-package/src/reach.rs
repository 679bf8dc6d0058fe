//! Everything an app can reach: what its manifest grants held against what its component imports.
//!
//! The runtime links nothing that is not granted, so neither side alone says what happens: a grant that nothing imports is idle, an import
//! that nothing grants ends the session. Where the two disagree, one of them is wrong.

use crate::component::Import;
use weft_manifest::{Capability, Manifest};

/// What an import needs to be linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Every app has it: what it leads to is granted on its own.
    Nothing,
    /// One of these.
    Any(&'static [Kind]),
    /// There is no capability for it.
    Never,
}

/// Capabilities without their arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Files,
    Fetch,
    Tcp,
    Listen,
    Notifications,
    ClipboardRead,
    ClipboardWrite,
    Supervisor,
    Send,
    Clock,
    Random,
    Env,
    Stdio,
    Hardware,
}

impl Kind {
    fn of(capability: &Capability) -> Self {
        match capability {
            Capability::AppData { .. } | Capability::Documents { .. } => Self::Files,
            Capability::Fetch { .. } => Self::Fetch,
            Capability::Tcp { .. } => Self::Tcp,
            Capability::Listen { .. } => Self::Listen,
            Capability::Notifications => Self::Notifications,
            Capability::ClipboardRead => Self::ClipboardRead,
            Capability::ClipboardWrite => Self::ClipboardWrite,
            Capability::Supervisor => Self::Supervisor,
            Capability::Send { .. } => Self::Send,
            Capability::Clock => Self::Clock,
            Capability::Random => Self::Random,
            Capability::Env => Self::Env,
            Capability::Stdio => Self::Stdio,
            Capability::Gpu { .. } | Capability::Serial { .. } | Capability::Gpio { .. } => Self::Hardware,
        }
    }

    /// The capability to declare for it.
    fn name(self) -> &'static str {
        match self {
            Self::Files => "fs:rw:app-data",
            Self::Fetch => "net:fetch",
            Self::Tcp => "net:tcp:<host>:<port>",
            Self::Listen => "net:listen:<port>",
            Self::Notifications => "sys:notifications",
            Self::ClipboardRead => "sys:clipboard:read",
            Self::ClipboardWrite => "sys:clipboard:write",
            Self::Supervisor => "sys:supervisor",
            Self::Send => "app:send:<id>",
            Self::Clock => "wasi:clock",
            Self::Random => "wasi:random",
            Self::Env => "wasi:env",
            Self::Stdio => "wasi:stdio",
            Self::Hardware => "hw:",
        }
    }
}

/// What calling a function of an interface needs; `None` for an interface that this system does not have.
///
/// The C library of every language imports `wasi:filesystem` and `wasi:cli/environment` whether the program uses them or not: they need
/// nothing, and lead to nothing but the folders and variables that were granted.
fn need(interface: &str, function: &str) -> Option<Need> {
    Some(match interface {
        "weft:app/notify" | "weft:app/ipc" | "weft:app/inbox" => Need::Nothing,
        "weft:app/fetch" => Need::Any(&[Kind::Fetch]),
        "weft:app/notifications" => Need::Any(&[Kind::Notifications]),
        "weft:app/clipboard" if function == "read" => Need::Any(&[Kind::ClipboardRead]),
        "weft:app/clipboard" => Need::Any(&[Kind::ClipboardWrite]),
        "weft:app/clipboard-read" => Need::Any(&[Kind::ClipboardRead]),
        "weft:app/clipboard-write" => Need::Any(&[Kind::ClipboardWrite]),
        "weft:app/messages" => Need::Any(&[Kind::Send]),
        "weft:app/supervisor" => Need::Any(&[Kind::Supervisor]),
        "wasi:io/error" | "wasi:io/poll" | "wasi:io/streams" => Need::Nothing,
        "wasi:cli/environment" | "wasi:cli/exit" => Need::Nothing,
        "wasi:cli/stdin" | "wasi:cli/stdout" | "wasi:cli/stderr" => Need::Any(&[Kind::Stdio]),
        "wasi:cli/terminal-input" | "wasi:cli/terminal-output" => Need::Any(&[Kind::Stdio]),
        "wasi:cli/terminal-stdin" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr" => {
            Need::Any(&[Kind::Stdio])
        }
        "wasi:filesystem/types" | "wasi:filesystem/preopens" => Need::Nothing,
        "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => Need::Any(&[Kind::Clock]),
        "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed" => {
            Need::Any(&[Kind::Random])
        }
        "wasi:sockets/ip-name-lookup" => Need::Any(&[Kind::Tcp]),
        "wasi:sockets/network"
        | "wasi:sockets/instance-network"
        | "wasi:sockets/tcp"
        | "wasi:sockets/tcp-create-socket" => Need::Any(&[Kind::Tcp, Kind::Listen]),
        "wasi:sockets/udp" | "wasi:sockets/udp-create-socket" => Need::Never,
        _ => return None,
    })
}

/// Whether an import makes use of a capability.
fn uses(import: &Import, kind: Kind) -> bool {
    match kind {
        Kind::Files => import.interface() == "wasi:filesystem/types" && !import.functions.is_empty(),
        Kind::Env => import.interface() == "wasi:cli/environment" && !import.functions.is_empty(),
        Kind::Tcp | Kind::Listen => import.interface() == "wasi:sockets/tcp" && !import.functions.is_empty(),
        _ => import.functions.iter().any(|function| {
            matches!(need(import.interface(), function), Some(Need::Any(kinds)) if kinds.contains(&kind))
        }),
    }
}

/// One way in which manifest and component disagree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Disagreement {
    #[error(
        "the component imports {import}, which the manifest does not grant: add {capability} to package.capabilities"
    )]
    NotGranted { import: String, capability: String },
    #[error("the component imports {import}, which this system gives to no app")]
    Never { import: String },
    #[error(
        "the component imports {import}, which this system does not have: build it against weft:app and WASI 0.2"
    )]
    Unknown { import: String },
    #[error(
        "the manifest grants {capability}, and the component imports nothing that uses it: remove it from package.capabilities"
    )]
    Unused { capability: String },
    #[error("the component does not import weft:app/notify: its session would never be ready")]
    NeverReady,
}

/// Manifest and imports side by side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// What the manifest grants.
    pub granted: Vec<Capability>,
    /// What the app has by default and did not deny.
    pub by_default: Vec<Capability>,
    pub imports: Vec<Import>,
    pub disagreements: Vec<Disagreement>,
}

impl Reach {
    pub fn new(manifest: &Manifest, imports: Vec<Import>) -> Self {
        let by_default: Vec<Capability> = manifest.by_default().collect();
        let disagreements = disagreements(manifest, &by_default, &imports);
        Self { granted: manifest.capabilities.clone(), by_default, imports, disagreements }
    }

    /// The disagreements that keep the component from running; the others only say that too much was asked for.
    pub fn fatal(&self) -> impl Iterator<Item = &Disagreement> {
        self.disagreements
            .iter()
            .filter(|found| !matches!(found, Disagreement::Unused { .. } | Disagreement::NeverReady))
    }
}

fn disagreements(manifest: &Manifest, by_default: &[Capability], imports: &[Import]) -> Vec<Disagreement> {
    let granted: Vec<Kind> = manifest.capabilities.iter().chain(by_default).map(Kind::of).collect();
    let mut found = Vec::new();
    let carried = |import: &Import| manifest.unused.iter().any(|unused| unused.package() == import.package());
    for import in imports.iter().filter(|import| !carried(import)) {
        // Without functions it names types only; the interface must be one of ours all the same.
        let functions =
            if import.functions.is_empty() { vec![String::new()] } else { import.functions.clone() };
        let inert = import.functions.is_empty();
        for function in functions {
            let fault = match need(import.interface(), &function) {
                None => Some(Disagreement::Unknown { import: import.name.clone() }),
                _ if inert => None,
                Some(Need::Nothing) => None,
                Some(Need::Any(kinds)) if kinds.iter().any(|kind| granted.contains(kind)) => None,
                Some(Need::Any(kinds)) => Some(Disagreement::NotGranted {
                    import: import.name.clone(),
                    capability: kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or "),
                }),
                Some(Need::Never) => Some(Disagreement::Never { import: import.name.clone() }),
            };
            found.extend(fault.filter(|fault| !found.contains(fault)));
        }
    }
    for capability in &manifest.capabilities {
        let is_default = Capability::DEFAULT.contains(capability);
        if !is_default && !imports.iter().any(|import| uses(import, Kind::of(capability))) {
            found.push(Disagreement::Unused { capability: capability.to_string() });
        }
    }
    let notifies = |import: &Import| import.interface() == "weft:app/notify" && !import.functions.is_empty();
    if !imports.iter().any(notifies) {
        found.push(Disagreement::NeverReady);
    }
    found
}
