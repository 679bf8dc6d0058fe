//! The channel to the compositor: which process shows which session. Kept up by reconnecting; a new compositor is told all there is.

use crate::sessions::SessionId;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use weft_ipc::compositor::{FromCompositor, ToCompositor};
use weft_ipc::frame;

const RETRY: Duration = Duration::from_secs(2);
/// A compositor that takes no message for this long is connected to anew.
const PATIENCE: Duration = Duration::from_secs(5);
const QUEUE: usize = 64;

/// appd's end.
#[derive(Debug, Clone)]
pub struct Compositor {
    surfaces: Surfaces,
    news: mpsc::Sender<ToCompositor>,
}

/// What a compositor must know about the sessions there are, to be told after each connect.
type Surfaces = Arc<Mutex<BTreeMap<SessionId, ToCompositor>>>;

impl Compositor {
    /// Starts the task that connects to `socket`.
    pub fn start(socket: PathBuf) -> Self {
        let (news, receiver) = mpsc::channel(QUEUE);
        let surfaces = Surfaces::default();
        tokio::spawn(stay_connected(socket, surfaces.clone(), receiver));
        Self { surfaces, news }
    }

    /// A shell was started for the session.
    pub fn created(&self, app_id: String, session_id: SessionId, pid: u32) {
        let message = ToCompositor::AppSurfaceCreated { app_id, session_id, pid };
        self.surfaces.lock().unwrap_or_else(PoisonError::into_inner).insert(session_id, message.clone());
        self.tell(message);
    }

    /// The session is over; nothing is said of one that had no shell.
    pub fn destroyed(&self, session_id: SessionId) {
        if self.surfaces.lock().unwrap_or_else(PoisonError::into_inner).remove(&session_id).is_some() {
            self.tell(ToCompositor::AppSurfaceDestroyed { session_id });
        }
    }

    pub fn focus(&self, session_id: SessionId) {
        self.tell(ToCompositor::AppFocusRequest { session_id });
    }

    fn tell(&self, message: ToCompositor) {
        if self.news.try_send(message).is_err() {
            tracing::warn!("the compositor takes no messages, ignoring one");
        }
    }
}

async fn stay_connected(socket: PathBuf, surfaces: Surfaces, mut news: mpsc::Receiver<ToCompositor>) {
    let mut said = false;
    loop {
        match UnixStream::connect(&socket).await {
            Ok(stream) => {
                tracing::info!("connected to the compositor");
                said = false;
                // What was queued before is older than the list that is told now.
                while news.try_recv().is_ok() {}
                if !serve(stream, &surfaces, &mut news).await {
                    return;
                }
                tracing::warn!("the compositor is gone, retrying");
            }
            Err(error) if !said => {
                tracing::warn!("cannot connect to the compositor at {}: {error}, retrying", socket.display());
                said = true;
            }
            Err(_) => {}
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Speaks on one connection; `false` when appd itself is ending.
async fn serve(stream: UnixStream, surfaces: &Surfaces, news: &mut mpsc::Receiver<ToCompositor>) -> bool {
    let (mut reader, mut writer) = stream.into_split();
    let known: Vec<ToCompositor> =
        surfaces.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
    let mut send = async |message: &ToCompositor| match frame::encode(message) {
        Ok(bytes) => {
            matches!(tokio::time::timeout(PATIENCE, writer.write_all(&bytes)).await, Ok(Ok(())))
        }
        Err(_) => true,
    };
    for message in &known {
        if !send(message).await {
            return true;
        }
    }
    let mut decoder = frame::Decoder::default();
    let mut buffer = [0; 4096];
    loop {
        tokio::select! {
            message = news.recv() => match message {
                Some(message) if send(&message).await => {}
                Some(_) => return true,
                None => return false,
            },
            read = reader.read(&mut buffer) => {
                let Some(bytes) = read.ok().filter(|read| *read > 0).and_then(|read| buffer.get(..read)) else {
                    return true;
                };
                decoder.push(bytes);
                loop {
                    match decoder.next_message::<FromCompositor>() {
                        Ok(Some(message)) => tracing::debug!("the compositor says {message:?}"),
                        Ok(None) => break,
                        Err(error) => {
                            tracing::warn!("the compositor sent what is no message: {error}, retrying");
                            return true;
                        }
                    }
                }
            }
        }
    }
}
