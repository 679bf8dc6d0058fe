//! A connected `SOCK_SEQPACKET` socket in the event loop, with descriptors (unix(7)).

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    SocketAddrUnix, SocketFlags, SocketType,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Room for the descriptors of one packet.
const DESCRIPTORS: usize = weft_ipc::launcher::MAX_DESCRIPTORS;

#[derive(Debug)]
pub struct Socket(AsyncFd<OwnedFd>);

impl Socket {
    pub fn connect(path: &Path) -> io::Result<Self> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        rustix::net::connect(&fd, &SocketAddrUnix::new(path)?)?;
        Ok(Self(crate::sys::watch(fd)?))
    }

    /// Sends one packet.
    pub async fn send(&self, packet: &[u8], descriptors: &[OwnedFd]) -> io::Result<()> {
        let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        let send = |fd: &OwnedFd| {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            if !borrowed.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&borrowed)) {
                return Err(io::Error::other("too many descriptors"));
            }
            let pieces = [IoSlice::new(packet)];
            Ok(rustix::net::sendmsg(fd, &pieces, &mut control, SendFlags::NOSIGNAL)?)
        };
        self.0.async_io(Interest::WRITABLE, send).await.map(drop)
    }

    /// Receives one packet; descriptors that come with it are closed. Zero bytes are the end.
    pub async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let receive = |fd: &OwnedFd| {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut pieces = [IoSliceMut::new(buffer)];
            let got = rustix::net::recvmsg(fd, &mut pieces, &mut control, RecvFlags::CMSG_CLOEXEC)?;
            Ok(got.bytes)
        };
        let mut receive = receive;
        loop {
            let mut guard = self.0.readable().await?;
            if let Ok(outcome) = guard.try_io(|fd| receive(fd.get_ref())) {
                return outcome;
            }
        }
    }
}
