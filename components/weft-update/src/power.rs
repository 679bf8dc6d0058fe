//! Asking PID 1 to restart the device.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// PID 1's control socket: one line a connection.
const SOCKET: &str = "/run/weft/init.sock";
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot ask PID 1 for a restart at {SOCKET}: restart the device by hand")]
    Ask(#[from] io::Error),
    #[error("PID 1 refuses a restart: {0}")]
    Refused(String),
}

pub fn reboot() -> Result<(), Error> {
    let mut socket = UnixStream::connect(SOCKET)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.write_all(b"reboot\n")?;
    let mut answer = String::new();
    socket.take(4096).read_to_string(&mut answer)?;
    match answer.trim() {
        answer if answer.starts_with("error") => Err(Error::Refused(answer.to_owned())),
        _ => Ok(()),
    }
}
