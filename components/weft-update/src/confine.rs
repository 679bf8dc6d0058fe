//! What the service may do once its partitions are open: talk to servers, read what that takes, and write its own records. It opens no
//! other device, and it is root without root's powers.

use crate::automatic::BOOT_ID;
use crate::source::USB;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use std::path::Path;

/// What the device's kernel has (Linux 6.12). An older one on a developer's machine does what it can.
const VERSION: ABI = ABI::V6;
/// For name lookup, certificates, configuration and the root of trust; and which boot this is.
const READ: [&str; 5] = ["/etc", "/usr", "/lib", "/run/weft/netd", BOOT_ID];
const DEVICES: [&str; 2] = ["/dev/null", "/dev/urandom"];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("Landlock refuses its rules")]
    Landlock(#[from] RulesetError),
    #[error(
        "this kernel has no Landlock: build it with CONFIG_SECURITY_LANDLOCK and name landlock in CONFIG_LSM"
    )]
    NoLandlock,
    #[error("cannot give up root's capabilities")]
    Capabilities(#[from] rustix::io::Errno),
}

/// What a source of releases needs beyond the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<'a> {
    Network,
    Folder(&'a Path),
    /// Every disk, to find a stick; so nothing of what is read there goes anywhere.
    Sticks,
}

impl<'a> Reach<'a> {
    /// Of a source as a configuration names it.
    pub fn of(source: &'a str) -> Self {
        match source.strip_prefix("file://").unwrap_or(source) {
            USB => Self::Sticks,
            folder if folder.starts_with('/') => Self::Folder(Path::new(folder)),
            _ => Self::Network,
        }
    }

    fn readable(&self) -> Vec<&'a Path> {
        match self {
            Self::Network => Vec::new(),
            Self::Folder(folder) => vec![folder],
            Self::Sticks => vec![Path::new("/sys/class/block"), Path::new("/sys/devices"), Path::new("/dev")],
        }
    }
}

/// Confines this thread and those that it starts. `state` holds its records.
pub fn confine(state: &Path, reach: Reach<'_>) -> Result<(), Error> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write = read
        | make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer});
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile});
    let connect: BitFlags<AccessNet> = match reach {
        Reach::Network => AccessNet::BindTcp.into(),
        Reach::Folder(_) | Reach::Sticks => AccessNet::ConnectTcp.into(),
    };
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(AccessNet::BindTcp)?
        .handle_access(connect)?
        .scope(BitFlags::<Scope>::all())?
        .create()?
        .add_rules(path_beneath_rules(READ, read))?
        .add_rules(path_beneath_rules(reach.readable(), read))?
        .add_rules(path_beneath_rules(DEVICES, device))?
        .add_rules(path_beneath_rules([state, Path::new("/tmp")], write))?;
    if rules.restrict_self()?.ruleset == RulesetStatus::NotEnforced {
        return Err(Error::NoLandlock);
    }
    let none = CapabilitySet::empty();
    Ok(set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::FileDevice;

    #[test]
    fn open_partitions_stay_and_others_cannot_be_opened() {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let (state, disk) = (folder.path().join("state"), folder.path().join("root-b"));
        std::fs::create_dir(&state).unwrap();
        std::fs::write(&disk, [0; 512]).unwrap();
        let open = FileDevice::open(&disk, true).unwrap();
        let confined = std::thread::scope(|scope| {
            let confined = scope.spawn(|| {
                confine(&state, Reach::Network)?;
                let written = crate::device::BlockDevice::write(&open, 0, &[1; 512]).is_ok();
                let again = FileDevice::open(&disk, true).is_ok();
                let kept = std::fs::write(state.join("status.json"), "{}").is_ok();
                let known = std::fs::read(BOOT_ID).is_ok() && std::fs::read("/etc/hostname").is_ok();
                Ok::<_, Error>((written, again, kept, known))
            });
            confined.join().unwrap()
        });
        match confined {
            Err(Error::NoLandlock) => eprintln!("skipped: this kernel has no Landlock"),
            outcome => assert_eq!(outcome.unwrap(), (true, false, true, true)),
        }
    }
}
