//! Connections to appd's socket. Each has its own tasks and its own bounds: one that reads slowly is cut off, one that sends nonsense is
//! told so, and neither costs the others anything.

use crate::chain::chain;
use crate::peer::Policy;
use crate::sessions::{ClientId, SessionId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use weft_ipc::appd::{Request, Response};
use weft_ipc::{frame, session};

const MAX_CLIENTS: usize = 32;
/// A request carries at most one message of a session; MessagePack adds little.
const MAX_REQUEST: usize = session::MAX_MESSAGE_LEN + 4096;
/// Answers and bytes of them that may wait for a slow client.
const MAX_PENDING: usize = 256;
const MAX_PENDING_BYTES: usize = 1 << 20;

/// What a client did.
#[derive(Debug)]
pub enum FromClient {
    Request(ClientId, Request),
    /// It sent a frame that is no request.
    Nonsense(ClientId, String),
    Gone(ClientId),
}

/// All connections.
#[derive(Debug)]
pub struct Clients {
    policy: Policy,
    clients: BTreeMap<ClientId, Client>,
    last_id: u64,
    events: mpsc::Sender<FromClient>,
}

#[derive(Debug)]
struct Client {
    frames: mpsc::Sender<Vec<u8>>,
    pending_bytes: Arc<AtomicUsize>,
    /// Sessions whose component's messages it wants copies of.
    watching: BTreeSet<SessionId>,
    _tasks: JoinSet<()>,
}

impl Clients {
    pub fn new(policy: Policy, events: mpsc::Sender<FromClient>) -> Self {
        Self { policy, clients: BTreeMap::new(), last_id: ClientId::APPD.0, events }
    }

    /// Takes a new connection in, or closes it.
    pub fn admit(&mut self, stream: UnixStream) {
        if !self.policy.admits(&stream) {
            tracing::warn!("a connection of another user is refused, ignoring");
            return;
        }
        if self.clients.len() >= MAX_CLIENTS {
            tracing::warn!("{MAX_CLIENTS} clients are connected already, ignoring another one");
            return;
        }
        self.last_id += 1;
        let id = ClientId(self.last_id);
        let (reader, writer) = stream.into_split();
        let (frames, waiting) = mpsc::channel(MAX_PENDING);
        let pending_bytes = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(read(id, reader, self.events.clone()));
        tasks.spawn(write(writer, waiting, pending_bytes.clone()));
        self.clients.insert(id, Client { frames, pending_bytes, watching: BTreeSet::new(), _tasks: tasks });
    }

    pub fn remove(&mut self, id: ClientId) {
        self.clients.remove(&id);
    }

    pub fn watch(&mut self, id: ClientId, session: SessionId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.watching.insert(session);
        }
    }

    pub fn forget_session(&mut self, session: SessionId) {
        for client in self.clients.values_mut() {
            client.watching.remove(&session);
        }
    }

    /// Answers one client.
    pub fn reply(&mut self, id: ClientId, response: &Response) {
        self.send(response, |other, _| other == id);
    }

    /// Tells all.
    pub fn broadcast(&mut self, response: &Response) {
        self.send(response, |_, _| true);
    }

    /// Tells those who watch the session.
    pub fn tell_watchers(&mut self, session: SessionId, response: &Response) {
        self.send(response, |_, client| client.watching.contains(&session));
    }

    fn send(&mut self, response: &Response, to: impl Fn(ClientId, &Client) -> bool) {
        let frame = match frame::encode(response) {
            Ok(frame) => frame,
            Err(error) => return tracing::error!("an answer cannot be encoded: {error}"),
        };
        self.clients.retain(|id, client| {
            let keep = !to(*id, client) || client.queue(&frame);
            if !keep {
                tracing::warn!("client {} does not read its answers, closing its connection", id.0);
            }
            keep
        });
    }
}

impl Client {
    fn queue(&self, frame: &[u8]) -> bool {
        let pending = self.pending_bytes.fetch_add(frame.len(), Ordering::Relaxed);
        let fits = pending == 0 || pending + frame.len() <= MAX_PENDING_BYTES;
        // A writer that ended is noticed by the reader, or by the next answer.
        fits && self.frames.try_send(frame.to_vec()).is_ok()
    }
}

async fn write(mut writer: OwnedWriteHalf, mut frames: mpsc::Receiver<Vec<u8>>, pending: Arc<AtomicUsize>) {
    while let Some(frame) = frames.recv().await {
        if writer.write_all(&frame).await.is_err() {
            return;
        }
        pending.fetch_sub(frame.len(), Ordering::Relaxed);
    }
}

async fn read(id: ClientId, mut reader: OwnedReadHalf, events: mpsc::Sender<FromClient>) {
    while let Some(event) = next(id, &mut reader).await {
        // The queue is bounded and shared: a client that floods waits here like all others.
        if events.send(event).await.is_err() {
            return;
        }
    }
    let _ = events.send(FromClient::Gone(id)).await;
}

/// The next request; `None` at the end of the connection, or when its framing is lost.
async fn next(id: ClientId, reader: &mut OwnedReadHalf) -> Option<FromClient> {
    let length = usize::try_from(reader.read_u32_le().await.ok()?).ok()?;
    if length > MAX_REQUEST {
        tracing::warn!(
            "client {} sends a request of {length} bytes, over {MAX_REQUEST}, closing its connection",
            id.0
        );
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some(match frame::decode(&body) {
        Ok(request) => FromClient::Request(id, request),
        Err(error) => FromClient::Nonsense(id, chain(&error)),
    })
}
