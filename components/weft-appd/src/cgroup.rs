//! One cgroup (v2) a session, below the one that this process was given: limits, and an end that nothing survives.
//!
//! The kernel's "no internal processes" rule (Documentation/admin-guide/cgroup-v2.rst) is why appd first moves itself into a leaf.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

const MOUNT: &str = "/sys/fs/cgroup";
/// Bytes of all processes of a session.
const MEMORY_MAX: u64 = 512 << 20;
/// Processes and threads of a session; the engine alone has about a hundred threads.
const PIDS_MAX: u32 = 512;
/// Microseconds.
const CPU_PERIOD: u32 = 100_000;

/// The cgroup that sessions go into.
#[derive(Debug)]
pub struct Root(PathBuf);

/// Why sessions get no cgroups.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this process is in no cgroup v2")]
    NotV2,
    #[error("{} is not delegated to this user", path.display())]
    NotDelegated { path: PathBuf, source: io::Error },
}

impl Root {
    /// Takes over the cgroup of this process, ends whatever an earlier appd left in it, and lets its children have limits.
    pub fn take_over() -> Result<Self, Error> {
        let own = fs::read_to_string("/proc/self/cgroup").ok();
        let own = own.as_deref().and_then(|text| text.lines().find_map(|line| line.strip_prefix("0::/")));
        let root = Path::new(MOUNT).join(own.ok_or(Error::NotV2)?.trim_end_matches("/supervisor"));
        if !root.join("cgroup.controllers").exists() {
            return Err(Error::NotV2);
        }
        let not_delegated = |path: PathBuf| move |source| Error::NotDelegated { path, source };
        let leaf = root.join("supervisor");
        make(&leaf).map_err(not_delegated(leaf.clone()))?;
        write(&leaf.join("cgroup.procs"), "0").map_err(not_delegated(leaf.clone()))?;
        let control = root.join("cgroup.subtree_control");
        write(&control, "+cpu +memory +pids").map_err(not_delegated(control.clone()))?;
        let root = Self(root);
        root.end_leftovers();
        Ok(root)
    }

    fn end_leftovers(&self) {
        for entry in fs::read_dir(&self.0).into_iter().flatten().flatten() {
            if entry.file_name().to_str().is_some_and(|name| name.starts_with("session-")) {
                let left = Session(entry.path());
                left.kill();
                left.remove();
            }
        }
    }

    /// A cgroup for a session, with `cpu` percent of one processor.
    pub fn session(&self, id: u64, cpu: u32) -> io::Result<Session> {
        let folder = self.0.join(format!("session-{id}"));
        make(&folder)?;
        let session = Session(folder);
        session.set("memory.max", &MEMORY_MAX.to_string())?;
        session.set("pids.max", &PIDS_MAX.to_string())?;
        session.set("cpu.max", &format!("{} {CPU_PERIOD}", u64::from(cpu) * u64::from(CPU_PERIOD) / 100))?;
        Ok(session)
    }
}

/// The cgroup of one session.
#[derive(Debug)]
pub struct Session(PathBuf);

impl Session {
    fn set(&self, file: &str, value: &str) -> io::Result<()> {
        write(&self.0.join(file), value)
    }

    /// `cgroup.procs`, for a child to enter.
    pub fn entrance(&self) -> io::Result<OwnedFd> {
        Ok(OpenOptions::new().write(true).open(self.0.join("cgroup.procs"))?.into())
    }

    /// Its folder, for a process to be started in it.
    pub fn open(&self) -> io::Result<OwnedFd> {
        Ok(File::open(&self.0)?.into())
    }

    /// The limits that its processes ran into, in words (memory.events and pids.events of the kernel's document).
    pub fn limits_reached(&self) -> Vec<String> {
        let count = |file: &str, name: &str| {
            let text = fs::read_to_string(self.0.join(file)).unwrap_or_default();
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
            value.unwrap_or_default()
        };
        let mut limits = Vec::new();
        if count("memory.events", "oom_kill ") > 0 {
            limits.push(format!("memory of all its processes: {} MiB", MEMORY_MAX >> 20));
        }
        if count("pids.events", "max ") > 0 {
            limits.push(format!("processes and threads: {PIDS_MAX}"));
        }
        limits
    }

    /// Kills every process in it.
    pub fn kill(&self) {
        if let Err(error) = self.set("cgroup.kill", "1") {
            tracing::warn!("cannot end the processes in {}, ignoring: {error}", self.0.display());
        }
    }

    /// Removes it; `false` while killed processes are still leaving.
    pub fn remove(&self) -> bool {
        match fs::remove_dir(&self.0) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }
}

fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    }
}

fn write(file: &Path, value: &str) -> io::Result<()> {
    use std::io::Write;
    File::options().write(true).open(file)?.write_all(value.as_bytes())
}
