//! The unsafe calls of this crate.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// Maps compiled code.
///
/// The file must come from `weft-runtime compile`: Wasmtime checks its version and configuration, not its machine code. On the device
/// the folder is part of the verified root image.
pub fn load_compiled(engine: &Engine, path: &Path) -> Result<Component> {
    // SAFETY: see above; whoever can write the folder of compiled code is trusted like this program itself.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Takes over an inherited descriptor; `None` if there is no such descriptor.
pub fn inherited(raw: RawFd) -> Option<OwnedFd> {
    // Standard input, output and error have their owners in this process.
    if raw <= 2
        || File::open(format!("/proc/self/fd/{raw}")).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound)
    {
        return None;
    }
    // SAFETY: the descriptor is open and was passed on the command line to be owned here; this runs once, at the start.
    Some(unsafe { OwnedFd::from_raw_fd(raw) })
}
