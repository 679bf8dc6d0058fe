//! What PID 1 says about its services to whoever asks `health` on its control socket: one JSON object in one line.

use crate::boot::Boot;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// PID 1's view of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub boot: Boot,
    /// Where the boot loader keeps the tries of this boot's entry, such as `\EFI\Linux\weft-b_1.2.0+2-1.efi`.
    #[serde(default)]
    pub counted: Option<String>,
    /// Whether what is written to `/state` is kept; `None` until that is known.
    pub state_kept: Option<bool>,
    pub limits: Limits,
    /// Damaged blocks of the root that dm-verity repaired while they were read in this boot. Blocks whose code words are the same count once.
    #[serde(default)]
    pub repaired: u32,
    pub services: Vec<Service>,
}

/// A service of PID 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub name: String,
    /// As in `status`: `waiting`, `starting`, `ready`, `stopping`, `restarting`, `finished` (without a failure, and its policy does not start
    /// it again), `stopped`; or `broken`: it belongs to the image, but its file is missing or cannot be used.
    pub state: String,
    pub restarts: u32,
    /// Whether a release without it is broken.
    pub required: bool,
}

impl Service {
    /// Whether it serves, or has done all that it is there for.
    pub fn works(&self) -> bool {
        matches!(self.state.as_str(), "ready" | "finished")
    }
}

/// How long a release on trial has, from the kernel's command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// `weft.health-settle=SECONDS`: how long everything must hold.
    pub settle_secs: u64,
    /// `weft.health-limit=SECONDS`: from the kernel's start until it is found good.
    pub total_secs: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { settle_secs: 30, total_secs: 300 }
    }
}

/// Beyond the limit, PID 1 waits this long for the word of who watches before it decides by itself.
pub const GRACE: Duration = Duration::from_secs(15);

impl Limits {
    /// What the command line says; a value that is no number of seconds from 1 to 3600 counts as not said.
    pub fn of(command_line: &str) -> Self {
        let said = |name: &str| {
            let value =
                command_line.split_ascii_whitespace().filter_map(|word| word.strip_prefix(name)).next_back();
            value.and_then(|text| text.parse().ok()).filter(|seconds| (1..=3600).contains(seconds))
        };
        let default = Self::default();
        Self {
            settle_secs: said("weft.health-settle=").unwrap_or(default.settle_secs),
            total_secs: said("weft.health-limit=").unwrap_or(default.total_secs),
        }
    }

    pub fn settle(self) -> Duration {
        Duration::from_secs(self.settle_secs)
    }

    pub fn total(self) -> Duration {
        Duration::from_secs(self.total_secs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_sets_limits_and_nonsense_does_not() {
        assert_eq!(Limits::of("root=/dev/dm-0 quiet"), Limits::default());
        let limits = Limits::of("weft.health-settle=3 quiet weft.health-limit=40\n");
        assert_eq!((limits.settle_secs, limits.total_secs), (3, 40));
        assert_eq!(Limits::of("weft.health-settle=0 weft.health-limit=1h"), Limits::default());
    }
}
