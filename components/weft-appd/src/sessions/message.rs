//! What goes into the sessions' machine and what comes out.

use std::fmt;
use weft_ipc::appd::Response;
use weft_manifest::AppId;

pub type SessionId = u64;

/// A connection to appd's socket; the one that nobody has stands for appd itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

impl ClientId {
    /// appd's own wishes: apps of the last time, autostart. Replies to it are dropped.
    pub const APPD: Self = Self(0);
}

/// Which process of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Runtime,
    Shell,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Runtime => "component",
            Self::Shell => "page",
        })
    }
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// On its own, with 0.
    Done,
    /// It will never run as things are: started again it would end alike.
    Refused(i32),
    /// With another exit code.
    Failed(i32),
    /// By a signal.
    Killed(i32),
}

impl End {
    pub fn is_crash(self) -> bool {
        matches!(self, Self::Failed(_) | Self::Killed(_))
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("is done"),
            Self::Refused(code) | Self::Failed(code) => write!(f, "ended with exit code {code}"),
            Self::Killed(signal) => write!(f, "was killed by signal {signal}"),
        }
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    Launch {
        client: ClientId,
        app: AppId,
    },
    Terminate {
        client: ClientId,
        session: SessionId,
    },
    Activate {
        client: ClientId,
        session: SessionId,
    },
    /// The runtime's process exists.
    Started {
        session: SessionId,
        has_page: bool,
    },
    /// It does not; `for_good` when trying again is of no use.
    NotStarted {
        session: SessionId,
        reason: String,
        for_good: bool,
    },
    /// The process said so with its token.
    Ready {
        session: SessionId,
        role: Role,
    },
    /// The process is gone.
    Ended {
        session: SessionId,
        role: Role,
        end: End,
    },
    /// Time went by.
    Tick,
    ShutDown,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// To be answered by [`Event::Started`] or [`Event::NotStarted`].
    StartRuntime {
        session: SessionId,
        app: AppId,
    },
    /// To be answered by [`Event::Ended`] if it cannot be started.
    StartShell(SessionId),
    /// Ask the session's processes to leave.
    Terminate(SessionId),
    /// Make them.
    Kill(SessionId),
    /// The session is over: free all that belongs to it.
    Clear(SessionId),
    /// Bring its window to the front.
    Focus(SessionId),
    Reply(ClientId, Response),
    Broadcast(Response),
    /// For PID 1's console.
    Status(String),
    Log(String),
    /// Keep these as the apps to come back.
    Save(Vec<AppId>),
}
