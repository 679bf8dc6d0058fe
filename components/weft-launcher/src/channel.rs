//! appd's connection: packets with descriptors, both ways (unix(7)).

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use weft_ipc::launcher::{self, MAX_DESCRIPTORS, MAX_PACKET_LEN, Request, Response};

#[derive(Debug)]
pub struct Channel(OwnedFd);

/// What came out of the connection.
#[derive(Debug)]
pub enum Received {
    Request(Request, Vec<OwnedFd>),
    /// Not one of this channel's messages; whoever sends such is not served any longer.
    Bad(String),
    /// The peer is gone.
    End,
    Nothing,
}

impl Channel {
    pub fn new(socket: OwnedFd) -> Self {
        Self(socket)
    }

    /// One packet, if there is one.
    pub fn receive(&self) -> Received {
        let mut packet = vec![0; MAX_PACKET_LEN];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
        let received =
            match rustix::net::recvmsg(&self.0, &mut [IoSliceMut::new(&mut packet)], &mut control, flags) {
                Ok(received) => received,
                Err(Errno::AGAIN | Errno::INTR) => return Received::Nothing,
                Err(_) => return Received::End,
            };
        let mut descriptors = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                descriptors.extend(rights);
            }
        }
        if received.bytes == 0 {
            return Received::End;
        }
        if received.flags.intersects(ReturnFlags::TRUNC | ReturnFlags::CTRUNC) {
            return Received::Bad("a packet is too long or has too many descriptors".to_owned());
        }
        match launcher::request(packet.get(..received.bytes).unwrap_or_default(), descriptors.len()) {
            Ok(request) => Received::Request(request, descriptors),
            Err(error) => Received::Bad(error.to_string()),
        }
    }

    /// Tells the peer. One that does not read is as good as gone: `false`.
    pub fn send(&self, response: &Response, descriptor: Option<BorrowedFd<'_>>) -> bool {
        let Ok(packet) = launcher::encode(response) else {
            return false;
        };
        let descriptors: Vec<BorrowedFd<'_>> = descriptor.into_iter().collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
            return false;
        }
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        rustix::net::sendmsg(&self.0, &[IoSlice::new(&packet)], &mut control, flags).is_ok()
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
