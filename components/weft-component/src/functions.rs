//! What every interface that a component may import needs, function by function.

use crate::Grants;
use weft_manifest::Capability;

/// What a component needs for a function.
pub enum Need {
    /// Nothing. The folders and variables that such an interface leads to are granted on their own: the C library of every
    /// language imports `wasi:filesystem` and `wasi:cli/environment` whether the program uses them or not.
    Nothing,
    /// A capability that fits, which the second text spells.
    Granted(fn(&Capability) -> bool, &'static str),
}

use Need::{Granted, Nothing};

/// The function's need, by its interface's name without a version; `None` for an interface that this system does not have.
pub fn need(interface: &str, function: &str) -> Option<Need> {
    Some(match interface {
        "weft:app/notify" | "weft:app/ipc" | "weft:app/inbox" => Nothing,
        "wasi:io/error" | "wasi:io/poll" | "wasi:io/streams" => Nothing,
        "wasi:cli/environment" | "wasi:cli/exit" => Nothing,
        "wasi:filesystem/types" | "wasi:filesystem/preopens" => Nothing,
        "wasi:cli/stdin" | "wasi:cli/stdout" | "wasi:cli/stderr" => STDIO,
        "wasi:cli/terminal-input" | "wasi:cli/terminal-output" => STDIO,
        "wasi:cli/terminal-stdin" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr" => STDIO,
        "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => {
            Granted(|c| *c == Capability::Clock, "wasi:clock")
        }
        "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed" => {
            Granted(|c| *c == Capability::Random, "wasi:random")
        }
        "weft:app/notifications" => Granted(|c| *c == Capability::Notifications, "sys:notifications"),
        "weft:app/fetch" => {
            Granted(|c| matches!(c, Capability::Fetch { .. }), "net:fetch or net:fetch:<host>")
        }
        "weft:app/clipboard" if function == "read" => READ,
        "weft:app/clipboard" => WRITE,
        "weft:app/clipboard-read" => READ,
        "weft:app/clipboard-write" => WRITE,
        "weft:app/messages" => Granted(|c| matches!(c, Capability::Send { .. }), "app:send:<id>"),
        "weft:app/supervisor" => Granted(|c| *c == Capability::Supervisor, "sys:supervisor"),
        "wasi:sockets/network" | "wasi:sockets/instance-network" => Granted(opens_sockets, SOCKET),
        "wasi:sockets/ip-name-lookup" => {
            Granted(|c| matches!(c, Capability::Tcp { .. }), "net:tcp:<host>:<port>")
        }
        "wasi:sockets/tcp" | "wasi:sockets/tcp-create-socket" => Granted(opens_sockets, SOCKET),
        _ => return None,
    })
}

const STDIO: Need = Granted(|c| *c == Capability::Stdio, "wasi:stdio");
const READ: Need = Granted(|c| *c == Capability::ClipboardRead, "sys:clipboard:read");
const WRITE: Need = Granted(|c| *c == Capability::ClipboardWrite, "sys:clipboard:write");
const SOCKET: &str = "net:tcp:<host>:<port> or net:listen:<port>";

fn opens_sockets(capability: &Capability) -> bool {
    matches!(capability, Capability::Tcp { .. } | Capability::Listen { .. })
}

/// The functions of which one must be imported for a capability to be used at all; an empty name means any of the interface.
pub fn users(capability: &Capability) -> &'static [(&'static str, &'static str)] {
    match capability {
        Capability::AppData { .. } | Capability::Documents { .. } => &[("wasi:filesystem/types", "")],
        Capability::Fetch { .. } => &[("weft:app/fetch", "")],
        Capability::Tcp { .. } | Capability::Listen { .. } => &[("wasi:sockets/tcp", "")],
        Capability::Notifications => &[("weft:app/notifications", "")],
        Capability::ClipboardRead => &[("weft:app/clipboard", "read"), ("weft:app/clipboard-read", "read")],
        Capability::ClipboardWrite => {
            &[("weft:app/clipboard", "write"), ("weft:app/clipboard-write", "write")]
        }
        Capability::Supervisor => &[("weft:app/supervisor", "")],
        Capability::Send { .. } => &[("weft:app/messages", "")],
        Capability::Env => &[("wasi:cli/environment", "")],
        _ => &[],
    }
}

/// The option of `weft-runtime run` that allows what needs this capability.
pub fn option(capability: &str) -> Option<&'static str> {
    Some(match capability {
        "wasi:clock" => "--allow-clock",
        "wasi:random" => "--allow-random",
        _ => return None,
    })
}

/// Whether `wasi:sockets` functions beyond `wasi:sockets/tcp` are missing here for good.
pub fn is_datagram(interface: &str) -> bool {
    interface == "wasi:sockets/udp" || interface == "wasi:sockets/udp-create-socket"
}

/// Whether an interface is one of `wasi:sockets`.
pub fn is_socket(interface: &str) -> bool {
    interface.starts_with("wasi:sockets/")
}

impl Grants {
    /// The unused package that an interface belongs to.
    pub(crate) fn leaves_unused(&self, interface: &str) -> bool {
        let package = interface.split_once('/').map_or(interface, |(package, _)| package);
        self.unused.iter().any(|unused| unused.package() == package)
    }
}
