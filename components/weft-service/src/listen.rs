//! `sd_listen_fds(3)`: sockets that the service manager opened for this program.

use std::os::fd::{FromRawFd, OwnedFd, RawFd};

const FIRST_PASSED: RawFd = 3;

/// The passed socket of the name that its service file gives it, close-on-exec; `None` where the manager passed none of that name.
///
/// Each name can be taken once in a process: take it before anything else may close or open descriptors.
pub fn listen_fd(name: &str) -> Option<OwnedFd> {
    let process: u32 = std::env::var("LISTEN_PID").ok()?.parse().ok()?;
    let count: usize = std::env::var("LISTEN_FDS").ok()?.parse().ok()?;
    if process != std::process::id() {
        return None;
    }
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let index = names.split(':').take(count).position(|passed| passed == name)?;
    let raw = FIRST_PASSED + RawFd::try_from(index).ok()?;
    // SAFETY: the manager opened this descriptor for this very process (LISTEN_PID is ours) and nothing else here owns it.
    #[allow(unsafe_code)]
    let fd = unsafe { OwnedFd::from_raw_fd(raw) };
    rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC).ok()?;
    Some(fd)
}
