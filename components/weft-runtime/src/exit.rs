//! Exit codes.

use std::process::ExitCode;

/// How a session or a command ended, as the exit code says it. appd restarts a session that crashed and not one that can never run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// The component's `run` returned, or its host ended the session.
    Done = 0,
    /// The component's `run` returned an error or it exited with one.
    GuestFailed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The module is not a component that this runtime can load.
    InvalidModule = 3,
    /// There is no compiled code for the module, and no compiler in this program.
    NotCompiled = 4,
    /// The component imports what the app was not granted, or was granted what it does not import.
    Refused = 5,
    /// The host failed: a folder cannot be opened, the channel is broken.
    Host = 6,
    /// The compiled code is tampered with, cut, of another device, of another module or of another engine: compile it again.
    BadCode = 7,
    /// The component trapped.
    Trap = 10,
    /// It failed after it was refused more linear memory than `runtime.limits.memory`.
    MemoryLimit = 11,
    /// It failed after it was refused a table, or more elements in one, than `runtime.limits.table`.
    TableLimit = 12,
    /// It asked for more instances, memories or tables than `runtime.limits.instances`.
    InstanceLimit = 13,
    /// It computed longer than `runtime.limits.wall` without waiting for the host.
    WallLimit = 14,
    /// Its call stack is over `runtime.limits.stack`.
    StackLimit = 15,
    /// It executed more than `runtime.limits.fuel` without waiting for the host.
    FuelLimit = 16,
    /// It held more open than `runtime.limits.descriptors`.
    DescriptorLimit = 17,
    /// It failed after it was refused to write more than `runtime.limits.storage` into `/data`.
    StorageLimit = 18,
    /// It was silent for `runtime.limits.watchdog_secs`.
    Watchdog = 19,
}

/// What the program ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Exit(Exit),
    /// `weft-runtime run`: what the guest itself exited with.
    Guest(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Exit(exit) => exit.into(),
            Ending::Guest(code) => code.into(),
        }
    }
}
