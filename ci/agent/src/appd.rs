//! A client of appd, as the system UI is one.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};
use weft_ipc::appd::{Request, Response};
use weft_ipc::frame;

pub const SOCKET: &str = "/run/weft/appd.sock";

/// A connection that hears what appd says from the moment it is made.
#[derive(Debug)]
pub struct Appd {
    stream: UnixStream,
    heard: Arc<Mutex<Vec<Response>>>,
}

impl Appd {
    pub fn connect() -> io::Result<Self> {
        let stream = UnixStream::connect(SOCKET)?;
        let mut incoming = stream.try_clone()?;
        let heard = Arc::new(Mutex::new(Vec::new()));
        let into = heard.clone();
        std::thread::spawn(move || {
            while let Ok(Some(response)) = frame::read(&mut incoming) {
                into.lock().unwrap_or_else(PoisonError::into_inner).push(response);
            }
            // The next request must find the connection broken, whoever broke it.
            let _ = incoming.shutdown(std::net::Shutdown::Both);
        });
        Ok(Self { stream, heard })
    }

    pub fn ask(&mut self, request: &Request) -> io::Result<()> {
        frame::write(&mut self.stream, request).map_err(io::Error::other)
    }

    /// What was heard since this was last called, in its order.
    pub fn take_responses(&self) -> Vec<Response> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
