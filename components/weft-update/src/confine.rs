//! What the service may do once its partitions are open: talk to servers, read what that takes, and write its own records. It opens no
//! other device, and it is root without root's powers.

use crate::automatic::BOOT_ID;
use crate::source::Place;
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

impl<'a> Place<'a> {
    /// What is read where the releases are here. A web server's are not.
    fn readable(self) -> Vec<&'a Path> {
        match self {
            Self::Web(_) => Vec::new(),
            Self::Folder(folder) => vec![folder],
            Self::Stick => ["/sys/class/block", "/sys/devices", "/dev"].map(Path::new).into(),
        }
    }

    /// What of the network is kept from the process. What a disk holds goes nowhere: to find a stick, all of them can be read.
    fn kept_from(self) -> BitFlags<AccessNet> {
        match self {
            Self::Web(_) => AccessNet::BindTcp.into(),
            Self::Folder(_) | Self::Stick => AccessNet::BindTcp | AccessNet::ConnectTcp,
        }
    }
}

/// Confines this thread and those that it starts. `state` holds its records.
pub fn confine(state: &Path, releases: Place<'_>) -> Result<(), Error> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let write = read
        | make_bitflags!(AccessFs::{WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer});
    let device = make_bitflags!(AccessFs::{ReadFile | WriteFile});
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))?
        .handle_access(releases.kept_from())?
        .scope(BitFlags::<Scope>::all())?
        .create()?
        .add_rules(path_beneath_rules(READ, read))?
        .add_rules(path_beneath_rules(releases.readable(), read))?
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
    use std::net::{TcpListener, TcpStream};

    /// What a confined process can do still.
    #[derive(Debug, PartialEq, Eq)]
    struct Powers {
        writes_what_is_open: bool,
        opens_a_disk: bool,
        keeps_records: bool,
        knows_the_boot: bool,
        connects: bool,
    }

    /// `None`, and a word about it, where the kernel has no Landlock.
    fn powers(releases: Place<'_>) -> Option<Powers> {
        let folder = tempfile::tempdir_in("/var/tmp").unwrap();
        let (state, disk) = (folder.path().join("state"), folder.path().join("root-b"));
        std::fs::create_dir(&state).unwrap();
        std::fs::write(&disk, [0; 512]).unwrap();
        let open = FileDevice::open(&disk, true).unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let confined = std::thread::scope(|scope| {
            let confined = scope.spawn(|| {
                confine(&state, releases)?;
                Ok::<_, Error>(Powers {
                    writes_what_is_open: crate::device::BlockDevice::write(&open, 0, &[1; 512]).is_ok(),
                    opens_a_disk: FileDevice::open(&disk, true).is_ok(),
                    keeps_records: std::fs::write(state.join("status.json"), "{}").is_ok(),
                    knows_the_boot: std::fs::read(BOOT_ID).is_ok() && std::fs::read("/etc/hostname").is_ok(),
                    connects: TcpStream::connect(address).is_ok(),
                })
            });
            confined.join().unwrap()
        });
        if matches!(confined, Err(Error::NoLandlock)) {
            eprintln!("skipped: this kernel has no Landlock");
            return None;
        }
        Some(confined.unwrap())
    }

    #[test]
    fn open_partitions_stay_and_others_cannot_be_opened() {
        let Some(powers) = powers(Place::Web("https://releases.example")) else { return };
        let expected = Powers {
            writes_what_is_open: true,
            opens_a_disk: false,
            keeps_records: true,
            knows_the_boot: true,
            connects: true,
        };
        assert_eq!(powers, expected);
    }

    #[test]
    fn who_reads_disks_connects_to_nobody() {
        let strict = Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        if strict.handle_access(AccessNet::ConnectTcp).is_err() {
            eprintln!("skipped: Landlock of this kernel knows no network (Linux 6.7)");
            return;
        }
        for releases in [Place::Stick, Place::Folder(Path::new("/mnt"))] {
            let Some(powers) = powers(releases) else { return };
            assert!(!powers.connects && powers.knows_the_boot, "{releases:?}: {powers:?}");
        }
    }
}
