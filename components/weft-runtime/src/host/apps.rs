//! `weft:app/messages` and `weft:app/inbox`: messages between apps, carried by appd.

use super::v0_2::weft::app::{inbox, messages};
use crate::channel::Kind;
use crate::state::State;
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use weft_ipc::host::MAX_KIND_LEN;
use weft_ipc::session::{Answer, Ask, MAX_MESSAGE_LEN};

impl State {
    /// Asks appd on behalf of the component.
    pub fn ask(&self, ask: Ask) -> impl Future<Output = Result<Answer, String>> + Send + use<> {
        self.watchdog.alive();
        let channel = self.channel.clone();
        async move {
            match channel {
                Some(channel) => channel.ask(ask).await,
                None => Err("this session has nobody to ask".to_owned()),
            }
        }
    }

    /// As [`State::ask`], where there is nothing to tell but that it is done.
    pub fn order(&self, ask: Ask) -> impl Future<Output = Result<(), String>> + Send + use<> {
        let answer = self.ask(ask);
        async move {
            match answer.await? {
                Answer::Done => Ok(()),
                _ => Err(UNEXPECTED.to_owned()),
            }
        }
    }
}

/// An answer to another question.
pub const UNEXPECTED: &str = "the system gave an answer that does not fit the question";

impl messages::Host for State {
    async fn send(&mut self, to: String, kind: String, payload: String) -> Result<(), String> {
        if !self.sends_to.contains(&to) {
            return Err(format!(
                "this app may not send to {to}: add app:send:{to} to package.capabilities in wapp.toml"
            ));
        }
        for (what, length, longest) in
            [("kind", kind.len(), MAX_KIND_LEN), ("payload", payload.len(), MAX_MESSAGE_LEN)]
        {
            if length > longest {
                return Err(format!("the {what} is {length} bytes long, over the limit of {longest}"));
            }
        }
        self.order(Ask::SendToApp { to, kind, payload }).await
    }
}

impl inbox::Host for State {
    fn receive(&mut self) -> Option<inbox::Message> {
        self.watchdog.alive();
        let message = self.channel.as_ref()?.receive_app()?;
        self.turn.renew();
        Some(inbox::Message { from: message.from, kind: message.kind, payload: message.payload })
    }

    fn subscribe(&mut self) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_to(Kind::App)
    }
}
