//! Why a session or a command could not run, or ended.

use crate::{Exit, code};
use std::path::PathBuf;
use weft_component::{ModuleError, imports};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot set up the engine")]
    Engine(#[source] wasmtime::Error),
    #[error(transparent)]
    Module(#[from] ModuleError),
    #[error(transparent)]
    Code(#[from] code::Error),
    #[error(transparent)]
    Imports(#[from] imports::Error),
    #[error("{} cannot be linked: it was built for another version of the interfaces it imports", module.display())]
    Link { module: PathBuf, source: wasmtime::Error },
    #[error("cannot open the folder {} for the component", path.display())]
    Preopen { path: PathBuf, source: wasmtime::Error },
    #[error("{option} {fd} is not an inherited descriptor")]
    NoDescriptor { option: &'static str, fd: i32 },
    #[error("cannot use the session channel")]
    Channel(#[source] std::io::Error),
    #[error("cannot use the connection to the network broker")]
    Broker(#[source] std::io::Error),
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    #[error("{0}")]
    Usage(String),
    #[error("the component was ended ({exit:?})")]
    Ended { exit: Exit, source: wasmtime::Error },
    #[error("limit reached: {reason}")]
    Limit { exit: Exit, reason: String },
}

impl Error {
    /// The exit code that says it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Module(ModuleError::Read { .. }) => Exit::Host,
            Self::Module(_) | Self::Link { .. } => Exit::InvalidModule,
            Self::Code(error) => error.exit(),
            Self::Imports(_) => Exit::Refused,
            Self::NoDescriptor { .. } | Self::Usage(_) => Exit::Usage,
            Self::Ended { exit, .. } | Self::Limit { exit, .. } => *exit,
            _ => Exit::Host,
        }
    }
}
