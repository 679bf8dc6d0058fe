//! Lines of a client who may be slow, silent or endless.

use crate::Refusal;
use crate::protocol::MAX_LINE_LEN;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const PIECE: usize = 64 * 1024;

/// Reads lines. Between two lines a client may be silent for as long as it likes; within one it has `line_time`.
pub(crate) struct Lines<'a> {
    stream: &'a UnixStream,
    line_time: Duration,
    buffer: Vec<u8>,
    /// How much of the buffer is known to hold no newline.
    searched: usize,
}

impl<'a> Lines<'a> {
    pub fn new(stream: &'a UnixStream, line_time: Duration) -> Self {
        Self { stream, line_time, buffer: Vec::new(), searched: 0 }
    }

    /// The next line without its newline; `None` when the client is gone. After an error the connection is of no use any more.
    pub fn next(&mut self) -> Result<Option<Vec<u8>>, Refusal> {
        let mut deadline = None;
        loop {
            if let Some(line) = self.take_line() {
                return Ok(Some(line));
            }
            if self.buffer.len() > MAX_LINE_LEN {
                return Err(Refusal::TooLarge(format!("a line has at most {MAX_LINE_LEN} bytes")));
            }
            if !self.buffer.is_empty() && deadline.is_none() {
                deadline = Some(Instant::now() + self.line_time);
            }
            match self.read_before(deadline) {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Err(Refusal::TooSlow(format!("a line has {:?} to arrive", self.line_time)));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // A client that is gone.
                Err(_) => return Ok(None),
            }
        }
    }

    fn take_line(&mut self) -> Option<Vec<u8>> {
        let rest = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(offset) = rest.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            return None;
        };
        let tail = self.buffer.split_off(self.searched + offset + 1);
        let mut line = std::mem::replace(&mut self.buffer, tail);
        line.pop();
        self.searched = 0;
        Some(line)
    }

    fn read_before(&mut self, deadline: Option<Instant>) -> io::Result<usize> {
        self.stream.set_read_timeout(remaining(deadline)?)?;
        let mut piece = [0; PIECE];
        let read = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
        Ok(read)
    }
}

/// Writes a line to a client who must have taken all of it after `time`.
pub(crate) fn write_line(mut stream: &UnixStream, mut line: Vec<u8>, time: Duration) -> io::Result<()> {
    line.push(b'\n');
    let deadline = Some(Instant::now() + time);
    let mut rest = &*line;
    while !rest.is_empty() {
        stream.set_write_timeout(remaining(deadline)?)?;
        match stream.write(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = rest.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How long one call may still take; `None` for as long as it likes.
fn remaining(deadline: Option<Instant>) -> io::Result<Option<Duration>> {
    let Some(deadline) = deadline else { return Ok(None) };
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(io::ErrorKind::WouldBlock.into()),
        left => Ok(Some(left)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(30);

    #[test]
    fn lines_come_out_of_pieces_and_a_torn_one_is_dropped() {
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(b"one\n\ntwo\nth").unwrap();
        let mut lines = Lines::new(&server, LONG);
        for expected in ["one", "", "two"] {
            assert_eq!(lines.next().unwrap().unwrap(), expected.as_bytes());
        }
        client.write_all(b"ree\ntorn").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), b"three");
        drop(client);
        assert_eq!(lines.next(), Ok(None));
    }

    #[test]
    fn a_line_that_does_not_end_in_time_is_refused() {
        let (mut client, server) = UnixStream::pair().unwrap();
        client.write_all(b"{\"op\":").unwrap();
        assert!(matches!(Lines::new(&server, SHORT).next(), Err(Refusal::TooSlow(_))));
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_fills_the_memory() {
        let (mut client, server) = UnixStream::pair().unwrap();
        let sender = std::thread::spawn(move || while client.write_all(&[b'x'; PIECE]).is_ok() {});
        let refusal = Lines::new(&server, LONG).next();
        assert!(matches!(refusal, Err(Refusal::TooLarge(_))));
        drop(server);
        sender.join().unwrap();
    }

    #[test]
    fn a_client_that_does_not_take_its_answer_is_given_up() {
        let (client, server) = UnixStream::pair().unwrap();
        let error = write_line(&server, vec![b'x'; 8 * 1024 * 1024], SHORT).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(client);
    }
}
