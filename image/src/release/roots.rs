//! The root of trust: which keys sign for which role, and how many of them must. Each version is signed by the keys of the version before it
//! and by its own, so that a device that knows any version can follow to the newest (TUF 1.0 section 5.3).

use super::{Error, Keyring, keys, runtime, write_whole};
use jiff::{Timestamp, ToSpan};
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tough::editor::signed::SignedRole;
use tough::schema::{KeyHolder, RoleKeys, RoleType, Root, Signed};

/// The version of the TUF specification that the metadata follows.
pub const SPECIFICATION: &str = "1.0.0";

/// The roles that have keys.
pub const ROLES: [RoleType; 4] = [RoleType::Root, RoleType::Targets, RoleType::Snapshot, RoleType::Timestamp];

/// How many keys a role has and how many of them must sign, written `role=2/3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSize {
    pub role: RoleType,
    pub threshold: NonZeroU64,
    pub keys: u64,
}

impl FromStr for RoleSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            format!(
                "{text:?} is not a role's size: write root=2/3 for two of three keys; roles: root, targets, snapshot, timestamp"
            )
        };
        let (name, numbers) = text.split_once('=').unwrap_or((text, "1/1"));
        let role = ROLES.into_iter().find(|role| role.to_string() == name).ok_or_else(wrong)?;
        let (threshold, keys) = numbers.split_once('/').ok_or_else(wrong)?;
        let threshold: NonZeroU64 = threshold.parse().map_err(|_| wrong())?;
        let keys: u64 = keys.parse().map_err(|_| wrong())?;
        if threshold.get() > keys || keys > 99 {
            return Err(wrong());
        }
        Ok(Self { role, threshold, keys })
    }
}

/// Makes keys for all roles in a folder, and the first version of the root metadata signed by them. Roles that are not named have one key.
pub fn create(folder: &Path, sizes: &[RoleSize], days: i64, now: Timestamp) -> Result<PathBuf, Error> {
    if let Some(path) = newest(folder)?.map(|(_, path)| path) {
        return Err(Error::KeysExist { path });
    }
    std::fs::create_dir_all(folder).map_err(|source| Error::File {
        action: "create",
        path: folder.to_owned(),
        source,
    })?;
    let mut root = Root {
        spec_version: SPECIFICATION.to_owned(),
        consistent_snapshot: true,
        version: NonZeroU64::MIN,
        expires: in_days(now, days)?,
        keys: HashMap::new(),
        roles: HashMap::new(),
        _extra: HashMap::new(),
    };
    for role in ROLES {
        let one = RoleSize { role, threshold: NonZeroU64::MIN, keys: 1 };
        give_keys(&mut root, folder, sizes.iter().find(|size| size.role == role).unwrap_or(&one))?;
    }
    let ring = Keyring::read(&[folder.to_owned()])?;
    sign(folder, root, None, &ring)
}

/// Makes new keys for a role in `folder`, or for none to renew the expiry alone, and the next version of the root metadata, signed by the keys
/// of the newest version and by its own. The keys that a role had before are worth nothing from then on.
pub fn rotate(
    folder: &Path,
    ring: &Keyring,
    size: Option<&RoleSize>,
    days: i64,
    now: Timestamp,
) -> Result<PathBuf, Error> {
    let (_, path) = newest(folder)?.ok_or_else(|| Error::NoRoot { folder: folder.to_owned() })?;
    let before = read(&path)?;
    // Who cannot sign the next version shall not have made keys for it.
    ring.for_role(&before.signed, RoleType::Root)?;
    let mut root = before.signed.clone();
    root.version = root.version.checked_add(1).ok_or_else(|| Error::Version { path: path.clone() })?;
    root.expires = in_days(now, days)?;
    let mut folders = ring.folders().to_vec();
    if let Some(size) = size {
        give_keys(&mut root, folder, size)?;
        folders.push(folder.to_owned());
    }
    folders.sort();
    folders.dedup();
    sign(folder, root, Some(&before), &Keyring::read(&folders)?)
}

/// All versions of the root metadata in a folder of keys, by version.
pub fn versions(folder: &Path) -> Result<BTreeMap<u64, PathBuf>, Error> {
    let error = |source| Error::File { action: "read", path: folder.to_owned(), source };
    let mut found = BTreeMap::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(found),
        entries => entries.map_err(error)?,
    };
    for entry in entries {
        let entry = entry.map_err(error)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(version) = name.strip_suffix(".root.json").and_then(|number| number.parse().ok()) {
            found.insert(version, entry.path());
        }
    }
    Ok(found)
}

/// The newest version in a folder of keys.
pub fn newest(folder: &Path) -> Result<Option<(u64, PathBuf)>, Error> {
    Ok(versions(folder)?.pop_last())
}

pub fn read(path: &Path) -> Result<Signed<Root>, Error> {
    let text = std::fs::read(path).map_err(|source| Error::File {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    serde_json::from_slice(&text).map_err(|source| Error::Json { path: path.to_owned(), source })
}

/// The time so many days from now.
pub fn in_days(now: Timestamp, days: i64) -> Result<Timestamp, Error> {
    // To the second: that is all that TUF's dates have.
    let whole = Timestamp::from_second(now.as_second()).and_then(|now| now.checked_add((days * 24).hours()));
    whole.map_err(|_| Error::Days { days })
}

/// Gives a role new keys in place of those it had, in files `<role>-<number>.pem` whose numbers go on.
fn give_keys(root: &mut Root, folder: &Path, size: &RoleSize) -> Result<(), Error> {
    let mut keyids = Vec::new();
    let mut number = 1;
    while (keyids.len() as u64) < size.keys {
        let path = folder.join(format!("{}-{number}.pem", size.role));
        number += 1;
        if path.exists() {
            continue;
        }
        let key = keys::generate(&path)?;
        let id = key.key_id().map_err(Error::tuf("identify the key"))?;
        root.keys.insert(id.clone(), key);
        keyids.push(id);
    }
    root.roles.insert(size.role, RoleKeys { keyids, threshold: size.threshold, _extra: HashMap::new() });
    let used: Vec<_> = root.roles.values().flat_map(|keys| keys.keyids.clone()).collect();
    root.keys.retain(|id, _| used.contains(id));
    Ok(())
}

/// Signs a version of the root metadata with its own keys and those of the version before, and writes it.
fn sign(folder: &Path, root: Root, before: Option<&Signed<Root>>, ring: &Keyring) -> Result<PathBuf, Error> {
    let random = aws_lc_rs::rand::SystemRandom::new();
    let version = root.version;
    let path = folder.join(format!("{version}.root.json"));
    let signed_by = |holder: &Root| {
        let keys = ring.for_role(holder, RoleType::Root)?;
        let holder = KeyHolder::Root(holder.clone());
        runtime()?
            .block_on(SignedRole::new(root.clone(), &holder, &keys, &random))
            .map_err(Error::tuf("sign the root metadata"))
    };
    let mut signed = signed_by(&root)?;
    if let Some(before) = before {
        let cross = signed_by(&before.signed)?.signed().signatures.clone();
        signed = signed.add_old_signatures(cross).map_err(Error::tuf("sign the root metadata"))?;
        before.signed.verify_role(signed.signed()).map_err(Error::tuf("check the root metadata"))?;
    }
    root.verify_role(signed.signed()).map_err(Error::tuf("check the root metadata"))?;
    write_whole(&path, signed.buffer())?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_of_roles_are_written_as_two_of_three() {
        let size: RoleSize = "root=2/3".parse().unwrap();
        assert_eq!((size.role, size.threshold.get(), size.keys), (RoleType::Root, 2, 3));
        assert_eq!("targets".parse::<RoleSize>().unwrap().keys, 1);
        for wrong in ["mirror=1/1", "root=3/2", "root=0/1", "root=1", "root=1/100", "root=a/b", ""] {
            assert!(wrong.parse::<RoleSize>().unwrap_err().contains("root=2/3"), "{wrong}");
        }
    }
}
