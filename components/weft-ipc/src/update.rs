//! How the system itself is: which release runs, what an update is at, what failed. weft-update tells it to everybody who connects to its
//! socket, one JSON object a line at every change, and reads nothing; appd passes it on to the system UI's page.

use crate::line::Line;
use serde::{Deserialize, Serialize};

/// Where weft-update tells it.
pub const SOCKET: &str = "/run/weft/update.sock";

/// The system at one time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The release that runs, and its slot, `a` or `b`.
    pub version: String,
    pub slot: String,
    pub trial: Trial,
    /// Whether what apps keep survives a restart.
    pub state_kept: bool,
    /// Damaged blocks of the running system that were repaired while they were read in this boot.
    #[serde(default)]
    pub repaired: u32,
    /// What an update is at: `idle`, `available`, `downloading`, `staged`, `activated`.
    pub phase: String,
    /// The release that it brings.
    pub target: Option<String>,
    pub progress: Option<Progress>,
    /// Why the last attempt to update ended, in words.
    pub error: Option<String>,
    /// The release that was tried last and did not work.
    pub failure: Option<Failure>,
}

/// Whether the release that runs is kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    /// It was found good at an earlier boot, or nobody counts.
    #[default]
    None,
    Running,
    Good,
}

/// In bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub version: String,
    /// In words.
    pub reason: String,
}

impl Line for Status {
    const MAX_LINE_LEN: usize = 16 << 10;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_comes_back() {
        let failure = Failure { version: "2.0.0".into(), reason: "the kernel panicked".into() };
        let status = Status { version: "1.0.0".into(), failure: Some(failure), ..Status::default() };
        assert_eq!(Status::from_line(&status.to_line()), Some(status));
        assert_eq!(Status::from_line("{}"), None);
        assert_eq!(Status::from_line(&" ".repeat(Status::MAX_LINE_LEN + 1)), None);
    }
}
