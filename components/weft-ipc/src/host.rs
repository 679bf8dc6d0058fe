//! What a session's runtime asks of appd on behalf of its component, as notices on the [session channel](crate::session).
//!
//! The runtime numbers its [`Ask`]s; appd checks the app's capabilities again and answers each exactly once, in any order.

use crate::appd::CrashReport;
use serde::{Deserialize, Serialize};

/// The longest text of the clipboard, in bytes of UTF-8.
pub const MAX_CLIPBOARD_LEN: usize = 1024 * 1024;
/// The longest kind of a message between apps, in bytes.
pub const MAX_KIND_LEN: usize = 128;

/// What appd and a process of the session tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Notice {
    /// From the runtime: the component notifies the person in front of the screen.
    Notification { title: String, body: String, icon: Option<String> },
    /// From appd: a message of this end was not delivered.
    Refused { reason: String },
    /// From the runtime: a question; `id` is the runtime's own number, one question of a number at a time.
    Ask { id: u64, ask: Ask },
    /// From appd: the answer to the question of this number.
    Answer { id: u64, answer: Answer },
    /// From appd: another app sent a message. `from` is the sender's id as appd knows it, whatever the sender says.
    AppMessage { from: String, kind: String, payload: String },
    /// From appd, after [`Ask::Watch`]: a session came, changed or went.
    SessionChanged { session: Session },
}

/// A question of the runtime, and the capability that appd asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Ask {
    /// `sys:clipboard:read`: [`Answer::Text`].
    ReadClipboard,
    /// `sys:clipboard:write`, at most [`MAX_CLIPBOARD_LEN`] bytes: [`Answer::Done`].
    WriteClipboard { text: String },
    /// `app:send:<to>`: [`Answer::Done`] once the message is in the queue of every running session of that app.
    SendToApp { to: String, kind: String, payload: String },
    /// `sys:supervisor`: [`Answer::Apps`].
    Apps,
    /// `sys:supervisor`: [`Answer::About`].
    About { app_id: String },
    /// `sys:supervisor`: [`Answer::Crashes`], of all apps when none is named.
    Crashes { app_id: Option<String> },
    /// `sys:supervisor`: [`Answer::Device`].
    Device,
    /// `sys:supervisor`: [`Answer::Sessions`].
    Sessions,
    /// `sys:supervisor`: [`Answer::Started`] once the session exists, not yet ready.
    Start { app_id: String },
    /// `sys:supervisor`: [`Answer::Done`] once the session is told to end.
    Stop { session_id: u64 },
    /// `sys:supervisor`: [`Answer::Done`], and from then on a [`Notice::SessionChanged`] for every change.
    Watch,
}

/// An answer of appd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Answer {
    Done,
    Text {
        text: String,
    },
    Apps {
        apps: Vec<App>,
    },
    About {
        about: About,
    },
    /// The newest first.
    Crashes {
        reports: Vec<CrashReport>,
    },
    Device {
        device: Device,
    },
    Sessions {
        sessions: Vec<Session>,
    },
    Started {
        session_id: u64,
    },
    /// Not done; the reason is one sentence for the app's author.
    Failed {
        reason: String,
    },
}

/// An installed app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    pub app_id: String,
    pub name: String,
    pub version: String,
}

/// What there is to know about an installed app. Sizes are in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    pub description: String,
    pub author: String,
    /// In the verified system image; any other was installed.
    pub part_of_system: bool,
    pub permissions: Vec<Permission>,
    pub max_memory: u64,
    pub max_storage: u64,
}

/// A capability, and what it allows in words that complete "it may".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permission {
    pub capability: String,
    pub meaning: String,
}

/// The device. Sizes are in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// With the version, as a person calls it.
    pub name: String,
    pub version: String,
    pub kernel: String,
    /// Seconds since the kernel started.
    pub uptime: u64,
    pub memory: u64,
    /// Where apps and their data are kept.
    pub storage: u64,
    pub storage_free: u64,
}

/// A session of any app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub session_id: u64,
    pub app_id: String,
    pub state: AppState,
}

/// Where a session is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppState {
    Starting,
    Running,
    Stopping,
    Stopped,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Decoder, Error, Line, MAX_NOTICE_LINE_LEN};

    #[test]
    fn what_is_written_on_the_wire() {
        let ask = Notice::Ask {
            id: 3,
            ask: Ask::SendToApp { to: "a.b.c".into(), kind: "k".into(), payload: "p".into() },
        };
        let line = Line::Notice(ask).encode().unwrap();
        assert_eq!(
            line,
            "{\"type\":\"ask\",\"id\":3,\"ask\":{\"what\":\"send_to_app\",\"to\":\"a.b.c\",\"kind\":\"k\",\"payload\":\"p\"}}\n"
        );
        let answer = Notice::Answer { id: 3, answer: Answer::Done };
        assert_eq!(
            Line::Notice(answer).encode().unwrap(),
            "{\"type\":\"answer\",\"id\":3,\"answer\":{\"what\":\"done\"}}\n"
        );
    }

    #[test]
    fn the_worst_clipboard_fits_in_a_line_and_more_does_not() {
        let text = "\u{1}".repeat(MAX_CLIPBOARD_LEN);
        let notice = Line::Notice(Notice::Ask { id: u64::MAX, ask: Ask::WriteClipboard { text } });
        let mut decoder = Decoder::default();
        decoder.push(notice.encode().unwrap().as_bytes());
        assert_eq!(decoder.next_line().unwrap(), Some(notice));
        decoder.push(b"{");
        decoder.push(&vec![b' '; MAX_NOTICE_LINE_LEN + 1]);
        assert!(matches!(decoder.next_line(), Err(Error::EndlessLine)));
    }
}
