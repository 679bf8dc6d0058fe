//! Landlock (landlock(7)): what may be opened, run, bound and signalled, whatever the mount tree holds.

use crate::error::Failure;
use crate::kind::Kind;
use crate::places::{Access, Place};
use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, make_bitflags, path_beneath_rules,
};
use rustix::io::Errno;
use std::path::Path;

/// What the device's kernel has (Linux 6.12). An older one on a developer's machine does what it can.
const VERSION: ABI = ABI::V6;

fn rights(access: Access) -> BitFlags<AccessFs> {
    match access {
        Access::Read => make_bitflags!(AccessFs::{ReadFile | ReadDir}),
        Access::Execute => make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute}),
        Access::Write => make_bitflags!(AccessFs::{
            ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | RemoveFile | RemoveDir | Refer
        }),
        Access::Device => make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | IoctlDev}),
        Access::Socket => make_bitflags!(AccessFs::{ReadDir}),
        Access::Own => rights(Access::Write) | make_bitflags!(AccessFs::{MakeSym | MakeSock}),
    }
}

/// Confines this thread to the places; what is not named is refused.
pub(crate) fn restrict<'a>(
    kind: Kind,
    program: &Path,
    places: impl Iterator<Item = &'a Place>,
) -> Result<(), Failure> {
    let refused = |error: RulesetError| Failure {
        what: format!("Landlock refuses its rules ({error})"),
        errno: Errno::INVAL,
    };
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(VERSION))
        .map_err(refused)?;
    // appd listens to tools on the loopback interface.
    if kind != Kind::Appd {
        rules = rules.handle_access(AccessNet::BindTcp).map_err(refused)?;
    }
    if kind != Kind::Fetch {
        rules = rules.handle_access(AccessNet::ConnectTcp).map_err(refused)?;
    }
    // Signals between processes of a session would cross no namespace anyway; appd ends its own children.
    let scopes = if kind == Kind::Appd { Scope::AbstractUnixSocket.into() } else { BitFlags::all() };
    let mut rules = rules.scope(scopes).and_then(Ruleset::create).map_err(refused)?;
    let of_program = [(program, rights(Access::Execute))];
    let own = [
        (Path::new("/proc"), rights(Access::Read)),
        (Path::new("/tmp"), rights(Access::Write)),
        (Path::new("/dev/shm"), rights(Access::Write)),
    ];
    let of_places = places.map(|place| (place.path.as_path(), rights(place.access)));
    for (path, rights) in of_program.into_iter().chain(own).chain(of_places) {
        rules = rules.add_rules(path_beneath_rules([path], rights)).map_err(refused)?;
    }
    match rules.restrict_self().map_err(refused)?.ruleset {
        RulesetStatus::NotEnforced => Err(Failure {
            what: "this kernel has no Landlock: build it with CONFIG_SECURITY_LANDLOCK and name landlock in CONFIG_LSM".into(),
            errno: Errno::NOSYS,
        }),
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}
