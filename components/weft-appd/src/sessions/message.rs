//! What goes into the sessions' machine and what comes out.

use std::fmt;
use std::time::Duration;
use weft_ipc::appd::Response;
use weft_manifest::AppId;

pub type SessionId = u64;

/// Who wishes something, and is told what becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientId {
    /// appd itself: apps of the last time, autostart. Replies to it are dropped.
    Appd,
    /// A connection to one of appd's sockets.
    Connection(u64),
    /// The component of a session whose app may supervise others.
    Session(SessionId),
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Appd => f.write_str("appd"),
            Self::Connection(number) => write!(f, "client {number}"),
            Self::Session(session) => write!(f, "session {session}"),
        }
    }
}

/// Which process of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Makes the component's code before the session begins.
    Compiler,
    Runtime,
    Shell,
    /// Gives the session its documents.
    Portal,
    /// Fetches from the network for it.
    Fetch,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Compiler => "compiler",
            Self::Runtime => "component",
            Self::Shell => "page",
            Self::Portal => "file portal",
            Self::Fetch => "network broker",
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

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("ended by itself"),
            Self::Refused(code) | Self::Failed(code) => write!(f, "ended with exit code {code}"),
            Self::Killed(signal) => write!(f, "was killed by signal {signal}"),
        }
    }
}

/// A session's end that should not have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crash {
    pub session: SessionId,
    pub app: AppId,
    pub process: Role,
    pub cause: Cause,
    /// Crashes of the app in a row, with this one.
    pub in_a_row: u32,
}

impl Crash {
    /// The limit of the manifest that it ran into, in words; by the exit codes of `weft-runtime`.
    pub fn limit(&self) -> Option<String> {
        let words = match (self.process, self.cause) {
            (Role::Runtime, Cause::Ended(End::Failed(code))) => match code {
                11 => "runtime.limits.memory",
                12 => "runtime.limits.table",
                13 => "runtime.limits.instances",
                14 => "runtime.limits.wall",
                15 => "runtime.limits.stack",
                16 => "runtime.limits.fuel",
                17 => "runtime.limits.descriptors",
                18 => "runtime.limits.storage",
                19 => "runtime.limits.watchdog_secs",
                _ => return None,
            },
            _ => return None,
        };
        Some(words.to_owned())
    }
}

/// Why a session had to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Ended(End),
    NotReady(Duration),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(end) => end.fmt(f),
            Self::NotReady(limit) => write!(f, "was not ready within {limit:?}"),
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
    /// The runtime is being started, and the helpers of the session with it.
    Started {
        session: SessionId,
        has_page: bool,
        helpers: Vec<Role>,
    },
    /// The component's code is being made first.
    Compiling {
        session: SessionId,
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
    /// To be answered by [`Event::Started`], [`Event::Compiling`] or [`Event::NotStarted`].
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
    /// Keep what there is to know about it.
    Report(Crash),
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
