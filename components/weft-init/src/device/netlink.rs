//! The two multicast groups of `NETLINK_KOBJECT_UEVENT`: the kernel's, which is heard, and udev's, which is spoken.

use super::monitor;
use super::uevent::Uevent;
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::netlink::{KOBJECT_UEVENT, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

const KERNEL_GROUP: u32 = 1;
/// A burst of events, such as a hub with everything on it, must fit.
const BUFFER: usize = 4 << 20;
/// The kernel's messages have at most 2 KiB of properties (`UEVENT_BUFFER_SIZE`).
const MESSAGE_LIMIT: usize = 8192;

pub struct Socket {
    fd: OwnedFd,
}

/// What a read brought.
pub enum Received {
    Event(Uevent),
    /// Nobody's business.
    Other,
    /// Events were lost: look at every device again.
    Overflow,
    Nothing,
}

impl Socket {
    pub fn open() -> Result<Self, Errno> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd =
            rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, Some(KOBJECT_UEVENT))?;
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&fd, BUFFER);
        rustix::net::bind(&fd, &SocketAddrNetlink::new(0, KERNEL_GROUP))?;
        Ok(Self { fd })
    }

    pub fn receive(&self) -> Received {
        let mut buffer = [0; MESSAGE_LIMIT];
        match rustix::net::recvfrom(&self.fd, &mut buffer, RecvFlags::empty()) {
            Ok((length, _, sender)) => {
                // Port 0 is the kernel; any other process of the device could have sent the rest.
                let kernel = sender
                    .and_then(|address| SocketAddrNetlink::try_from(address).ok())
                    .is_some_and(|address| address.pid() == 0);
                let event = buffer.get(..length).filter(|_| kernel).and_then(Uevent::parse);
                event.map_or(Received::Other, Received::Event)
            }
            Err(Errno::NOBUFS) => Received::Overflow,
            Err(Errno::INTR) => Received::Other,
            Err(_) => Received::Nothing,
        }
    }

    /// Tells libudev's listeners; without any the kernel refuses the message, which is no error.
    pub fn announce(&self, properties: &[(String, String)]) {
        let message = monitor::encode(properties);
        let group = SocketAddrNetlink::new(0, monitor::GROUP);
        let _ = rustix::net::sendto(&self.fd, &message, SendFlags::DONTWAIT, &group);
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
