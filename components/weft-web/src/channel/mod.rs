//! Whom the page talks to: an app's page to its component through appd, the system UI to appd itself.

mod appd;
mod session;
mod stream;

pub use appd::Appd;
pub use session::Session;

use std::os::fd::BorrowedFd;

/// Why a message of the page was not taken. The text is for the page's developer.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    #[error("nobody is connected")]
    NotConnected,
    #[error("{} messages wait already for the other side", weft_ipc::session::QUEUE_LEN)]
    Full,
    #[error(transparent)]
    TooLong(#[from] weft_ipc::session::Error),
    #[error("the message is not a request to appd: {0}")]
    NotARequest(serde_json::Error),
    #[error(transparent)]
    Frame(#[from] weft_ipc::frame::Error),
}

/// What a channel has for the page.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    Message(String),
    /// Nothing for now.
    Nothing,
    /// The other side is gone; a session is over then, appd comes back.
    Closed,
}

/// A page's channel, of either kind.
#[derive(Debug)]
pub enum Channel {
    Session(Session),
    Appd(Appd),
    /// The page was started without anybody to talk to.
    None,
}

impl Channel {
    /// The next message for the page.
    pub fn receive(&mut self) -> Incoming {
        match self {
            Self::Session(session) => session.receive(),
            Self::Appd(appd) => appd.receive(),
            Self::None => Incoming::Nothing,
        }
    }

    /// Takes a message of the page.
    pub fn send(&mut self, message: &str) -> Result<(), Refused> {
        match self {
            Self::Session(session) => session.send(message),
            Self::Appd(appd) => appd.send_json(message),
            Self::None => Err(Refused::NotConnected),
        }
    }

    /// The event loop saw the socket become readable or writable.
    pub fn woken(&mut self) {
        match self {
            Self::Session(session) => session.woken(),
            Self::Appd(appd) => appd.woken(),
            Self::None => {}
        }
    }

    /// The socket to watch for both directions, edge-triggered.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Session(session) => session.socket(),
            Self::Appd(appd) => appd.socket(),
            Self::None => None,
        }
    }
}
