//! What needs `unsafe`.
#![allow(unsafe_code)]

/// Has libseat open devices by itself, unless the environment says otherwise: no seat daemon runs on the device, and the nodes
/// belong to the compositor's user.
///
/// To be called before any other thread starts.
pub fn default_libseat_backend() {
    if std::env::var_os("LIBSEAT_BACKEND").is_none() {
        // SAFETY: `main` calls this first, so no other thread reads or writes the environment meanwhile.
        unsafe { std::env::set_var("LIBSEAT_BACKEND", "noop") };
    }
}
