//! A Unix stream socket that never blocks the event loop.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use weft_ipc::session::QUEUE_LEN;

/// What was found when reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Bytes were added; there may be more.
    Bytes,
    /// Nothing for now.
    Nothing,
    /// The peer closed its end.
    End,
}

/// The socket, and the messages that its peer has not taken yet.
#[derive(Debug)]
pub struct Stream {
    socket: UnixStream,
    readable: bool,
    outgoing: VecDeque<Vec<u8>>,
    /// Bytes of the first outgoing message that are gone already.
    written: usize,
}

impl Stream {
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self { socket, readable: true, outgoing: VecDeque::new(), written: 0 })
    }

    /// The event loop saw the socket become readable or writable.
    pub fn woken(&mut self) {
        self.readable = true;
    }

    /// Reads some bytes behind those in `buffer`.
    pub fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Found> {
        if !self.readable {
            return Ok(Found::Nothing);
        }
        let mut chunk = [0; 16 * 1024];
        match self.socket.read(&mut chunk) {
            Ok(0) => Ok(Found::End),
            Ok(n) => {
                buffer.extend_from_slice(chunk.get(..n).unwrap_or_default());
                Ok(Found::Bytes)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Ok(Found::Nothing)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(Found::Bytes),
            Err(e) => Err(e),
        }
    }

    /// Whether the peer has so much to take that one more message is refused.
    pub fn is_full(&self) -> bool {
        self.outgoing.len() >= QUEUE_LEN
    }

    /// Adds a message behind those that wait.
    pub fn queue(&mut self, message: Vec<u8>) {
        self.outgoing.push_back(message);
    }

    /// Writes as much as the peer takes now.
    pub fn write(&mut self) -> io::Result<()> {
        while let Some(message) = self.outgoing.front() {
            match self.socket.write(message.get(self.written..).unwrap_or_default()) {
                Ok(n) if self.written + n >= message.len() => {
                    self.outgoing.pop_front();
                    self.written = 0;
                }
                Ok(n) => self.written += n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
