//! Resource limits (getrlimit(2)) that do not depend on the app; memory, processes and processor time are the cgroup's.

use crate::error::{Context, Failure};
use crate::kind::Kind;
use rustix::process::{Resource, Rlimit, setrlimit};

/// Open descriptors. The engine uses about a hundred, a runtime as many as its component opens files; the compositor holds those of all
/// its clients, appd those of all sessions.
fn descriptors(kind: Kind) -> u64 {
    if kind.knows_others() { 4096 } else { 1024 }
}

/// Signals that may wait.
const SIGPENDING: u64 = 1024;

/// Sets every limit, hard and soft, below what was inherited.
pub(crate) fn apply(kind: Kind) -> Result<(), Failure> {
    let limits = [
        (Resource::Core, 0),
        (Resource::Nofile, descriptors(kind)),
        (Resource::Memlock, 0),
        (Resource::Msgqueue, 0),
        (Resource::Nice, 0),
        (Resource::Rtprio, 0),
        (Resource::Sigpending, SIGPENDING),
    ];
    for (resource, most) in limits {
        let inherited = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let most = Some(most.min(inherited));
        setrlimit(resource, Rlimit { current: most, maximum: most })
            .context(|| format!("cannot limit {resource:?}"))?;
    }
    Ok(())
}
