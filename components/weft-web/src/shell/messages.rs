//! Messages between the page and whom it talks to, and the connection that carries them.

use super::turn::Shell;
use crate::channel::{Channel, Incoming};
use crate::exit::Exit;
use calloop::generic::Generic;
use calloop::{Interest, Mode, PostAction};
use std::time::Duration;

/// How often appd is tried while it is away.
const RECONNECT: Duration = Duration::from_millis(300);

impl Shell {
    /// Takes what came for the page, and gives the page what it can take.
    pub(super) fn pass_messages(&mut self) {
        let mut closed = false;
        {
            let page = &self.engine.page;
            let (mut channel, mut inbox) = (page.channel.borrow_mut(), page.inbox.borrow_mut());
            while !closed && !inbox.is_full() {
                match channel.receive() {
                    Incoming::Message(message) => inbox.push(message),
                    Incoming::Nothing => break,
                    Incoming::Closed => closed = true,
                }
            }
        }
        self.engine.deliver();
        if closed {
            if let Some(source) = self.channel_source.take() {
                self.handle.remove(source);
            }
            if self.is_system {
                self.connect_appd();
                self.pass_messages();
            } else {
                tracing::info!("the session is over");
                self.end(Exit::Done);
            }
        }
    }

    /// Connects to appd, now or as soon as it is there.
    pub(super) fn connect_appd(&mut self) {
        let connected = match &mut *self.engine.page.channel.borrow_mut() {
            Channel::Appd(appd) => appd.connect(),
            Channel::Session(_) | Channel::None => return,
        };
        if connected {
            self.watch_channel();
        } else {
            self.after(RECONNECT, Self::connect_appd);
        }
    }

    /// Lets the loop wake up for the channel's socket.
    pub(super) fn watch_channel(&mut self) {
        if self.channel_source.is_some() {
            return;
        }
        let socket = self.engine.page.channel.borrow().socket().map(|socket| socket.try_clone_to_owned());
        let Some(Ok(socket)) = socket else { return };
        let source = Generic::new(socket, Interest::BOTH, Mode::Edge);
        let inserted = self.handle.insert_source(source, |_, _, shell| {
            shell.engine.page.channel.borrow_mut().woken();
            Ok(PostAction::Continue)
        });
        match inserted {
            Ok(token) => self.channel_source = Some(token),
            Err(error) => {
                tracing::error!("cannot watch the channel: {}", error.error);
                self.end(Exit::Failed);
            }
        }
    }
}
