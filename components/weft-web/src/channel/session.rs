//! The session channel of an app: lines of `weft_ipc::session` on a socket that appd made.

use super::stream::{Found, Stream};
use super::{Incoming, Refused};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use weft_ipc::session::{MAX_LINE_LEN, decode, encode};

/// The page's end of the session channel.
#[derive(Debug)]
pub struct Session {
    stream: Option<Stream>,
    incoming: Vec<u8>,
}

impl Session {
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        Ok(Self { stream: Some(Stream::new(socket)?), incoming: Vec::new() })
    }

    pub(super) fn receive(&mut self) -> Incoming {
        loop {
            if let Some(end) = self.incoming.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.incoming.drain(..=end).collect();
                match std::str::from_utf8(&line)
                    .map_err(|e| e.to_string())
                    .and_then(|line| decode(line).map_err(|e| e.to_string()))
                {
                    Ok(message) => return Incoming::Message(message),
                    Err(error) => {
                        tracing::warn!("a line of the session channel is not a message: {error}, ignoring")
                    }
                }
                continue;
            }
            let Some(stream) = &mut self.stream else {
                return Incoming::Nothing;
            };
            match stream.read(&mut self.incoming) {
                Ok(Found::Bytes) if self.incoming.len() <= MAX_LINE_LEN => {}
                Ok(Found::Nothing) => return Incoming::Nothing,
                Ok(Found::Bytes | Found::End) | Err(_) => {
                    self.stream = None;
                    return Incoming::Closed;
                }
            }
        }
    }

    pub(super) fn send(&mut self, message: &str) -> Result<(), Refused> {
        let stream = self.stream.as_mut().ok_or(Refused::NotConnected)?;
        if stream.is_full() {
            return Err(Refused::Full);
        }
        stream.queue(encode(message)?.into_bytes());
        // A broken socket is found again, and reported, by the next read.
        stream.write().or(Ok(()))
    }

    pub(super) fn woken(&mut self) {
        if let Some(stream) = &mut self.stream {
            stream.woken();
            let _ = stream.write();
        }
    }

    pub(super) fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.stream.as_ref().map(AsFd::as_fd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use weft_ipc::session::{MAX_MESSAGE_LEN, QUEUE_LEN};

    fn pair() -> (Session, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Session::new(ours).unwrap(), theirs)
    }

    #[test]
    fn lines_become_messages_and_messages_lines() {
        let (mut session, mut peer) = pair();
        assert_eq!(session.receive(), Incoming::Nothing);
        peer.write_all(b"\"a\\nb\"\n{\"no\":1}\n\"half").unwrap();
        session.woken();
        assert_eq!(session.receive(), Incoming::Message("a\nb".into()));
        assert_eq!(session.receive(), Incoming::Nothing);
        peer.write_all(b"\"\n").unwrap();
        session.woken();
        assert_eq!(session.receive(), Incoming::Message("half".into()));
        session.send("ü\n").unwrap();
        let mut line = [0; 7];
        peer.read_exact(&mut line).unwrap();
        assert_eq!(&line, "\"ü\\n\"\n".as_bytes());
        drop(peer);
        session.woken();
        assert_eq!(session.receive(), Incoming::Closed);
        assert!(matches!(session.send("x"), Err(Refused::NotConnected)));
    }

    #[test]
    fn a_peer_that_does_not_read_makes_send_refuse_and_loses_nothing() {
        let (mut session, peer) = pair();
        let text = "x".repeat(MAX_MESSAGE_LEN);
        let sent = (0..1000).take_while(|_| session.send(&text).is_ok()).count();
        assert!((QUEUE_LEN..1000).contains(&sent));
        assert!(matches!(session.send("x"), Err(Refused::Full)));
        let reader = std::thread::spawn(move || {
            let mut lines = std::io::BufRead::lines(std::io::BufReader::new(peer));
            (0..sent).filter(|_| lines.next().unwrap().unwrap().len() == MAX_MESSAGE_LEN + 2).count()
        });
        while !reader.is_finished() {
            session.woken();
            std::thread::yield_now();
        }
        assert_eq!(reader.join().unwrap(), sent);
    }

    #[test]
    fn too_much_is_refused_both_ways() {
        let (mut session, mut peer) = pair();
        assert!(matches!(session.send(&"x".repeat(MAX_MESSAGE_LEN + 1)), Err(Refused::TooLong(_))));
        let writer = std::thread::spawn(move || peer.write_all(&vec![b'x'; MAX_LINE_LEN * 2]));
        let end = loop {
            session.woken();
            match session.receive() {
                Incoming::Nothing => std::thread::yield_now(),
                other => break other,
            }
        };
        assert_eq!(end, Incoming::Closed);
        drop(session);
        let _ = writer.join();
    }
}
