//! The two things asked of the network outside HTTP: the addresses of a name, and a connection to an address.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Lookups that the system has not answered yet; more are refused, since a lookup cannot be called off.
const MAX_LOOKUPS: usize = 16;

/// The network, as a seam: tests put one of their own here.
pub trait Network: Send + Sync + std::fmt::Debug + 'static {
    /// The addresses of a name, in the order to try them. May block longer than anybody waits.
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>>;

    fn connect(&self, address: SocketAddr, time: Duration) -> io::Result<TcpStream>;
}

/// The system's own: `getaddrinfo(3)`, which reads `/etc/hosts` and `/etc/resolv.conf`, and TCP.
#[derive(Debug, Default)]
pub struct System;

impl Network for System {
    fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
    }

    fn connect(&self, address: SocketAddr, time: Duration) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&address, time)
    }
}

static LOOKUPS: AtomicUsize = AtomicUsize::new(0);

/// Looks a name up, but gives up at the deadline.
pub fn lookup_before(network: &Arc<dyn Network>, name: &str, deadline: Instant) -> io::Result<Vec<IpAddr>> {
    if LOOKUPS.fetch_add(1, Ordering::AcqRel) >= MAX_LOOKUPS {
        LOOKUPS.fetch_sub(1, Ordering::AcqRel);
        return Err(io::Error::other("too many names are being looked up already"));
    }
    let (sender, receiver) = mpsc::channel();
    let (network, name) = (network.clone(), name.to_owned());
    let spawned = std::thread::Builder::new().name("lookup".to_owned()).spawn(move || {
        let outcome = network.lookup(&name);
        LOOKUPS.fetch_sub(1, Ordering::AcqRel);
        // Nobody may be waiting any more.
        let _ = sender.send(outcome);
    });
    if let Err(error) = spawned {
        LOOKUPS.fetch_sub(1, Ordering::AcqRel);
        return Err(error);
    }
    match receiver.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(outcome) => outcome,
        Err(RecvTimeoutError::Timeout) => Err(io::ErrorKind::TimedOut.into()),
        Err(RecvTimeoutError::Disconnected) => Err(io::Error::other("the lookup failed")),
    }
}

/// Connects to the first address that answers; each has its share of the time that is left.
pub fn connect_before(
    network: &dyn Network,
    addresses: &[SocketAddr],
    deadline: Instant,
) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::TimedOut);
    for (index, address) in addresses.iter().enumerate() {
        let shares = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / shares;
        if share.is_zero() {
            break;
        }
        match network.connect(*address, share) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
