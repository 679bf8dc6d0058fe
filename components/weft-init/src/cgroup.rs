//! One cgroup for each service, see the kernel's "Control Group v2".

use crate::service_file::{Limits, Service};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub const ROOT: &str = "/sys/fs/cgroup";

/// Files that the owner of a delegated subtree must be able to write ("Delegation").
const DELEGATED: [&str; 3] = ["cgroup.procs", "cgroup.threads", "cgroup.subtree_control"];

fn folder(service: &str) -> PathBuf {
    Path::new(ROOT).join(service)
}

/// Gives services their controllers. A kernel may lack one; the limits that need it are then refused by name.
pub fn enable_controllers() {
    for controller in ["+memory", "+cpu", "+pids"] {
        let _ = fs::write(Path::new(ROOT).join("cgroup.subtree_control"), controller);
    }
}

/// Makes the service's cgroup anew, with its limits; `owner` gets the subtree where it is delegated. Returns one sentence for everything that
/// was refused.
pub fn create(service: &Service, owner: (u32, u32)) -> Vec<String> {
    let path = folder(&service.name);
    // What a former run left, such as the cgroups of its sessions, is empty by now: it was killed. The service's own goes too, because one that
    // gives controllers to its children takes no process itself ("No Internal Process Constraint").
    remove_below(&path);
    let _ = fs::remove_dir(&path);
    if let Err(error) = fs::create_dir(&path)
        && error.kind() != io::ErrorKind::AlreadyExists
    {
        return vec![format!(
            "{} runs without a cgroup: cannot create {}: {error}",
            service.name,
            path.display()
        )];
    }
    let mut refused = Vec::new();
    for (file, value) in settings(&service.limits) {
        if let Err(error) = fs::write(path.join(file), value) {
            refused.push(format!("{}: {file} cannot be set: {error}, ignoring", service.name));
        }
    }
    if service.delegate {
        let (uid, gid) = owner;
        let own = |path: &Path| std::os::unix::fs::chown(path, Some(uid), Some(gid));
        let outcome = own(&path).and_then(|()| DELEGATED.iter().try_for_each(|file| own(&path.join(file))));
        if let Err(error) = outcome {
            refused.push(format!("{}: its cgroup cannot be delegated: {error}, ignoring", service.name));
        }
    }
    refused
}

/// The kernel's file and text for each limit; "max" where there is none, since the folder may be an old one.
fn settings(limits: &Limits) -> Vec<(&'static str, String)> {
    const PERIOD_USEC: u64 = 100_000;
    let text = |limit: Option<u64>| limit.map_or("max".to_owned(), |limit| limit.to_string());
    let quota = limits.cpu_percent.map(|percent| u64::from(percent) * PERIOD_USEC / 100);
    let mut settings = Vec::new();
    if limits.memory_max.is_some() {
        settings.push(("memory.max", text(limits.memory_max)));
        // All of a service or nothing: half a browser is of no use.
        settings.push(("memory.oom.group", "1".to_owned()));
    }
    if quota.is_some() {
        settings.push(("cpu.max", format!("{} {PERIOD_USEC}", text(quota))));
    }
    if limits.pids_max.is_some() {
        settings.push(("pids.max", text(limits.pids_max.map(u64::from))));
    }
    settings
}

/// The file that takes a process into the service's cgroup; `None` where the service runs without one.
pub fn procs(service: &str) -> Option<OwnedFd> {
    let path = folder(service).join("cgroup.procs");
    rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty()).ok()
}

/// Kills everything in the service's cgroup and below; `false` where there is none.
pub fn kill(service: &str) -> bool {
    fs::write(folder(service).join("cgroup.kill"), "1").is_ok()
}

/// Whether the process is the service's own, told by `/proc/<pid>/cgroup`: directly in its cgroup, or in the leaf `supervisor` that a
/// service moves into when it fills its delegated subtree. Processes in other cgroups below are other people's.
pub fn holds(service: &str, proc_cgroup: &str) -> bool {
    let own = |line: &str| {
        let below = line.strip_prefix("0::/").and_then(|path| path.strip_prefix(service));
        matches!(below, Some("" | "/supervisor"))
    };
    proc_cgroup.lines().any(own)
}

fn remove_below(path: &Path) {
    let Ok(entries) = fs::read_dir(path) else {
        return;
    };
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_below(&entry.path());
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_become_the_kernels_text() {
        let limits = Limits { memory_max: Some(1 << 20), cpu_percent: Some(150), pids_max: Some(8) };
        let settings = settings(&limits);
        assert!(settings.contains(&("memory.max", "1048576".to_owned())));
        assert!(settings.contains(&("cpu.max", "150000 100000".to_owned())));
        assert!(settings.contains(&("pids.max", "8".to_owned())));
    }

    #[test]
    fn only_the_services_own_level_counts() {
        assert!(holds("weft-appd", "0::/weft-appd\n"));
        assert!(holds("weft-appd", "0::/weft-appd/supervisor\n"));
        assert!(!holds("weft-appd", "0::/weft-appd/session-1\n"), "an app is not its supervisor");
        assert!(!holds("weft-appd", "0::/weft-appd2\n"));
        assert!(!holds("weft-appd", ""));
    }
}
