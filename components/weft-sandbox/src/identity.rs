//! Who the process is: user, groups, and its capabilities, of which nearly none has any.

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

/// Empties every set but for what is kept, the bounding and the ambient one too, and locks the door: root means nothing here any more
/// (capabilities(7), "The securebits flags"). What is kept goes through the exec by way of the ambient set.
pub(crate) fn drop_capabilities(kept: CapabilitySet) -> Result<(), Failure> {
    let privileged =
        rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SETPCAP));
    if privileged {
        drop_bounding_set(kept).context(|| "cannot empty the bounding set".into())?;
        keep_through_exec(kept).context(|| format!("cannot keep {kept:?}"))?;
        let bits = CapabilitiesSecureBits::NO_ROOT
            | CapabilitiesSecureBits::NO_ROOT_LOCKED
            | CapabilitiesSecureBits::NO_SETUID_FIXUP
            | CapabilitiesSecureBits::NO_SETUID_FIXUP_LOCKED
            | CapabilitiesSecureBits::KEEP_CAPS_LOCKED
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE
            | CapabilitiesSecureBits::NO_CAP_AMBIENT_RAISE_LOCKED;
        rustix::thread::set_capabilities_secure_bits(bits).context(|| "cannot set the secure bits".into())?;
    }
    if kept.is_empty() {
        rustix::thread::clear_ambient_capability_set().context(|| "cannot empty the ambient set".into())?;
    }
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: kept };
    rustix::thread::set_capabilities(None, sets).context(|| "cannot drop the capabilities".into())
}

/// The ambient set is these and no others.
fn keep_through_exec(kept: CapabilitySet) -> Result<(), Errno> {
    rustix::thread::clear_ambient_capability_set()?;
    let sets = rustix::thread::capabilities(None)?;
    rustix::thread::set_capabilities(None, CapabilitySets { inheritable: kept, ..sets })?;
    kept.iter().try_for_each(|one| rustix::thread::configure_capability_in_ambient_set(one, true))
}

/// Every other capability, up to the last one that this kernel knows.
fn drop_bounding_set(kept: CapabilitySet) -> Result<(), Errno> {
    for number in 0..64 {
        let capability = CapabilitySet::from_bits_retain(1 << number);
        if kept.contains(capability) {
            continue;
        }
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) => {}
            Err(Errno::INVAL) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
