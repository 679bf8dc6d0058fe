//! Takes requests from the session's runtime and answers each once.

use crate::Client;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use weft_ipc::fetch::{self, Answer, MAX_UNDER_WAY, Request};
use weft_ipc::frame;

/// Serves until the runtime is gone or breaks the protocol. Requests that are under way then end with this process.
pub fn serve(channel: UnixStream, client: Client) -> Result<(), frame::Error> {
    let mut requests = channel.try_clone()?;
    let broker = Arc::new(Broker { client, answers: Mutex::new(channel), under_way: AtomicUsize::new(0) });
    while let Some(request) = fetch::read::<Request>(&mut requests)? {
        let id = request.id;
        if let Err(reason) = broker.clone().start(request) {
            broker.answer(&Answer::Error { id, reason })?;
        }
    }
    Ok(())
}

struct Broker {
    client: Client,
    answers: Mutex<UnixStream>,
    under_way: AtomicUsize,
}

impl Broker {
    fn start(self: Arc<Self>, request: Request) -> Result<(), String> {
        if self.under_way.load(Ordering::Acquire) >= MAX_UNDER_WAY {
            return Err(format!("{MAX_UNDER_WAY} requests are under way already"));
        }
        self.under_way.fetch_add(1, Ordering::AcqRel);
        let slot = Slot(self);
        let spawned = std::thread::Builder::new().name("request".to_owned()).spawn(move || {
            let answer = slot.0.client.fetch(request);
            let broker = slot.0.clone();
            drop(slot);
            if let Err(error) = broker.answer(&answer) {
                tracing::debug!("an answer is not wanted any more ({error}), ignoring");
            }
        });
        spawned.map(drop).map_err(|error| format!("cannot start a thread: {error}"))
    }

    fn answer(&self, answer: &Answer) -> Result<(), frame::Error> {
        let mut channel = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        fetch::write(&mut *channel, answer)
    }
}

/// A place among the requests under way, free again when it is dropped.
struct Slot(Arc<Broker>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}
