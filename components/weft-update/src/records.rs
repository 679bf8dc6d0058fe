//! Records that outlive an update: what is staged, what a slot was filled with, the device's place in rollouts.

use crate::state::{self, STATUS, Status, Store};
use semver::Version;
use serde::{Deserialize, Serialize};
use weft_release::{Place, Release, Slot};

/// `staged.json`: a release is complete in the other slot and waits for activation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Staged {
    /// `a` or `b`.
    pub slot: String,
    pub release: Release,
    /// Of [`UKI`], in hex.
    pub uki_sha256: String,
    /// Of the hash device as it was signed, in hex: no root hash vouches for the parity behind the tree.
    pub verity_sha256: String,
}

pub const STAGED: &str = "staged.json";
/// The kernel image of what is staged.
pub const UKI: &str = "uki.efi";

/// What is staged; a record that cannot be read, such as one of a later version, is none.
pub fn staged(store: &dyn Store) -> Result<Option<Staged>, state::Error> {
    match state::load(store, STAGED) {
        Err(error @ state::Error::Format { .. }) => {
            tracing::warn!("{error}, ignoring");
            Ok(None)
        }
        outcome => outcome,
    }
}

/// `place.json`: what is drawn or decided once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub place: Place,
    /// The highest epoch of the releases that were found good here.
    #[serde(default)]
    pub epoch: u64,
    /// Versions that were given up here; the device does not take them by itself again.
    #[serde(default)]
    pub given_up: Vec<Version>,
}

const STANDING: &str = "place.json";

impl Standing {
    /// The device's, drawn at the first call.
    pub fn load(store: &dyn Store) -> Result<Self, state::Error> {
        if let Some(standing) = state::load(store, STANDING)? {
            return Ok(standing);
        }
        let standing = Self { place: Place::draw(random()), epoch: 0, given_up: Vec::new() };
        state::save(store, STANDING, &standing)?;
        Ok(standing)
    }

    /// Notes a version that did not do; the device takes it only when told to.
    pub fn give_up(&mut self, version: &Version, store: &dyn Store) -> Result<(), state::Error> {
        if self.given_up.contains(version) {
            return Ok(());
        }
        self.given_up.push(version.clone());
        self.save(store)
    }

    pub fn save(&self, store: &dyn Store) -> Result<(), state::Error> {
        state::save(store, STANDING, self)
    }
}

/// `restart.json`: the last restart that the device made by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// The release that was to be tried.
    pub version: Version,
    /// The kernel's, of the boot that ended.
    pub boot_id: String,
}

pub const RESTART: &str = "restart.json";

fn random() -> u64 {
    let mut bytes = [0; 8];
    // The kernel's pool is ready long before a network is.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u64::from_le_bytes(bytes)
}

/// What an update put into a slot; `None` for one that was filled when the device was flashed.
pub fn installed(store: &dyn Store, slot: Slot) -> Result<Option<Release>, state::Error> {
    state::load(store, &installed_name(slot))
}

pub fn save_installed(store: &dyn Store, slot: Slot, release: &Release) -> Result<(), state::Error> {
    state::save(store, &installed_name(slot), release)
}

fn installed_name(slot: Slot) -> String {
    format!("slot-{slot}.json")
}

/// To be called when the running slot was found good, at each such boot, and only then: from now on nothing of an earlier epoch is installed.
/// Doing it again changes nothing, not even where the next release is already on its way.
pub fn blessed(store: &dyn Store, slot: Slot, version: &Version) -> Result<(), state::Error> {
    let Some(release) = installed(store, slot)?.filter(|release| release.version == *version) else {
        return Ok(());
    };
    let mut standing = Standing::load(store)?;
    if standing.epoch < release.epoch {
        standing.epoch = release.epoch;
        standing.save(store)?;
    }
    let status: Status = state::load(store, STATUS)?.unwrap_or_default();
    match status.version == Some(version.to_string()) {
        true => state::save(store, STATUS, &Status::default()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Maker, image};
    use crate::state::{Folder, Phase};

    #[test]
    fn blessing_again_raises_the_epoch_and_leaves_the_next_update_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::new(folder.path());
        let release = Maker::new().release("1.1.0", &image(1, 1), |release| release.epoch = 7);
        save_installed(&store, Slot::B, &release).unwrap();
        let status = |version: &str| {
            let (phase, version) = (Phase::Activated, Some(version.to_owned()));
            state::save(&store, STATUS, &Status { phase, version, ..Status::default() }).unwrap();
            blessed(&store, Slot::B, &release.version).unwrap();
            state::load::<Status>(&store, STATUS).unwrap().unwrap().phase
        };
        assert_eq!(status("1.1.0"), Phase::Idle, "it has arrived");
        assert_eq!(Standing::load(&store).unwrap().epoch, 7);
        assert_eq!(status("1.2.0"), Phase::Activated, "that is the next one");
    }
}
