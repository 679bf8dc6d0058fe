//! What can go wrong, on either side of the clone.

use rustix::io::Errno;
use std::path::PathBuf;

/// A step of the child that failed: what it was doing, to what.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {errno}")]
pub struct Failure {
    pub what: String,
    pub errno: Errno,
}

/// Puts words to an error number.
pub(crate) trait Context<T> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T> Context<T> for Result<T, Errno> {
    fn context(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|errno| Failure { what: what(), errno })
    }
}

/// Why no confined process came to be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("a process with {0} threads cannot make a confined one: start it before any thread")]
    Threads(usize),
    #[error("{0:?} has a zero byte")]
    ZeroByte(String),
    #[error("cannot make the pipes to the new process")]
    Pipe(#[source] Errno),
    #[error("cannot make the process: namespaces, cgroup or processes are refused")]
    Clone(#[source] Errno),
    #[error("cannot map the user of the new process by {}", path.display())]
    Map { path: PathBuf, source: std::io::Error },
    #[error("cannot confine {}", program.display())]
    Setup { program: PathBuf, source: Failure },
    #[error("{} ended before its program started", program.display())]
    Vanished { program: PathBuf },
}
