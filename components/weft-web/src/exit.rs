//! How a shell ends.

use std::process::ExitCode;

/// Why the shell ended; the number is its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// The window was closed or the session is over.
    Done = 0,
    /// Something that the shell itself needs failed; the last line on standard error says what.
    Failed = 1,
    /// The command line or an environment variable is wrong.
    Usage = 2,
    /// The compositor is gone.
    CompositorGone = 3,
    /// The page's part of the engine crashed.
    PageCrashed = 4,
    /// A file of the package could not be read back as it was signed, or the disk failed.
    PackageDamaged = 5,
    /// This build has no engine. As `EX_UNAVAILABLE` of `sysexits.h`.
    NoEngine = 69,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}
