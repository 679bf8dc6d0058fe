//! TCP as the HTTP client uses it, with one deadline for all that a request does.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use ureq::Error;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, Transport};

#[derive(Debug)]
pub struct Tcp {
    stream: TcpStream,
    buffers: LazyBuffers,
    deadline: Instant,
}

impl Tcp {
    pub fn new(stream: TcpStream, buffers: LazyBuffers, deadline: Instant) -> Self {
        Self { stream, buffers, deadline }
    }

    /// How long one call may take: what the client gives it, but never past the deadline, however small the pieces that come.
    fn time(&self, timeout: &NextTimeout) -> Result<Duration, Error> {
        match self.deadline.saturating_duration_since(Instant::now()).min(*timeout.after) {
            Duration::ZERO => Err(Error::Timeout(timeout.reason)),
            time => Ok(time),
        }
    }
}

/// A socket's timeout shows as EAGAIN, see socket(7) SO_RCVTIMEO.
fn failed(error: io::Error, timeout: &NextTimeout) -> Error {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Error::Timeout(timeout.reason),
        _ => Error::Io(error),
    }
}

impl Transport for Tcp {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        let mut sent = 0;
        while sent < amount {
            let time = self.time(&timeout)?;
            self.stream.set_write_timeout(Some(time))?;
            let rest = self.buffers.output().get(sent..amount).unwrap_or_default();
            match (&self.stream).write(rest) {
                Ok(0) => return Err(Error::Io(io::ErrorKind::WriteZero.into())),
                Ok(written) => sent += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error, &timeout)),
            }
        }
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        loop {
            let time = self.time(&timeout)?;
            self.stream.set_read_timeout(Some(time))?;
            match self.stream.read(self.buffers.input_append_buf()) {
                Ok(read) => {
                    self.buffers.input_appended(read);
                    return Ok(read > 0);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error, &timeout)),
            }
        }
    }

    /// No connection is used for a second request.
    fn is_open(&mut self) -> bool {
        false
    }
}
