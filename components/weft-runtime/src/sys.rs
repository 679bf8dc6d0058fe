//! The unsafe calls of this crate.
#![allow(unsafe_code)]

use std::os::fd::{FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use wasmtime::component::Component;
use wasmtime::{Engine, Result};

/// Maps compiled code of a trusted file.
///
/// The file must come from `weft-compile`: Wasmtime checks its version and configuration, not its machine code. On the device the folder
/// is part of the verified root image.
pub fn load_trusted(engine: &Engine, path: &Path) -> Result<Component> {
    // SAFETY: see above; whoever can write the folder of compiled code is trusted like this program itself.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads compiled code that [`weft_component::code::open`] checked: it is in private memory, and the device's key says who made it.
pub fn load_checked(engine: &Engine, code: &[u8]) -> Result<Component> {
    // SAFETY: see above; nothing can change the bytes between the check and this copy of them.
    unsafe { Component::deserialize(engine, code) }
}

/// Takes over an inherited descriptor; `None` if there is no such descriptor.
pub fn inherited(raw: RawFd) -> Option<OwnedFd> {
    // Standard input, output and error have their owners in this process.
    if raw <= 2 {
        return None;
    }
    // SAFETY: the number is only asked about, and fcntl(2) answers EBADF where nothing is open.
    let borrowed = unsafe { std::os::fd::BorrowedFd::borrow_raw(raw) };
    let flags = rustix::io::fcntl_getfd(borrowed).ok()?;
    // An inherited descriptor has no close-on-exec; our own ones do.
    if flags.contains(rustix::io::FdFlags::CLOEXEC) {
        return None;
    }
    rustix::io::fcntl_setfd(borrowed, rustix::io::FdFlags::CLOEXEC).ok()?;
    // SAFETY: the descriptor is open and was passed on the command line to be owned here; its flag now keeps a second call out.
    Some(unsafe { OwnedFd::from_raw_fd(raw) })
}
