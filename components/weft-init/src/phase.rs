//! The boot as a table: which phases there are, in their order, and what is mounted where.

use rustix::mount::MountFlags;
use std::ffi::CStr;

/// What PID 1 goes through. None of them waits: the state partition is worked on beside the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Mounts,
    /// Control groups, host name, loopback interface, limits that every service inherits.
    System,
    Watchdog,
    /// Begun early, because it goes on in a process of its own while the rest comes up.
    State,
    Logs,
    Devices,
    Control,
    Services,
}

pub const PHASES: &[Phase] = &[
    Phase::Mounts,
    Phase::System,
    Phase::Watchdog,
    Phase::State,
    Phase::Logs,
    Phase::Devices,
    Phase::Control,
    Phase::Services,
];

/// A filesystem of the early boot.
#[derive(Debug, Clone, Copy)]
pub struct Mount {
    pub kind: &'static str,
    pub target: &'static str,
    pub flags: MountFlags,
    pub options: Option<&'static CStr>,
    /// Mounted only where this path exists.
    pub needs: Option<&'static str>,
    /// Permission bits of the target, which is made where it is missing; `None` where the parent has it for sure.
    pub create: Option<u32>,
}

const PLAIN: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);
const WITH_NODES: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC);

const fn mount(kind: &'static str, target: &'static str) -> Mount {
    Mount { kind, target, flags: PLAIN, options: None, needs: None, create: None }
}

pub const MOUNTS: &[Mount] = &[
    mount("proc", "/proc"),
    mount("sysfs", "/sys"),
    Mount { flags: WITH_NODES, options: Some(c"mode=755"), ..mount("devtmpfs", "/dev") },
    Mount {
        flags: WITH_NODES,
        options: Some(c"mode=600,ptmxmode=000"),
        create: Some(0o755),
        ..mount("devpts", "/dev/pts")
    },
    Mount { options: Some(c"mode=1777"), create: Some(0o1777), ..mount("tmpfs", "/dev/shm") },
    Mount { options: Some(c"mode=755"), ..mount("tmpfs", "/run") },
    Mount { options: Some(c"mode=1777"), ..mount("tmpfs", "/tmp") },
    Mount { options: Some(c"nsdelegate"), ..mount("cgroup2", "/sys/fs/cgroup") },
    Mount { needs: Some("/sys/fs/pstore"), ..mount("pstore", "/sys/fs/pstore") },
    Mount { needs: Some("/sys/firmware/efi/efivars"), ..mount("efivarfs", "/sys/firmware/efi/efivars") },
];

/// The state partition, and what stands in for it, are mounted with these.
pub const STATE_FLAGS: MountFlags = PLAIN;
pub const STATE: &str = "/state";

/// Links that programs expect in `/dev`.
pub const LINKS: &[(&str, &str)] = &[
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_can_be_written_can_run_programs() {
        for mount in MOUNTS {
            assert!(mount.flags.contains(MountFlags::NOSUID | MountFlags::NOEXEC), "{}", mount.target);
            let holds_nodes = mount.target == "/dev" || mount.target == "/dev/pts";
            assert_eq!(mount.flags.contains(MountFlags::NODEV), !holds_nodes, "{}", mount.target);
        }
    }

    #[test]
    fn a_mount_point_comes_before_what_lies_in_it() {
        for (at, mount) in MOUNTS.iter().enumerate() {
            for earlier in &MOUNTS[..at] {
                assert!(!earlier.target.starts_with(&format!("{}/", mount.target)), "{}", mount.target);
            }
        }
    }

    #[test]
    fn every_phase_is_run_once_and_mounts_come_first() {
        assert_eq!(PHASES.first(), Some(&Phase::Mounts));
        assert_eq!(PHASES.last(), Some(&Phase::Services));
        for (at, phase) in PHASES.iter().enumerate() {
            assert!(!PHASES[..at].contains(phase));
        }
    }
}
