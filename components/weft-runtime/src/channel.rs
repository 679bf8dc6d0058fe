//! The component's end of the session channel: a Unix stream socket with one JSON string a line.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use weft_ipc::session::{Decoder, Line, Notice, QUEUE_LEN};

/// The channel, shared by the component's calls and the tasks that wait for the socket.
pub struct Channel {
    stream: UnixStream,
    inner: Mutex<Inner>,
    /// Something waits to be written.
    pending: Notify,
    /// The other end is gone.
    closed: Notify,
}

enum Inbox {
    Message,
    Empty,
    Closed,
}

#[derive(Default)]
struct Inner {
    decoder: Decoder,
    inbox: VecDeque<String>,
    /// Lines that the socket did not take at once; the first may be partly written.
    outbox: VecDeque<Vec<u8>>,
    /// Why appd did not deliver an earlier message; told to the next `send`.
    refusal: Option<String>,
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
        if let Some(reason) = inner.refusal.take() {
            return Err(reason);
        }
        if inner.closed {
            return Err("the session is over".to_owned());
        }
        if inner.outbox.len() >= QUEUE_LEN {
            return Err(format!("{QUEUE_LEN} messages wait already"));
        }
        inner.outbox.push_back(text.into_bytes());
        if self.flush(&mut inner).is_ok_and(|done| !done) {
            self.pending.notify_one();
        }
        Ok(())
    }

    /// The next message, without waiting.
    pub fn receive(&self) -> Option<String> {
        let mut inner = self.lock();
        if inner.inbox.is_empty() {
            self.fill(&mut inner);
        }
        inner.inbox.pop_front()
    }

    /// Waits until there is a message. Never returns on a closed channel: the session is ending then.
    pub async fn readable(&self) {
        loop {
            match self.poll_inbox() {
                Inbox::Message => return,
                Inbox::Closed => return std::future::pending().await,
                Inbox::Empty if self.stream.readable().await.is_err() => self.close(&mut self.lock()),
                Inbox::Empty => {}
            }
        }
    }

    fn poll_inbox(&self) -> Inbox {
        let mut inner = self.lock();
        if inner.inbox.is_empty() && !inner.closed {
            self.fill(&mut inner);
        }
        match (inner.inbox.is_empty(), inner.closed) {
            (false, _) => Inbox::Message,
            (true, true) => Inbox::Closed,
            (true, false) => Inbox::Empty,
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

    /// Reads what has arrived. What the component does not fetch stays in the socket, so that its sender notices.
    fn fill(&self, inner: &mut Inner) {
        let mut buffer = [0; 16 << 10];
        while inner.inbox.is_empty() && !inner.closed {
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
                Ok(Some(Line::Message(message))) => inner.inbox.push_back(message),
                Ok(Some(Line::Notice(Notice::Refused { reason }))) => inner.refusal = Some(reason),
                Ok(Some(Line::Notice(Notice::Notification { .. }))) => {}
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
