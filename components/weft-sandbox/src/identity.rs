//! Who the process is: user, groups, and no capability anywhere.

use crate::error::{Context, Failure};
use rustix::io::Errno;
use rustix::process::{Gid, Uid};
use rustix::thread::{CapabilitiesSecureBits, CapabilitySet, CapabilitySets};

/// A user with all groups of the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    /// Without `gid`.
    pub groups: Vec<u32>,
}

/// Becomes the user; what capabilities there are stay until [`drop_capabilities`], because the mount tree needs them.
pub(crate) fn assume(user: &User) -> Result<(), Failure> {
    let groups: Vec<Gid> =
        user.groups.iter().chain([&user.gid]).map(|number| Gid::from_raw(*number)).collect();
    let (gid, uid) = (Gid::from_raw(user.gid), Uid::from_raw(user.uid));
    rustix::thread::set_keep_capabilities(true).context(|| "cannot keep capabilities for a moment".into())?;
    rustix::thread::set_thread_groups(&groups).context(|| format!("cannot take the groups of {user:?}"))?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)
        .and_then(|()| rustix::thread::set_thread_res_uid(uid, uid, uid))
        .context(|| format!("cannot become {user:?}"))?;
    let sets = rustix::thread::capabilities(None).context(|| "cannot read the capabilities".into())?;
    rustix::thread::set_capabilities(None, CapabilitySets { effective: sets.permitted, ..sets })
        .context(|| "cannot keep capabilities for a moment".into())
}

/// Empties every set, the bounding and the ambient one too, and locks the door: root means nothing here any more (capabilities(7),
/// "The securebits flags").
pub(crate) fn drop_capabilities() -> Result<(), Failure> {
    let privileged =
        rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETPCAP));
    if privileged {
        drop_bounding_set().context(|| "cannot empty the bounding set".into())?;
        let bits = CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
        rustix::thread::set_capabilities_secure_bits(bits).context(|| "cannot set the secure bits".into())?;
    }
    rustix::thread::clear_ambient_capability_set().context(|| "cannot empty the ambient set".into())?;
    let none = CapabilitySet::empty();
    let sets = CapabilitySets { effective: none, permitted: none, inheritable: none };
    rustix::thread::set_capabilities(None, sets).context(|| "cannot drop the capabilities".into())
}

/// Every capability up to the last one that this kernel knows.
fn drop_bounding_set() -> Result<(), Errno> {
    for number in 0..64 {
        match rustix::thread::remove_capability_from_bounding_set(CapabilitySet::from_bits_retain(
            1 << number,
        )) {
            Ok(()) => {}
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
