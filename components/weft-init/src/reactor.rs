//! The event loop's sources: one epoll descriptor, one token for each source.

use rustix::buffer::spare_capacity;
use rustix::event::epoll;
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;

/// What became ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    Signals,
    Timer,
    Notify,
    Control,
    Uevents,
    KernelLog,
    StateWorker,
    Console,
    /// A client of the control socket.
    Client(u32),
    /// Output of a service's process.
    Output(u32),
    PowerKey(u32),
}

impl Token {
    fn to_data(self) -> u64 {
        let (kind, index) = match self {
            Self::Signals => (0, 0),
            Self::Timer => (1, 0),
            Self::Notify => (2, 0),
            Self::Control => (3, 0),
            Self::Uevents => (4, 0),
            Self::KernelLog => (5, 0),
            Self::StateWorker => (6, 0),
            Self::Console => (7, 0),
            Self::Client(index) => (8, index),
            Self::Output(index) => (9, index),
            Self::PowerKey(index) => (10, index),
        };
        kind << 32 | u64::from(index)
    }

    fn from_data(data: u64) -> Option<Self> {
        let index = u32::try_from(data & u64::from(u32::MAX)).ok()?;
        Some(match data >> 32 {
            0 => Self::Signals,
            1 => Self::Timer,
            2 => Self::Notify,
            3 => Self::Control,
            4 => Self::Uevents,
            5 => Self::KernelLog,
            6 => Self::StateWorker,
            7 => Self::Console,
            8 => Self::Client(index),
            9 => Self::Output(index),
            10 => Self::PowerKey(index),
            _ => return None,
        })
    }
}

pub struct Reactor {
    epoll: OwnedFd,
}

const AT_ONCE: usize = 32;

impl Reactor {
    pub fn new() -> Result<Self, Errno> {
        Ok(Self { epoll: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// Watches for something to read, or with `writable` for room to write.
    pub fn watch(&self, source: impl AsFd, token: Token, writable: bool) -> Result<(), Errno> {
        let flags = if writable { epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
        epoll::add(&self.epoll, source, epoll::EventData::new_u64(token.to_data()), flags)
    }

    /// Closing a descriptor ends its watch too, but only once no forked child holds a copy.
    pub fn forget(&self, source: impl AsFd) {
        let _ = epoll::delete(&self.epoll, source);
    }

    /// Waits for something to happen.
    pub fn wait(&self) -> Vec<Token> {
        let mut events: Vec<epoll::Event> = Vec::with_capacity(AT_ONCE);
        // Interrupted or not: what is ready will be reported again.
        let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), None);
        events.iter().filter_map(|event| Token::from_data(event.data.u64())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_survive_the_kernel() {
        let plain = [
            Token::Signals,
            Token::Timer,
            Token::Notify,
            Token::Control,
            Token::Uevents,
            Token::KernelLog,
            Token::StateWorker,
            Token::Console,
        ];
        let indexed = [Token::Client(7), Token::Output(u32::MAX), Token::PowerKey(0)];
        for token in plain.into_iter().chain(indexed) {
            assert_eq!(Token::from_data(token.to_data()), Some(token));
        }
        assert_eq!(Token::from_data(u64::MAX), None);
    }

    #[test]
    fn a_pipe_with_a_byte_is_ready() {
        let (reader, writer) = rustix::pipe::pipe().unwrap();
        let reactor = Reactor::new().unwrap();
        reactor.watch(&reader, Token::Output(3), false).unwrap();
        rustix::io::write(&writer, b"x").unwrap();
        assert_eq!(reactor.wait(), [Token::Output(3)]);
    }
}
