//! `weft:app/ipc`.

use super::{v0_1, v0_2};
use crate::channel::{Channel, Kind};
use crate::state::State;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use weft_ipc::session::Line;

/// How long `recv` of 0.1.0 waits for a message: its components know no way to wait, and ask in a loop.
const MOMENT: Duration = Duration::from_millis(20);

/// What a pollable of this package waits for.
pub struct Subscription {
    channel: Option<Arc<Channel>>,
    kind: Kind,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Subscription {
    async fn ready(&mut self) {
        match &self.channel {
            Some(channel) => channel.readable(self.kind).await,
            None => std::future::pending().await,
        }
    }
}

impl State {
    /// A pollable that is ready when there is something of this kind.
    pub fn subscribe_to(&mut self, kind: Kind) -> wasmtime::Result<Resource<DynPollable>> {
        self.watchdog.alive();
        let subscription = self.table.push(Subscription { channel: self.channel.clone(), kind })?;
        subscribe(&mut self.table, subscription)
    }

    fn send_message(&self, payload: String) -> Result<(), String> {
        self.watchdog.alive();
        match &self.channel {
            Some(channel) => channel.send(&Line::Message(payload)),
            None => Err("this session has no page".to_owned()),
        }
    }

    fn next_message(&self) -> Option<String> {
        self.watchdog.alive();
        let message = self.channel.as_ref()?.receive()?;
        self.turn.renew();
        Some(message)
    }
}

impl v0_2::weft::app::ipc::Host for State {
    fn send(&mut self, payload: String) -> Result<(), String> {
        self.send_message(payload)
    }

    fn recv(&mut self) -> Option<String> {
        self.next_message()
    }

    fn subscribe(&mut self) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_to(Kind::Page)
    }
}

impl v0_1::weft::app::ipc::Host for State {
    fn send(&mut self, payload: String) -> Result<(), String> {
        self.send_message(payload)
    }

    async fn recv(&mut self) -> Option<String> {
        let message = self.next_message();
        if message.is_some() {
            return message;
        }
        let mut subscription = Subscription { channel: self.channel.clone(), kind: Kind::Page };
        // Whether a message came or the moment passed, the answer is what is there now.
        let _ = tokio::time::timeout(MOMENT, subscription.ready()).await;
        self.next_message()
    }
}
