//! `sd_notify(3)`: tells the service manager about readiness, status and liveness.

use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sendto, socket_with};
use std::time::Duration;

/// Why the service manager could not be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("NOTIFY_SOCKET={0} is not the address of a Unix socket")]
    Address(String),
    #[error("cannot notify the service manager at {address}")]
    Send { address: String, source: rustix::io::Errno },
}

/// Sends assignments such as `READY=1`, `STATUS=…` or `WATCHDOG=1`, one a line. Does nothing where no manager listens.
pub fn notify(state: &str) -> Result<(), Error> {
    let Ok(address) = std::env::var("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let target = match address.strip_prefix('@') {
        Some(name) => SocketAddrUnix::new_abstract_name(name.as_bytes()),
        None => SocketAddrUnix::new(address.as_str()),
    }
    .map_err(|_| Error::Address(address.clone()))?;
    let send = || {
        let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        sendto(&socket, state.as_bytes(), SendFlags::NOSIGNAL, &target)
    };
    send().map(drop).map_err(|source| Error::Send { address, source })
}

/// How often `WATCHDOG=1` is due: half of `WATCHDOG_USEC`, as `sd_watchdog_enabled(3)` advises; `None` where nobody watches.
pub fn watchdog_interval() -> Option<Duration> {
    let limit: u64 = std::env::var("WATCHDOG_USEC").ok()?.parse().ok()?;
    Some(Duration::from_micros(limit / 2))
}
