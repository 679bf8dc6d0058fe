//! Connections to appd's sockets. Each has its own tasks and its own bounds: one that reads slowly is cut off, one that sends nonsense is
//! told so, and neither costs the others anything.

use crate::chain::chain;
use crate::encoded::Encoded;
use crate::peer::Policy;
use crate::sessions::{ClientId, SessionId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use weft_ipc::appd::{Request, Response};
use weft_ipc::{frame, session};

const MAX_CLIENTS: usize = 32;
/// A request carries at most one message of a session; MessagePack adds little.
pub const MAX_REQUEST: usize = session::MAX_MESSAGE_LEN + 4096;
/// Answers and bytes of them that may wait for a slow client.
const MAX_PENDING: usize = 256;
pub const MAX_PENDING_BYTES: usize = 1 << 20;

/// What a client did.
#[derive(Debug)]
pub enum FromClient {
    /// It came and proved who it is.
    Arrived(ClientId, Arrival),
    Request(ClientId, Request),
    /// A client of one app speaks to its component.
    AppMessage(ClientId, SessionId, String),
    /// It sent what is no request, or not one of its own.
    Nonsense(ClientId, u32, String),
    Gone(ClientId),
}

/// What a client may do, and how it is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The Unix socket: everything, in MessagePack.
    Socket,
    /// The WebSocket as the system: everything but the messages of apps, in JSON.
    System,
    /// The WebSocket as one app: the messages of this session, in JSON.
    App(SessionId),
}

/// A new client.
#[derive(Debug)]
pub struct Arrival {
    pub kind: Kind,
    outbox: Outbox,
    /// Ends the client's task when it is dropped.
    leash: oneshot::Sender<()>,
}

/// All connections.
#[derive(Debug)]
pub struct Clients {
    policy: Policy,
    clients: BTreeMap<ClientId, Client>,
    events: Events,
}

#[derive(Debug)]
struct Client {
    kind: Kind,
    outbox: Outbox,
    /// Sessions whose component's messages it wants copies of.
    watching: BTreeSet<SessionId>,
    _leash: oneshot::Sender<()>,
}

/// Where clients' events go, and the numbers that they get.
#[derive(Debug, Clone)]
pub struct Events {
    sender: mpsc::Sender<FromClient>,
    last_id: Arc<AtomicU64>,
}

impl Events {
    pub fn new(sender: mpsc::Sender<FromClient>) -> Self {
        Self { sender, last_id: Arc::default() }
    }

    pub fn next_id(&self) -> ClientId {
        ClientId::Connection(self.last_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The queue is bounded and shared: a client that floods waits here like all others. `false` when appd is ending.
    pub async fn tell(&self, event: FromClient) -> bool {
        self.sender.send(event).await.is_ok()
    }
}

/// Encoded answers that wait for one client.
#[derive(Debug)]
struct Outbox {
    frames: mpsc::Sender<Arc<[u8]>>,
    pending_bytes: Arc<AtomicUsize>,
}

/// The client's end of its outbox.
#[derive(Debug)]
pub struct Waiting {
    frames: mpsc::Receiver<Arc<[u8]>>,
    pending_bytes: Arc<AtomicUsize>,
    leash: oneshot::Receiver<()>,
}

impl Arrival {
    pub fn new(kind: Kind) -> (Self, Waiting) {
        let (frames, receiver) = mpsc::channel(MAX_PENDING);
        let (leash, other_end) = oneshot::channel();
        let pending_bytes = Arc::new(AtomicUsize::new(0));
        let outbox = Outbox { frames, pending_bytes: pending_bytes.clone() };
        (Self { kind, outbox, leash }, Waiting { frames: receiver, pending_bytes, leash: other_end })
    }
}

impl Waiting {
    /// The next answer; `None` when the client was dropped.
    pub async fn next(&mut self) -> Option<Arc<[u8]>> {
        self.frames.recv().await
    }

    pub fn sent(&self, frame: &[u8]) {
        self.pending_bytes.fetch_sub(frame.len(), Ordering::Relaxed);
    }

    /// Waits until the client is dropped.
    pub fn leash(&mut self) -> oneshot::Receiver<()> {
        let (_, dropped) = oneshot::channel();
        std::mem::replace(&mut self.leash, dropped)
    }
}

impl Clients {
    pub fn new(policy: Policy, events: Events) -> Self {
        Self { policy, clients: BTreeMap::new(), events }
    }

    /// Takes a new connection of the Unix socket in, or closes it.
    pub fn admit(&mut self, stream: UnixStream) {
        if !self.policy.admits(&stream) {
            tracing::warn!("a connection of another user is refused, ignoring");
            return;
        }
        let id = self.events.next_id();
        let (arrival, mut waiting) = Arrival::new(Kind::Socket);
        if !self.arrived(id, arrival) {
            return;
        }
        let (reader, writer) = stream.into_split();
        let events = self.events.clone();
        let leash = waiting.leash();
        tokio::spawn(async move {
            let serve = async {
                tokio::select! {
                    () = read(id, reader, &events) => {}
                    // A client that takes nothing more may still have sent something.
                    () = write(writer, waiting) => std::future::pending().await,
                }
                events.tell(FromClient::Gone(id)).await;
            };
            tokio::select! {
                () = serve => {}
                _ = leash => {}
            }
        });
    }

    /// Takes a client in; `false` when there are too many.
    pub fn arrived(&mut self, id: ClientId, arrival: Arrival) -> bool {
        if self.clients.len() >= MAX_CLIENTS {
            tracing::warn!("{MAX_CLIENTS} clients are connected already, ignoring another one");
            return false;
        }
        let Arrival { kind, outbox, leash } = arrival;
        let watching = match kind {
            Kind::App(session) => BTreeSet::from([session]),
            Kind::Socket | Kind::System => BTreeSet::new(),
        };
        self.clients.insert(id, Client { kind, outbox, watching, _leash: leash });
        true
    }

    pub fn remove(&mut self, id: ClientId) {
        self.clients.remove(&id);
    }

    pub fn watch(&mut self, id: ClientId, session: SessionId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.watching.insert(session);
        }
    }

    /// Forgets a session, and those clients that had nothing else.
    pub fn forget_session(&mut self, session: SessionId) {
        self.clients.retain(|_, client| {
            client.watching.remove(&session);
            client.kind != Kind::App(session)
        });
    }

    /// Answers one client.
    pub fn reply(&mut self, id: ClientId, response: &Response) {
        self.send(response, |other, _| other == id);
    }

    /// Tells all that may know about all apps.
    pub fn broadcast(&mut self, response: &Response) {
        self.send(response, |_, client| !matches!(client.kind, Kind::App(_)));
    }

    /// Tells those who watch the session.
    pub fn tell_watchers(&mut self, session: SessionId, response: &Response) {
        self.send(response, |_, client| client.watching.contains(&session));
    }

    fn send(&mut self, response: &Response, to: impl Fn(ClientId, &Client) -> bool) {
        let mut encoded = Encoded::default();
        self.clients.retain(|id, client| {
            if !to(*id, client) {
                return true;
            }
            let keep = encoded.for_kind(client.kind, response).is_none_or(|frame| client.outbox.put(frame));
            if !keep {
                tracing::warn!("{id} does not read its answers, closing its connection");
            }
            keep
        });
    }
}

impl Outbox {
    fn put(&self, frame: Arc<[u8]>) -> bool {
        let length = frame.len();
        let pending = self.pending_bytes.fetch_add(length, Ordering::Relaxed);
        let fits = pending == 0 || pending + length <= MAX_PENDING_BYTES;
        // A writer that ended is noticed by the reader, or by the next answer.
        fits && self.frames.try_send(frame).is_ok()
    }
}

async fn write(mut writer: OwnedWriteHalf, mut waiting: Waiting) {
    while let Some(frame) = waiting.next().await {
        if writer.write_all(&frame).await.is_err() {
            return;
        }
        waiting.sent(&frame);
    }
}

async fn read(id: ClientId, mut reader: OwnedReadHalf, events: &Events) {
    while let Some(event) = next(id, &mut reader).await {
        if !events.tell(event).await {
            return;
        }
    }
}

/// The next request; `None` at the end of the connection, or when its framing is lost.
async fn next(id: ClientId, reader: &mut OwnedReadHalf) -> Option<FromClient> {
    let length = usize::try_from(reader.read_u32_le().await.ok()?).ok()?;
    if length > MAX_REQUEST {
        tracing::warn!("{id} sends a request of {length} bytes, over {MAX_REQUEST}, closing its connection");
        return None;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await.ok()?;
    Some(decode(id, &body))
}

/// The meaning of one frame's body.
pub fn decode(id: ClientId, body: &[u8]) -> FromClient {
    match frame::decode(body) {
        Ok(request) => FromClient::Request(id, request),
        Err(error) => FromClient::Nonsense(id, weft_ipc::appd::code::BAD_REQUEST, chain(&error)),
    }
}
