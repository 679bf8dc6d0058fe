//! One JSON object in one line.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is told as a line.
pub trait Line: Serialize + DeserializeOwned {
    /// Bytes of a line, with its end.
    const MAX_LINE_LEN: usize;

    /// As it is sent.
    fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// A received line; `None` when it is none.
    fn from_line(line: &str) -> Option<Self> {
        (line.len() <= Self::MAX_LINE_LEN).then(|| serde_json::from_str(line).ok()).flatten()
    }
}
