//! Carries messages between a session's page and its component, with bounded queues both ways: what does not fit is refused to its
//! sender, and a slow receiver costs nobody else anything.

use crate::sessions::SessionId;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use weft_ipc::session::{Decoder, Error, Line, Notice, QUEUE_LEN};

/// How long a full queue may take to move before its sender is refused.
const PATIENCE: Duration = Duration::from_millis(250);

/// Bytes of notices that may wait for a runtime: a few clipboards.
const MAX_NOTICE_BYTES: usize = 16 << 20;

/// Bytes of messages that are written at once, where more of them wait.
const BATCH: usize = 64 << 10;

/// Lines that one end may cause in the log.
const MAX_COMPLAINTS: u32 = 10;

/// What a session's component says to others than its page.
#[derive(Debug)]
pub enum FromComponent {
    /// A copy of a message, while somebody watches.
    Message { session: SessionId, payload: String },
    /// Its runtime's notice to appd.
    Notice { session: SessionId, notice: Notice },
}

/// The relay of one session; dropping it closes both channels.
#[derive(Debug)]
pub struct Relay {
    to_runtime: Queue,
    /// Beside the messages, so that a component that is behind with these still gets its answers.
    notices: mpsc::Sender<Vec<u8>>,
    notice_bytes: Arc<AtomicUsize>,
    watched: Arc<AtomicBool>,
    _tasks: JoinSet<()>,
}

/// Messages to one end.
#[derive(Debug, Clone)]
struct Queue(mpsc::Sender<Vec<u8>>);

impl Relay {
    /// Must be called within the event loop. `page` is `None` for a session without one.
    pub fn start(
        session: SessionId,
        runtime: UnixStream,
        page: Option<UnixStream>,
        others: mpsc::Sender<FromComponent>,
    ) -> Self {
        let mut tasks = JoinSet::new();
        let (from_runtime, runtime_writer) = runtime.into_split();
        let (notices, waiting_notices) = mpsc::channel(QUEUE_LEN);
        let notice_bytes = Arc::new(AtomicUsize::new(0));
        let (messages, waiting) = mpsc::channel(QUEUE_LEN);
        tasks.spawn(write_both(runtime_writer, waiting, waiting_notices, notice_bytes.clone()));
        let to_runtime = Queue(messages);
        let watched = Arc::new(AtomicBool::new(false));
        let to_page = page.map(|page| {
            let (from_page, page_writer) = page.into_split();
            let to_page = Queue::start(page_writer, &mut tasks);
            tasks.spawn(carry_from_page(session, from_page, to_runtime.clone(), to_page.clone()));
            to_page
        });
        let back = to_runtime.clone();
        let ends = ComponentEnds { session, to_page, back, others, watched: watched.clone() };
        tasks.spawn(carry_from_component(from_runtime, ends));
        Self { to_runtime, notices, notice_bytes, watched, _tasks: tasks }
    }

    /// Tells the session's runtime something; says why not when it takes nothing.
    pub fn notify(&self, notice: Notice) -> Result<(), String> {
        let line = Line::Notice(notice).encode().map_err(|error| error.to_string())?.into_bytes();
        let length = line.len();
        let waiting = self.notice_bytes.fetch_add(length, Ordering::Relaxed);
        let fits = waiting + length <= MAX_NOTICE_BYTES && self.notices.try_send(line).is_ok();
        if !fits {
            self.notice_bytes.fetch_sub(length, Ordering::Relaxed);
            return Err(busy("component"));
        }
        Ok(())
    }

    /// Hands the component a message as if its page had sent it, and copies what it says from now on to the others.
    pub fn forward(&self, payload: String) -> Result<(), String> {
        self.watched.store(true, Ordering::Relaxed);
        let line = Line::Message(payload).encode().map_err(|error| error.to_string())?;
        self.to_runtime.0.try_send(line.into_bytes()).map_err(|_| busy("component"))
    }
}

impl Queue {
    fn start(writer: OwnedWriteHalf, tasks: &mut JoinSet<()>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE_LEN);
        tasks.spawn(write(writer, receiver));
        Self(sender)
    }

    /// Queues a message; to a receiver that takes nothing it gives up at once after the first time.
    async fn deliver(&self, line: &Line, stuck: &mut bool) -> Result<(), String> {
        let bytes = line.encode().map_err(|error| error.to_string())?.into_bytes();
        let Err(mpsc::error::TrySendError::Full(bytes)) = self.0.try_send(bytes) else {
            *stuck = false;
            return Ok(());
        };
        if !*stuck && self.0.send_timeout(bytes, PATIENCE).await.is_ok() {
            return Ok(());
        }
        *stuck = true;
        Err(busy("receiver"))
    }

    fn refuse(&self, reason: String) {
        if let Ok(line) = Line::Notice(Notice::Refused { reason }).encode() {
            // An end whose own queue is full does not read; it cannot be told.
            let _ = self.0.try_send(line.into_bytes());
        }
    }
}

fn busy(who: &str) -> String {
    format!("the {who} takes no messages: {QUEUE_LEN} wait already")
}

async fn write(mut writer: OwnedWriteHalf, mut lines: mpsc::Receiver<Vec<u8>>) {
    while let Some(line) = lines.recv().await {
        let batch = with_those_behind(line, &mut lines);
        if writer.write_all(&batch).await.is_err() {
            return;
        }
    }
}

/// A line with what waits behind it: one system call, and one wake-up of the receiver, for as much as there is.
fn with_those_behind(line: Vec<u8>, lines: &mut mpsc::Receiver<Vec<u8>>) -> Vec<u8> {
    let mut batch = line;
    while batch.len() < BATCH
        && let Ok(line) = lines.try_recv()
    {
        batch.extend_from_slice(&line);
    }
    batch
}

/// Writes notices and messages, the notices first.
async fn write_both(
    mut writer: OwnedWriteHalf,
    mut messages: mpsc::Receiver<Vec<u8>>,
    mut notices: mpsc::Receiver<Vec<u8>>,
    notice_bytes: Arc<AtomicUsize>,
) {
    loop {
        let (bytes, notice) = tokio::select! {
            biased;
            Some(line) = notices.recv() => (line, true),
            Some(line) = messages.recv() => (with_those_behind(line, &mut messages), false),
            else => return,
        };
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
        if notice {
            notice_bytes.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
    }
}

/// The lines of one end, until it is gone or breaks the protocol beyond repair.
struct Lines {
    reader: OwnedReadHalf,
    decoder: Decoder,
    buffer: Vec<u8>,
    /// For the log, and how many complaints it has taken.
    whose: String,
    complaints: u32,
}

impl Lines {
    fn new(reader: OwnedReadHalf, whose: String) -> Self {
        Self { reader, decoder: Decoder::default(), buffer: vec![0; 16 << 10], whose, complaints: 0 }
    }

    async fn next(&mut self) -> Option<Line> {
        loop {
            match self.decoder.next_line() {
                Ok(Some(line)) => return Some(line),
                Ok(None) => {
                    let read = self.reader.read(&mut self.buffer).await.ok().filter(|read| *read > 0)?;
                    self.decoder.push(self.buffer.get(..read)?);
                }
                Err(error @ Error::EndlessLine) => {
                    tracing::warn!("{}: {error}, closing its channel", self.whose);
                    return None;
                }
                Err(error) => self.complain(&error.to_string()),
            }
        }
    }

    /// Logs what is wrong with a line, but not without end.
    fn complain(&mut self, what: &str) {
        self.complaints = self.complaints.saturating_add(1);
        if self.complaints <= MAX_COMPLAINTS {
            tracing::warn!("{}: {what}, ignoring the line", self.whose);
        }
    }
}

async fn carry_from_page(session: SessionId, reader: OwnedReadHalf, to_runtime: Queue, back: Queue) {
    let mut lines = Lines::new(reader, format!("session {session} page"));
    let mut stuck = false;
    while let Some(line) = lines.next().await {
        match line {
            Line::Message(_) => {
                if let Err(reason) = to_runtime.deliver(&line, &mut stuck).await {
                    back.refuse(reason);
                }
            }
            Line::Notice(_) => lines.complain("a page has nothing to notify"),
        }
    }
}

struct ComponentEnds {
    session: SessionId,
    to_page: Option<Queue>,
    back: Queue,
    others: mpsc::Sender<FromComponent>,
    watched: Arc<AtomicBool>,
}

async fn carry_from_component(reader: OwnedReadHalf, ends: ComponentEnds) {
    let session = ends.session;
    let mut lines = Lines::new(reader, format!("session {session} component"));
    let mut stuck = false;
    while let Some(line) = lines.next().await {
        let (other, message) = match line {
            Line::Notice(Notice::Refused { .. }) => (None, None),
            Line::Notice(notice) => (Some(FromComponent::Notice { session, notice }), None),
            Line::Message(payload) if ends.watched.load(Ordering::Relaxed) => {
                let copy = FromComponent::Message { session, payload: payload.clone() };
                (Some(copy), Some(Line::Message(payload)))
            }
            Line::Message(payload) => (None, Some(Line::Message(payload))),
        };
        // Waiting here slows the component that talks too much, and nobody else.
        if let Some(other) = other
            && ends.others.send(other).await.is_err()
        {
            return;
        }
        if let (Some(message), Some(to_page)) = (&message, &ends.to_page)
            && let Err(reason) = to_page.deliver(message, &mut stuck).await
        {
            ends.back.refuse(reason);
        }
    }
}
