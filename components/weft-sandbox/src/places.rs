//! The files and folders that a process sees.

use std::path::PathBuf;

/// What may be done with a [`Place`] and everything below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    /// Programs and libraries.
    Execute,
    /// Reading, writing, making and removing files and folders; no links, sockets or devices.
    Write,
    /// A device node, or a folder of them.
    Device,
    /// A Unix socket to connect to, or a folder of them.
    Socket,
    /// A folder of its own alone: as `Write`, and links and sockets may be made.
    Own,
}

/// A path of the system that the process sees under the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Absolute, without `.`, `..` and symbolic links.
    pub path: PathBuf,
    pub access: Access,
    /// Whether it may be missing.
    pub optional: bool,
}

impl Place {
    pub fn new(path: impl Into<PathBuf>, access: Access) -> Self {
        Self { path: path.into(), access, optional: false }
    }

    pub fn optional(path: impl Into<PathBuf>, access: Access) -> Self {
        Self { optional: true, ..Self::new(path, access) }
    }
}
