//! Exit codes.

use crate::Error;
use weft_package::store;

/// What `weft-pack` ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and nothing is wrong.
    Done,
    /// 1: the package, signature or image is wrong, or not allowed here.
    Refused,
    /// 3: the host is to blame: a file cannot be read or written, a tool is missing.
    Host,
    /// 4: an update asks for more than was allowed; `weft-pack approve` allows it.
    NeedsApproval,
    /// 5: no such app is installed.
    NotInstalled,
    /// 6: `audit` found an app whose manifest and component disagree.
    Disagreement,
}

// 2 is clap's: the command line is wrong.

impl Exit {
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Host => 3,
            Self::NeedsApproval => 4,
            Self::NotInstalled => 5,
            Self::Disagreement => 6,
        }
    }

    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Store(store::Error::NeedsApproval { .. }) => Self::NeedsApproval,
            Error::Store(store::Error::NotInstalled { .. }) => Self::NotInstalled,
            Error::Store(store::Error::Disk(_) | store::Error::Lock(_)) => Self::Host,
            Error::Places(_) | Error::Scratch(_) | Error::Create { .. } => Self::Host,
            _ => cause(error),
        }
    }
}

/// Any other error is the host's when an I/O error is at its bottom, but for files that are simply not there.
fn cause(error: &Error) -> Exit {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            let damaged = matches!(
                io.kind(),
                std::io::ErrorKind::UnexpectedEof
                    | std::io::ErrorKind::InvalidData
                    | std::io::ErrorKind::InvalidInput
                    | std::io::ErrorKind::NotFound
                    | std::io::ErrorKind::Other
            );
            return if damaged { Exit::Refused } else { Exit::Host };
        }
        source = error.source();
    }
    Exit::Refused
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
