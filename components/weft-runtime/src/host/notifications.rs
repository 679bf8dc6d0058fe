//! `weft:app/notifications`: handed to appd over the session channel, as a notice.

use super::{v0_1, v0_2};
use crate::state::State;
use weft_ipc::session::{Line, Notice};

/// Bytes of a title, a body and an icon's name.
const MAX_TITLE: usize = 256;
const MAX_BODY: usize = 4096;
const MAX_ICON: usize = 64;

impl State {
    fn show(&self, title: String, body: String, icon: Option<String>) -> Result<(), String> {
        self.watchdog.alive();
        let icon_length = icon.as_ref().map_or(0, String::len);
        for (what, length, longest) in [
            ("title", title.len(), MAX_TITLE),
            ("body", body.len(), MAX_BODY),
            ("icon", icon_length, MAX_ICON),
        ] {
            if length > longest {
                return Err(format!("the {what} is {length} bytes long, over the limit of {longest}"));
            }
        }
        let Some(channel) = &self.channel else {
            return Err("nobody shows notifications of this session".to_owned());
        };
        channel.send(&Line::Notice(Notice::Notification { title, body, icon }))
    }
}

impl v0_2::weft::app::notifications::Host for State {
    fn notify(&mut self, title: String, body: String, icon: Option<String>) -> Result<(), String> {
        self.show(title, body, icon)
    }
}

impl v0_1::weft::app::notifications::Host for State {
    fn notify(&mut self, title: String, body: String, icon: Option<String>) -> Result<(), String> {
        self.show(title, body, icon)
    }
}
