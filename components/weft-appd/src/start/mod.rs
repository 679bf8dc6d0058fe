//! How processes are started: by the launcher, which gives each its own user and a world without the rest of the system, or directly,
//! on a developer's machine. Either way appd itself needs no privilege.

mod direct;
mod launcher;

pub use direct::Direct;
pub use launcher::Launcher;

use crate::cgroup;
use crate::sessions::{End, Role, SessionId};
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
pub use weft_ipc::launcher::Access;
use weft_manifest::AppId;

/// Which process: a session has at most one of each role.
pub type Key = (SessionId, Role);

/// Everything that a process is started with.
#[derive(Debug)]
pub struct Spec<'a> {
    pub session: SessionId,
    pub role: Role,
    pub app: &'a AppId,
    /// What is run where processes are started directly; the launcher knows its own.
    pub program: PathBuf,
    pub arguments: Vec<Argument>,
    pub environment: Vec<(OsString, OsString)>,
    pub data: Access,
    pub documents: Access,
    /// What it sees of the file system beyond the programs' own files, read-only.
    pub readable: Vec<PathBuf>,
    pub display: bool,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
    pub cgroup: Option<&'a cgroup::Session>,
}

/// One argument of a command line.
#[derive(Debug)]
pub enum Argument {
    Text(OsString),
    /// A descriptor for the process: its number there is the argument.
    Descriptor(OwnedFd),
}

impl<T: Into<OsString>> From<T> for Argument {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

/// Why a process could not be started.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot start {}", program.display())]
    Spawn { program: PathBuf, source: io::Error },
    #[error("{0:?} is not valid UTF-8, as everything for the launcher must be")]
    NotText(OsString),
    #[error("the launcher takes no requests: too many wait already")]
    Busy,
}

/// What became of a process.
#[derive(Debug)]
pub enum News {
    /// It has this process id, among all processes of the device.
    Started(Key, u32),
    NotStarted(Key, String),
    Ended(Key, End),
}

/// One of the two ways.
#[derive(Debug)]
pub enum Starter {
    Direct(Direct),
    Launcher(Launcher),
}

impl Starter {
    /// Starts a process. What becomes of it is told by [`Starter::reap`] or [`Starter::news`].
    pub fn start(&mut self, spec: Spec<'_>) -> Result<(), Error> {
        match self {
            Self::Direct(direct) => direct.start(spec),
            Self::Launcher(launcher) => launcher.start(spec),
        }
    }

    /// Asks the processes of a session to leave, where there is a way to ask. Their channels are closed besides.
    pub fn ask_to_leave(&mut self, session: SessionId) {
        match self {
            Self::Direct(direct) => direct.signal(session, rustix::process::Signal::TERM),
            Self::Launcher(launcher) => launcher.kill_helpers(session),
        }
    }

    /// Ends the processes of a session.
    pub fn kill(&mut self, session: SessionId) {
        match self {
            Self::Direct(direct) => direct.signal(session, rustix::process::Signal::KILL),
            Self::Launcher(launcher) => launcher.kill(session),
        }
    }

    /// What happened to children of appd itself, one thing at a time; `None` when that is all.
    pub fn reap(&mut self) -> Option<News> {
        match self {
            Self::Direct(direct) => direct.reap(),
            Self::Launcher(_) => None,
        }
    }

    /// The next thing that the launcher tells. Never comes without a launcher.
    pub async fn news(&mut self) -> News {
        match self {
            Self::Direct(_) => std::future::pending().await,
            Self::Launcher(launcher) => launcher.news().await,
        }
    }

    /// Ends what sessions left behind.
    pub fn kill_orphans(&self) {
        // What the launcher starts lives in pid namespaces, which end with their first process (pid_namespaces(7)).
        if let Self::Direct(direct) = self {
            direct.kill_orphans();
        }
    }
}

/// How a process of this role ended, by exit code or signal.
fn end(role: Role, code: Option<i32>, signal: Option<i32>) -> End {
    /// Exit codes of `weft-runtime` that say that the component can never run: usage, invalid module, not compiled, refused.
    const REFUSED: std::ops::RangeInclusive<i32> = 2..=5;
    /// Exit code of `weft-app-shell`: a file of the package cannot be read back as it was signed.
    const PACKAGE_DAMAGED: i32 = 5;
    match (code, signal) {
        (Some(0), _) => End::Done,
        (Some(code), _) if role == Role::Runtime && REFUSED.contains(&code) => End::Refused(code),
        (Some(PACKAGE_DAMAGED), _) if role == Role::Shell => End::Refused(PACKAGE_DAMAGED),
        (Some(code), _) => End::Failed(code),
        (None, signal) => End::Killed(signal.unwrap_or_default()),
    }
}
