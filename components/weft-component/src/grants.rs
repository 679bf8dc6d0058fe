//! What an app, or a command, may do.

use weft_manifest::{Capability, Unused};

/// The capabilities of one run.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// Beyond [`Capability::DEFAULT`].
    pub capabilities: Vec<Capability>,
    /// Of [`Capability::DEFAULT`].
    pub denied: Vec<Capability>,
    /// Imports that are promised never to be called.
    pub unused: Vec<Unused>,
    /// A developer's command instead of an app: no readiness, no page, and hints that name options.
    pub command: bool,
}

impl Grants {
    /// Whether this very capability is granted, by default or by name.
    pub fn has(&self, capability: &Capability) -> bool {
        self.any(|granted| granted == capability)
    }

    /// Whether one that fits is granted.
    pub fn any(&self, fits: impl Fn(&Capability) -> bool) -> bool {
        let default = Capability::DEFAULT.iter().filter(|default| !self.denied.contains(default));
        default.chain(&self.capabilities).any(fits)
    }

    /// Whether `wasi:sockets` is there at all.
    pub fn sockets(&self) -> bool {
        self.any(|granted| matches!(granted, Capability::Tcp { .. } | Capability::Listen { .. }))
    }
}
