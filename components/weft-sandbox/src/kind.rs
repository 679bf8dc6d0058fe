//! The kinds of confined processes, and what each sees of the system whatever it is started for.

use crate::places::{Access, Place};
use rustix::thread::CapabilitySet;

/// What a process is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `weft-runtime`: a component's code, and the maker of its WASI world.
    Runtime,
    /// `weft-app-shell`: an app's page in the web engine.
    AppShell,
    /// `weft-servo-shell`: the system UI in the web engine.
    SystemShell,
    /// `weft-file-portal`
    FilePortal,
    /// `weft-fetch`: the only kind of a session with a network.
    Fetch,
    /// `weft-compile`
    Compile,
    /// `weft-compositor`
    Compositor,
    /// `weft-appd`
    Appd,
    /// `weft-netd`: the only kind with capabilities.
    Netd,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::Runtime,
        Self::AppShell,
        Self::SystemShell,
        Self::FilePortal,
        Self::Fetch,
        Self::Compile,
        Self::Compositor,
        Self::Appd,
        Self::Netd,
    ];

    /// As in the service files and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::AppShell => "app-shell",
            Self::SystemShell => "system-shell",
            Self::FilePortal => "file-portal",
            Self::Fetch => "fetch",
            Self::Compile => "compile",
            Self::Compositor => "compositor",
            Self::Appd => "appd",
            Self::Netd => "netd",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it lives in the device's own network namespace: to reach the network, to make it, or to hear of devices (the compositor).
    pub fn sees_network(self) -> bool {
        matches!(self, Self::Fetch | Self::Compositor | Self::Appd | Self::Netd)
    }

    /// What a service of the kind keeps of root's capabilities; what is started for others keeps none.
    pub(crate) fn capabilities(self) -> CapabilitySet {
        match self {
            // Addresses and routes; port 68; ARP; the clock.
            Self::Netd => {
                CapabilitySet::NET_ADMIN
                    | CapabilitySet::NET_BIND_SERVICE
                    | CapabilitySet::NET_RAW
                    | CapabilitySet::SYS_TIME
            }
            _ => CapabilitySet::empty(),
        }
    }

    /// Whether it never turns writable memory into code: all but those with a Wasm engine, which writes or maps a component's code first
    /// and makes it executable, and no longer writable, afterwards.
    pub fn never_gains_code(self) -> bool {
        !matches!(self, Self::Runtime | Self::Compile)
    }

    /// Whether it tells other processes by the ids that the kernel attests (`SO_PEERCRED`), which it could not from namespaces of its own.
    pub(crate) fn knows_others(self) -> bool {
        matches!(self, Self::Compositor | Self::Appd)
    }

    fn has_page(self) -> bool {
        matches!(self, Self::AppShell | Self::SystemShell)
    }

    /// Bytes of its own `/tmp`.
    pub(crate) fn temporary(self) -> u64 {
        if self.has_page() { 64 << 20 } else { 4 << 20 }
    }

    /// Whether it needs POSIX shared memory.
    pub(crate) fn shared_memory(self) -> bool {
        self.has_page()
    }

    /// What every process of the kind sees.
    pub(crate) fn places(self) -> Vec<Place> {
        let mut places = vec![
            Place::new("/usr", Access::Read),
            Place::new("/usr/lib", Access::Execute),
            Place::optional("/usr/lib64", Access::Execute),
            Place::optional("/lib", Access::Execute),
            Place::optional("/lib64", Access::Execute),
            Place::optional("/etc/ld.so.cache", Access::Read),
            Place::optional("/etc/localtime", Access::Read),
            Place::new("/dev/null", Access::Device),
            Place::new("/dev/zero", Access::Device),
            Place::new("/dev/urandom", Access::Device),
        ];
        let read: &[&str] = match self {
            Self::AppShell | Self::SystemShell => &["/etc/fonts"],
            Self::Fetch => {
                &["/etc/ssl", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/run/weft/netd"]
            }
            Self::Compositor => &["/etc/passwd", "/run/udev", "/sys"],
            // Package images are mounted later than appd starts, in a folder that is there before.
            Self::Appd => {
                &["/etc/passwd", "/etc/group", "/etc/os-release", "/etc/weft", "/run/weft/packages"]
            }
            Self::Netd => &["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/weft"],
            Self::Runtime | Self::FilePortal | Self::Compile => &[],
        };
        places.extend(read.iter().map(|path| Place::optional(*path, Access::Read)));
        let devices: &[&str] = if self == Self::Compositor { &["/dev/dri", "/dev/input"] } else { &[] };
        places.extend(devices.iter().map(|path| Place::optional(*path, Access::Device)));
        let own: &[&str] = match self {
            Self::Compositor => &["/run/weft/compositor"],
            Self::SystemShell => &["/run/weft/shell"],
            Self::Appd => &["/run/weft/appd", "/state/appd", "/sys/fs/cgroup/weft-appd"],
            Self::Netd => &["/run/weft/netd", "/state/netd"],
            _ => &[],
        };
        if !own.is_empty() {
            // Services reach each other here; who may connect to what is said by the sockets' own modes.
            places.push(Place::optional("/run/weft", Access::Socket));
        }
        places.extend(own.iter().map(|path| Place::optional(*path, Access::Own)));
        places
    }
}
