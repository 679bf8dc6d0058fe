//! What a client is told when it does not get what it asked for.

use rustix::io::Errno;

/// Why a request was not done. The text is the protocol's `error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The line is not a request of the protocol.
    #[error("bad request: {0}")]
    BadRequest(String),
    #[error("bad base64: {0}")]
    BadBase64(String),
    /// The path is none of the client's business, or leads there through a link.
    #[error("access denied: {0}")]
    Denied(String),
    #[error("not found: {0}")]
    NotFound(String),
    #[error("too large: {0}")]
    TooLarge(String),
    #[error("too slow: {0}")]
    TooSlow(String),
    #[error("busy: {0}")]
    Busy(String),
    /// The system failed.
    #[error("failed: {0}")]
    Failed(String),
}

impl Refusal {
    /// The kernel's answer about `path`, in the words of the protocol.
    pub(crate) fn from_errno(path: &str, errno: Errno) -> Self {
        match errno {
            Errno::LOOP => Self::Denied(format!("{path} leads through a symbolic link")),
            Errno::XDEV => Self::Denied(format!("{path} leads out of its folder")),
            Errno::ACCESS | Errno::PERM => Self::Denied(format!("{path} is not open to this session")),
            Errno::ROFS => Self::Denied(format!("{path} is on a read-only file system")),
            Errno::NOENT => Self::NotFound(path.to_owned()),
            Errno::NOTDIR => Self::NotFound(format!("{path}: a part of the path is not a folder")),
            Errno::NAMETOOLONG => Self::BadRequest(format!("{path} has a name of more than 255 bytes")),
            errno => Self::Failed(format!("{path}: {errno}")),
        }
    }
}
