//! The system UI's connection to appd: JSON of the page, frames of `weft_ipc::appd` on the socket.

use super::stream::{Found, Stream};
use super::{Incoming, Refused};
use serde::Serialize;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use weft_ipc::appd::{Request, Response};
use weft_ipc::frame::{Decoder, encode};

/// What the page hears about the connection itself, in the form of appd's own messages.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
enum Local {
    Connection { connected: bool },
}

/// A connection that is made again whenever appd comes back.
#[derive(Debug)]
pub struct Appd {
    path: PathBuf,
    stream: Option<Stream>,
    decoder: Decoder,
    /// What the page was last told; nothing yet at first.
    told: Option<bool>,
}

impl Appd {
    pub fn new(path: PathBuf) -> Self {
        Self { path, stream: None, decoder: Decoder::default(), told: None }
    }

    /// Tries to connect, where it is not yet connected. `true` when there is a new socket to watch.
    pub fn connect(&mut self) -> bool {
        if self.stream.is_some() {
            return false;
        }
        match UnixStream::connect(&self.path).and_then(Stream::new) {
            Ok(stream) => {
                tracing::info!("connected to appd at {}", self.path.display());
                self.stream = Some(stream);
                self.decoder = Decoder::default();
                true
            }
            Err(error) => {
                tracing::debug!("cannot connect to appd at {}: {error}, retrying", self.path.display());
                false
            }
        }
    }

    /// Sends a request of the shell's own.
    pub fn send(&mut self, request: &Request) -> Result<(), Refused> {
        let stream = self.stream.as_mut().ok_or(Refused::NotConnected)?;
        if stream.is_full() {
            return Err(Refused::Full);
        }
        stream.queue(encode(request)?);
        // A broken socket is found again, and reported, by the next read.
        stream.write().or(Ok(()))
    }

    pub(super) fn send_json(&mut self, message: &str) -> Result<(), Refused> {
        let request: Request = serde_json::from_str(message).map_err(Refused::NotARequest)?;
        self.send(&request)
    }

    pub(super) fn receive(&mut self) -> Incoming {
        let connected = self.stream.is_some();
        if self.told != Some(connected) {
            self.told = Some(connected);
            return Incoming::Message(json(&Local::Connection { connected }));
        }
        let Some(stream) = &mut self.stream else {
            return Incoming::Nothing;
        };
        let lost = loop {
            match self.decoder.next_message::<Response>() {
                Ok(Some(response)) => return Incoming::Message(json(&response)),
                Ok(None) => {}
                Err(weft_ipc::frame::Error::Decode(error)) => {
                    tracing::warn!("a message of appd is not understood: {error}, ignoring");
                    continue;
                }
                Err(error) => break error.to_string(),
            }
            let mut bytes = Vec::new();
            match stream.read(&mut bytes) {
                Ok(Found::Bytes) => self.decoder.push(&bytes),
                Ok(Found::Nothing) => return Incoming::Nothing,
                Ok(Found::End) => break "it closed the connection".to_owned(),
                Err(error) => break error.to_string(),
            }
        };
        tracing::warn!("lost appd: {lost}, retrying");
        self.stream = None;
        Incoming::Closed
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

fn json(message: &impl Serialize) -> String {
    serde_json::to_string(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;
    use weft_ipc::appd::RunningApp;
    use weft_ipc::frame;

    fn next(appd: &mut Appd) -> Incoming {
        appd.woken();
        appd.receive()
    }

    #[test]
    fn the_page_talks_json_and_hears_of_the_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("appd.sock");
        let mut appd = Appd::new(path.clone());
        assert!(!appd.connect());
        assert_eq!(next(&mut appd), Incoming::Message(r#"{"type":"CONNECTION","connected":false}"#.into()));
        assert_eq!(next(&mut appd), Incoming::Nothing);
        assert!(matches!(appd.send_json(r#"{"type":"QUERY_RUNNING"}"#), Err(Refused::NotConnected)));

        let listener = UnixListener::bind(&path).unwrap();
        assert!(appd.connect() && !appd.connect());
        let (mut peer, _) = listener.accept().unwrap();
        assert_eq!(next(&mut appd), Incoming::Message(r#"{"type":"CONNECTION","connected":true}"#.into()));
        appd.send_json(r#"{"type":"LAUNCH_APP","app_id":"a.b"}"#).unwrap();
        let launch = Request::LaunchApp { app_id: "a.b".into(), surface_id: 0 };
        assert_eq!(frame::read::<Request>(&mut peer).unwrap(), Some(launch));
        assert!(matches!(appd.send_json(r#"{"type":"REBOOT"}"#), Err(Refused::NotARequest(_))));
        assert!(matches!(appd.send_json("nonsense"), Err(Refused::NotARequest(_))));

        let running =
            Response::RunningApps { sessions: vec![RunningApp { session_id: 1, app_id: "a.b".into() }] };
        frame::write(&mut peer, &running).unwrap();
        assert_eq!(
            next(&mut appd),
            Incoming::Message(
                r#"{"type":"RUNNING_APPS","sessions":[{"session_id":1,"app_id":"a.b"}]}"#.into()
            )
        );
        assert_eq!(next(&mut appd), Incoming::Nothing);

        drop(peer);
        assert_eq!(next(&mut appd), Incoming::Closed);
        assert_eq!(next(&mut appd), Incoming::Message(r#"{"type":"CONNECTION","connected":false}"#.into()));
        assert!(appd.connect());
        assert_eq!(next(&mut appd), Incoming::Message(r#"{"type":"CONNECTION","connected":true}"#.into()));
    }
}
