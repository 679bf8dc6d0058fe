//! One question to a time server (SNTP, RFC 5905 section 14, by the crate sntpc).
//!
//! What the question says of the time is shifted by a random amount: a server learns nothing of the device's clock, and who does not see
//! the question cannot make up an answer that repeats it.

use super::clock::WallClock;
use sntpc::{NtpContext, NtpTimestampGenerator, NtpUdpSocket};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::UdpSocket;

pub const PORT: u16 = 123;

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Microseconds that the clock is behind.
    pub offset: i64,
    /// Microseconds on the way, there and back.
    pub roundtrip: u64,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("it does not answer")]
    Silent,
    #[error("it cannot be reached")]
    Unreachable,
    #[error("it does not want to be asked ({0})")]
    Unwanted(Kiss),
    #[error("its answer is not to be trusted ({0:?})")]
    Answer(sntpc::Error),
}

/// A kiss of death (RFC 5905, section 7.4), by its four letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kiss(sntpc::KissOfDeathCode);

impl std::fmt::Display for Kiss {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A code is up to the server; only what is printable is printed.
        formatter.write_str(&self.0.as_str().escape_default().to_string())
    }
}

impl Error {
    /// Whether the server is not to be asked again.
    pub fn is_final(self) -> bool {
        use sntpc::KissOfDeathCode::{Deny, Rstr};
        matches!(self, Self::Unwanted(Kiss(Deny | Rstr)))
    }
}

/// The clock, shifted.
struct Stamp<'a, C> {
    clock: &'a C,
    shift: Duration,
    at: Duration,
}

// A derived one would ask the same of the clock.
impl<C> Clone for Stamp<'_, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C> Copy for Stamp<'_, C> {}

impl<C: WallClock> NtpTimestampGenerator for Stamp<'_, C> {
    fn init(&mut self) {
        self.at = self.clock.now() + self.shift;
    }

    fn timestamp_sec(&self) -> u64 {
        self.at.as_secs()
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        self.at.subsec_micros()
    }
}

struct Connected(UdpSocket);

impl NtpUdpSocket for Connected {
    async fn send_to(&self, buffer: &[u8], _: SocketAddr) -> sntpc::Result<usize> {
        self.0.send(buffer).await.map_err(|_| sntpc::Error::Network)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> sntpc::Result<(usize, SocketAddr)> {
        let length = self.0.recv(buffer).await.map_err(|_| sntpc::Error::Network)?;
        let sender = self.0.peer_addr().map_err(|_| sntpc::Error::Network)?;
        Ok((length, sender))
    }
}

/// Asks a server, once.
pub async fn ask(
    server: SocketAddr,
    clock: &impl WallClock,
    shift: u64,
    limit: Duration,
) -> Result<Sample, Error> {
    let from: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(from).await.map_err(|_| Error::Unreachable)?;
    // Answers of others are dropped by the kernel.
    socket.connect(server).await.map_err(|_| Error::Unreachable)?;
    let peer = socket.peer_addr().map_err(|_| Error::Unreachable)?;
    let socket = Connected(socket);
    tokio::time::timeout(limit, exchange(peer, &socket, clock, shift)).await.unwrap_or(Err(Error::Silent))
}

/// The same over any socket; `shift` is any number.
pub async fn exchange(
    server: SocketAddr,
    socket: &impl NtpUdpSocket,
    clock: &impl WallClock,
    shift: u64,
) -> Result<Sample, Error> {
    // Up to twelve days, in microseconds.
    let shift = Duration::from_micros(shift % (1 << 40));
    let context = NtpContext::new(Stamp { clock, shift, at: Duration::ZERO });
    match sntpc::get_time(server, socket, context).await {
        Ok(answer) => {
            let shift = i64::try_from(shift.as_micros()).unwrap_or(0);
            Ok(Sample { offset: answer.offset.saturating_add(shift), roundtrip: answer.roundtrip })
        }
        Err(sntpc::Error::Network) => Err(Error::Unreachable),
        Err(sntpc::Error::KissOfDeath(code)) => Err(Error::Unwanted(Kiss(code))),
        Err(error) => Err(Error::Answer(error)),
    }
}
