//! What a step is made of.

use super::{Changes, Error};
use serde::{Deserialize, Serialize};

/// A change to the partition. Paths are relative to it. Each may be done again: what is done already changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Operation {
    /// A file or folder, over what is there; nothing where it is missing.
    Move {
        from: String,
        to: String,
    },
    /// A file, with its owner and permissions; nothing where it is missing, or where there is something at `to` already: that is the copy
    /// of the first time.
    Keep {
        from: String,
        to: String,
    },
    /// A file with these contents, over what is there.
    Write {
        path: String,
        contents: String,
    },
    /// A file, or a folder with all that is in it.
    Remove {
        path: String,
    },
    MakeFolder {
        path: String,
    },
}

impl Operation {
    pub(super) fn perform(&self, disk: &mut dyn Changes) -> Result<(), Error> {
        match self {
            Self::Move { from, to } => disk.rename(from, to),
            Self::Keep { from, to } => disk.copy(from, to),
            Self::Write { path, contents } => disk.write(path, contents.as_bytes()),
            Self::Remove { path } => disk.remove(path),
            Self::MakeFolder { path } => disk.make_folder(path),
        }
    }
}
