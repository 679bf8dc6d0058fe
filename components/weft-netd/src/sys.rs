//! The calls that need unsafe code: packet sockets, and the kernel's clock discipline.
#![allow(unsafe_code)]

use crate::dhcp::Mac;
use socket2::{SockAddr, Socket};
use std::io;
use tokio::io::unix::AsyncFd;

/// The address of a card for a packet socket (packet(7)), in its own network byte order.
pub fn card_address(link: u32, protocol: u16, mac: Option<Mac>) -> io::Result<SockAddr> {
    let index = i32::try_from(link).map_err(io::Error::other)?;
    // SAFETY: the storage is large enough for any address, `sockaddr_ll` holds integers only, and its length is what is reported.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, length| {
            let card = &mut *storage.cast::<libc::sockaddr_ll>();
            card.sll_family = libc::AF_PACKET as u16;
            card.sll_protocol = protocol.to_be();
            card.sll_ifindex = index;
            if let Some(mac) = mac {
                card.sll_halen = 6;
                card.sll_addr[..6].copy_from_slice(&mac);
            }
            *length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
            Ok(())
        })?
    };
    Ok(address)
}

/// A socket in the event loop.
pub fn watch(socket: Socket) -> io::Result<AsyncFd<Socket>> {
    // SAFETY: a `Socket` owns one descriptor, open until it is dropped, which happens with the `AsyncFd`.
    Ok(unsafe { AsyncFd::register(socket)? })
}

/// Lets the kernel wear down `offset` microseconds little by little, and write the clock to the hardware clock from time to time
/// (adjtimex(2), ADJ_OFFSET with STA_PLL; the kernel takes at most half a second).
pub fn slew(offset: i64) -> io::Result<()> {
    let modes =
        libc::ADJ_OFFSET | libc::ADJ_STATUS | libc::ADJ_TIMECONST | libc::ADJ_MAXERROR | libc::ADJ_ESTERROR;
    adjust(modes, offset)
}

/// Tells the kernel that the clock is right, so that it writes it to the hardware clock from time to time.
pub fn synchronized() -> io::Result<()> {
    adjust(libc::ADJ_STATUS | libc::ADJ_MAXERROR | libc::ADJ_ESTERROR, 0)
}

fn adjust(modes: u32, offset: i64) -> io::Result<()> {
    // SAFETY: `timex` holds integers only, of which zero is a value.
    let mut timex: libc::timex = unsafe { std::mem::zeroed() };
    timex.modes = modes;
    timex.status = libc::STA_PLL;
    timex.offset = offset;
    // Time constant of the loop, for polls minutes apart (ntp_adjtime(3)).
    timex.constant = 6;
    // SAFETY: the kernel reads and writes this one struct.
    let outcome = unsafe { libc::adjtimex(&raw mut timex) };
    if outcome < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
