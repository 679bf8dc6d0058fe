//! The component's end of the session channel: a Unix stream socket with one JSON string or notice a line.

mod inbox;

use inbox::Inbox;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::Notify;
use weft_ipc::session::{Answer, Ask, Decoder, Line, Notice, QUEUE_LEN, Session};

pub use inbox::AppMessage;

/// How long appd may take for an answer.
const ANSWER: Duration = Duration::from_secs(10);

/// The channel, shared by the component's calls and the tasks that wait for the socket.
pub struct Channel {
    stream: UnixStream,
    inner: Mutex<Inner>,
    /// Something waits to be written.
    pending: Notify,
    /// The other end is gone.
    closed: Notify,
}

/// What a component waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message of the page.
    Page,
    /// A message of another app.
    App,
    /// A change of a session.
    Change,
    /// The answer to the question of this number.
    Answer(u64),
}

enum Ready {
    Yes,
    NotYet,
    Closed,
}

#[derive(Default)]
struct Inner {
    decoder: Decoder,
    inbox: Inbox,
    /// Lines that the socket did not take at once; the first may be partly written.
    outbox: VecDeque<Vec<u8>>,
    last_ask: u64,
    closed: bool,
}

impl Channel {
    /// Takes over a connected socket and starts the task that writes what the socket does not take at once.
    pub fn new(stream: UnixStream) -> Arc<Self> {
        let channel =
            Arc::new(Self { stream, inner: Mutex::default(), pending: Notify::new(), closed: Notify::new() });
        tokio::spawn(channel.clone().write_pending());
        channel
    }

    /// Sends a message, or says why not.
    pub fn send(&self, line: &Line) -> Result<(), String> {
        let text = line.encode().map_err(|error| error.to_string())?;
        let mut inner = self.lock();
        if let Some(reason) = inner.inbox.refusal.take() {
            return Err(reason);
        }
        self.push(&mut inner, text)
    }

    fn push(&self, inner: &mut Inner, line: String) -> Result<(), String> {
        if inner.closed {
            return Err("the session is over".to_owned());
        }
        if inner.outbox.len() >= QUEUE_LEN {
            return Err(format!("{QUEUE_LEN} messages wait already"));
        }
        inner.outbox.push_back(line.into_bytes());
        if self.flush(inner).is_ok_and(|done| !done) {
            self.pending.notify_one();
        }
        Ok(())
    }

    /// Asks appd and waits for the answer, or says why there is none.
    pub async fn ask(&self, ask: Ask) -> Result<Answer, String> {
        let id = {
            let mut inner = self.lock();
            inner.last_ask += 1;
            let id = inner.last_ask;
            let line = Line::Notice(Notice::Ask { id, ask }).encode().map_err(|error| error.to_string())?;
            self.push(&mut inner, line)?;
            inner.inbox.asked.insert(id);
            id
        };
        // The session is ending if the channel is closed; the answer is a time-out then.
        let answered = tokio::time::timeout(ANSWER, self.readable(Kind::Answer(id))).await.is_ok();
        let mut inner = self.lock();
        inner.inbox.asked.remove(&id);
        match inner.inbox.answers.remove(&id) {
            Some(Answer::Failed { reason }) => Err(reason),
            Some(answer) if answered => Ok(answer),
            _ => Err("the system did not answer".to_owned()),
        }
    }

    /// The page's next message, without waiting.
    pub fn receive(&self) -> Option<String> {
        self.take(Kind::Page, |inbox| inbox.page.pop_front())
    }

    /// Another app's next message, without waiting.
    pub fn receive_app(&self) -> Option<AppMessage> {
        self.take(Kind::App, |inbox| inbox.apps.pop_front())
    }

    /// The next change of a session, without waiting.
    pub fn receive_change(&self) -> Option<Session> {
        self.take(Kind::Change, |inbox| inbox.changes.pop_front())
    }

    fn take<T>(&self, kind: Kind, pop: impl Fn(&mut Inbox) -> Option<T>) -> Option<T> {
        let mut inner = self.lock();
        if !inner.inbox.has(kind) {
            self.fill(&mut inner, kind);
        }
        pop(&mut inner.inbox)
    }

    /// Waits until there is something. Never returns on a closed channel: the session is ending then.
    pub async fn readable(&self, kind: Kind) {
        loop {
            match self.look(kind) {
                Ready::Yes => return,
                Ready::Closed => return std::future::pending().await,
                Ready::NotYet if self.stream.readable().await.is_err() => self.close(&mut self.lock()),
                Ready::NotYet => {}
            }
        }
    }

    fn look(&self, kind: Kind) -> Ready {
        let mut inner = self.lock();
        if !inner.inbox.has(kind) && !inner.closed {
            self.fill(&mut inner, kind);
        }
        match (inner.inbox.has(kind), inner.closed) {
            (true, _) => Ready::Yes,
            (false, true) => Ready::Closed,
            (false, false) => Ready::NotYet,
        }
    }

    /// Waits until the other end is gone.
    pub async fn closed(&self) {
        self.closed.notified().await;
    }

    /// Waits until all that was sent is written, or cannot be.
    pub async fn drain(&self) {
        while !self.lock().outbox.is_empty() {
            if self.stream.writable().await.is_err() || self.flush(&mut self.lock()).is_err() {
                return;
            }
        }
    }

    async fn write_pending(self: Arc<Self>) {
        loop {
            self.pending.notified().await;
            self.drain().await;
        }
    }

    /// Writes what the socket takes; `true` when nothing is left.
    fn flush(&self, inner: &mut Inner) -> io::Result<bool> {
        while let Some(line) = inner.outbox.front_mut() {
            match self.stream.try_write(line) {
                Ok(written) if written == line.len() => {
                    inner.outbox.pop_front();
                }
                Ok(written) => {
                    line.drain(..written);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => {
                    self.close(inner);
                    return Err(error);
                }
            }
        }
        Ok(true)
    }

    /// Reads what has arrived, until there is what is wanted. What the component does not fetch stays in the socket, so that its sender
    /// notices.
    fn fill(&self, inner: &mut Inner, wanted: Kind) {
        let mut buffer = [0; 16 << 10];
        while !inner.inbox.has(wanted) && !inner.closed && inner.inbox.has_room() {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => self.close(inner),
                Ok(read) => {
                    inner.decoder.push(buffer.get(..read).unwrap_or_default());
                    self.decode(inner);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.close(inner),
            }
        }
    }

    fn decode(&self, inner: &mut Inner) {
        loop {
            match inner.decoder.next_line() {
                Ok(None) => return,
                Ok(Some(line)) => inner.inbox.sort(line),
                Err(weft_ipc::session::Error::EndlessLine) => return self.close(inner),
                Err(error) => tracing::warn!("a line of the session channel is wrong, ignoring: {error}"),
            }
        }
    }

    fn close(&self, inner: &mut Inner) {
        inner.closed = true;
        inner.outbox.clear();
        self.closed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
