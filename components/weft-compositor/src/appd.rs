//! The channel to appd: which process shows which session, which session comes to the front, and what became of them.

use crate::clients::Departed;
use crate::state::Weft;
use crate::windows::Owner;
use smithay::reexports::calloop::generic::Generic;
use smithay::reexports::calloop::{Interest, LoopHandle, Mode, PostAction, RegistrationToken};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use weft_ipc::compositor::{FromCompositor, ToCompositor};
use weft_ipc::frame::{self, Decoder};

/// Bytes that wait for an appd that does not read, before it is cut off.
const MAX_UNSENT: usize = 1 << 20;

/// The connection to appd, which comes and goes.
#[derive(Debug, Default)]
pub struct Appd {
    link: Option<Link>,
}

#[derive(Debug)]
struct Link {
    stream: UnixStream,
    source: RegistrationToken,
    decoder: Decoder,
    unsent: Vec<u8>,
}

/// Takes connections of appd from the socket; a newer one replaces the one before.
pub fn listen(listener: UnixListener, events: &LoopHandle<'static, Weft>) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    let source = Generic::new(listener, Interest::READ, Mode::Level);
    let accept =
        |_, listener: &mut smithay::reexports::calloop::generic::NoIoDrop<UnixListener>, state: &mut Weft| {
            match listener.accept() {
                Ok((stream, _)) => {
                    if let Err(error) = state.connect_appd(stream) {
                        tracing::warn!("appd's connection cannot be used, ignoring: {error}");
                    }
                }
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => tracing::warn!("cannot accept a connection of appd, retrying: {error}"),
            }
            Ok(PostAction::Continue)
        };
    events.insert_source(source, accept).map_err(|error| error.error).map_err(std::io::Error::other)?;
    Ok(())
}

impl Weft {
    fn connect_appd(&mut self, stream: UnixStream) -> std::io::Result<()> {
        stream.set_nonblocking(true)?;
        self.disconnect_appd();
        self.sessions.clear();
        let fd = stream.as_fd().try_clone_to_owned()?;
        let source = Generic::new(fd, Interest::READ, Mode::Level);
        let source = self
            .events
            .insert_source(source, |_, _, state: &mut Weft| {
                if let Err(error) = state.read_appd() {
                    tracing::debug!("appd left: {error}");
                    state.disconnect_appd();
                }
                Ok(PostAction::Continue)
            })
            .map_err(|error| std::io::Error::other(error.error))?;
        self.appd.link = Some(Link { stream, source, decoder: Decoder::default(), unsent: Vec::new() });
        Ok(())
    }

    fn disconnect_appd(&mut self) {
        if let Some(link) = self.appd.link.take() {
            self.events.remove(link.source);
        }
    }

    fn read_appd(&mut self) -> std::io::Result<()> {
        let Some(link) = &mut self.appd.link else {
            return Ok(());
        };
        let mut piece = [0; 4096];
        match link.stream.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => link.decoder.push(piece.get(..length).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
        let mut messages = Vec::new();
        while let Some(message) = link.decoder.next_message().map_err(std::io::Error::other)? {
            messages.push(message);
        }
        for message in messages {
            self.obey_appd(message);
        }
        Ok(())
    }

    fn obey_appd(&mut self, message: ToCompositor) {
        tracing::debug!(?message, "appd");
        match message {
            ToCompositor::AppSurfaceCreated { app_id, session_id, pid } => {
                self.sessions.bind(pid, session_id, app_id);
                for number in self.client_numbers_of(pid) {
                    self.windows.adopt(Owner::Client(number), Owner::Session(session_id));
                }
                self.check_app_ids(pid);
                self.settle_session(session_id);
            }
            ToCompositor::AppSurfaceDestroyed { session_id } => {
                self.sessions.end(session_id);
                self.hide_session(session_id);
                self.windows.forget_owner(Owner::Session(session_id));
            }
            ToCompositor::AppFocusRequest { session_id } => {
                if !self.windows.activate(session_id) {
                    tracing::debug!(session_id, "no window to bring to the front");
                }
                self.update_windows();
            }
        }
    }

    /// Tells appd, if it is connected.
    pub fn tell_appd(&mut self, message: &FromCompositor) {
        let Some(link) = &mut self.appd.link else {
            return;
        };
        match frame::encode(message) {
            Ok(bytes) => link.unsent.extend_from_slice(&bytes),
            Err(error) => tracing::error!("a message to appd cannot be encoded: {error}"),
        }
        // A socket's buffer holds thousands of these messages: what does not fit now goes along with the next one.
        match link.stream.write(&link.unsent) {
            Ok(length) => drop(link.unsent.drain(..length)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => link.unsent.clear(),
        }
        if link.unsent.len() > MAX_UNSENT {
            tracing::warn!("appd does not read its messages: cutting it off");
            self.disconnect_appd();
        }
    }

    /// Clients of the Wayland socket went away: appd learns of it.
    pub fn settle_departed(&mut self) {
        let departed: Vec<Departed> = match self.departed.lock() {
            Ok(mut departed) => std::mem::take(&mut *departed),
            Err(_) => return,
        };
        for client in departed {
            self.clients.remove(&client.number);
            self.windows.forget_owner(Owner::Client(client.number));
            if self.client_numbers_of(client.pid).is_empty() {
                self.tell_appd(&FromCompositor::ClientDisconnected { pid: client.pid });
            }
        }
    }

    fn client_numbers_of(&self, pid: u32) -> Vec<u64> {
        self.clients.iter().filter(|(_, peer)| peer.pid == pid).map(|(number, _)| *number).collect()
    }
}
