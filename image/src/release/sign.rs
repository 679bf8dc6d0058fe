//! The signed metadata of a new state of a repository.

use super::repository::Metadata;
use super::roots::{SPECIFICATION, in_days};
use super::{Error, Keyring, runtime};
use jiff::Timestamp as Time;
use serde::Serialize;
use std::collections::HashMap;
use std::num::NonZeroU64;
use tough::editor::signed::SignedRole;
use tough::schema::{Hashes, KeyHolder, Metafile, Role, Root, Signed, Snapshot, Target, Targets, Timestamp};
use tough::{Repository, TargetName};

/// For how many days metadata is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Of the targets and the snapshot.
    pub targets: i64,
    /// Of the timestamp: how long a device may be held back on an old state of the repository without noticing.
    pub timestamp: i64,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { targets: 365, timestamp: 90 }
    }
}

/// Signs what a repository is to hold next. `targets` are all targets, or `None` to leave them, where their signatures and their lifetime
/// allow that, as they are: the keys of the targets need not be at hand then.
pub fn sign(
    root: &Root,
    ring: &Keyring,
    current: Option<&Repository>,
    targets: Option<HashMap<TargetName, Target>>,
    lifetimes: Lifetimes,
    now: Time,
) -> Result<Metadata, Error> {
    let kept = current.map(Repository::targets).filter(|signed| {
        targets.is_none() && root.verify_role(signed).is_ok() && signed.signed.expires > now
    });
    let targets = match kept {
        Some(_) => None,
        None => {
            let same = || current.map(|current| current.targets().signed.targets.clone()).unwrap_or_default();
            let version = next(current.map(|current| current.targets().signed.version));
            let mut role = Targets::new(SPECIFICATION.to_owned(), version, in_days(now, lifetimes.targets)?);
            role.targets = targets.unwrap_or_else(same);
            role.delegations = None;
            Some(signed(root, ring, role)?)
        }
    };
    let targets_file = match (&targets, current) {
        (None, Some(current)) => current.snapshot().signed.meta.get("targets.json").cloned(),
        (targets, _) => targets.as_ref().map(describe),
    };
    let version = next(current.map(|current| current.snapshot().signed.version));
    let mut snapshot = Snapshot::new(SPECIFICATION.to_owned(), version, in_days(now, lifetimes.targets)?);
    snapshot.meta.extend(targets_file.map(|file| ("targets.json".to_owned(), file)));
    let snapshot = signed(root, ring, snapshot)?;
    let version = next(current.map(|current| current.timestamp().signed.version));
    let mut timestamp = Timestamp::new(SPECIFICATION.to_owned(), version, in_days(now, lifetimes.timestamp)?);
    timestamp.meta.insert("snapshot.json".to_owned(), describe(&snapshot));
    let timestamp = signed(root, ring, timestamp)?;
    Ok(Metadata { targets, snapshot, timestamp })
}

fn next(version: Option<NonZeroU64>) -> NonZeroU64 {
    version.map_or(NonZeroU64::MIN, |version| version.saturating_add(1))
}

/// Signs with the keys at hand, and checks the result as a device would.
fn signed<T: Role + Serialize + Clone>(root: &Root, ring: &Keyring, role: T) -> Result<SignedRole<T>, Error> {
    let keys = ring.for_role(root, T::TYPE)?;
    let random = aws_lc_rs::rand::SystemRandom::new();
    let holder = KeyHolder::Root(root.clone());
    let signed = runtime()?
        .block_on(SignedRole::new(role, &holder, &keys, &random))
        .map_err(Error::tuf("sign the metadata"))?;
    let check: &Signed<T> = signed.signed();
    root.verify_role(check).map_err(Error::tuf("check the metadata"))?;
    Ok(signed)
}

/// What other metadata says of a role's file.
fn describe<T: Role + Serialize>(role: &SignedRole<T>) -> Metafile {
    Metafile {
        length: Some(*role.length()),
        hashes: Some(Hashes { sha256: role.sha256().to_vec().into(), _extra: HashMap::new() }),
        version: role.signed().signed.version(),
        _extra: HashMap::new(),
    }
}
