//! The publishers' keys that an image trusts: whose apps its device installs and launches.

use super::{Error as StageError, read_file};
use crate::profile::Profile;
use crate::rootfs_tree::{self, Tree};
use std::path::{Path, PathBuf};

/// Where the device looks for them (`weft-package`).
const FOLDER: &str = "etc/weft/trusted-keys";
/// What names of keys end in; the device takes files of other names for no keys.
const EXTENSION: &str = "pub";
/// Hexadecimal digits of an Ed25519 public key (RFC 8032 section 5.1.5).
const DIGITS: usize = 64;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Tree(#[from] rootfs_tree::Error),
    #[error("the profile {profile} trusts {path}, which does not exist: correct `trusted_keys`")]
    Missing { profile: String, path: PathBuf },
    #[error(
        "the profile {profile} trusts {path}, whose name does not end in .pub: name the public half of the pair in `trusted_keys`"
    )]
    Name { profile: String, path: PathBuf },
    #[error(
        "the profile {profile} trusts {path}, which is no public key: it has {DIGITS} lower-case hexadecimal digits and nothing else, as `weft-pack generate-key` writes it"
    )]
    Format { profile: String, path: PathBuf },
    #[error(
        "the profile {profile} trusts two keys in files named {name}: give one of the files another name"
    )]
    SameName { profile: String, name: String },
}

/// Checks the keys of the profile, before anything is built.
pub fn check(checkout: &Path, profile: &Profile) -> Result<(), Error> {
    let mut names = Vec::new();
    for key in &profile.trusted_keys {
        let (profile, path) = (profile.name.clone(), checkout.join(key));
        if !path.is_file() {
            return Err(Error::Missing { profile, path });
        }
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            return Err(Error::Name { profile, path });
        }
        let text = read_file(&path)?;
        let digits = text.strip_suffix(b"\n").unwrap_or(&text);
        if digits.len() != DIGITS || !digits.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(Error::Format { profile, path });
        }
        let name = name(key);
        if names.contains(&name) {
            return Err(Error::SameName { profile, name });
        }
        names.push(name);
    }
    Ok(())
}

/// Puts the keys of the profile where the device looks for them.
pub fn install(tree: &mut Tree, checkout: &Path, profile: &Profile) -> Result<(), Error> {
    for key in &profile.trusted_keys {
        tree.copy(&checkout.join(key), &format!("{FOLDER}/{}", name(key)), "profile: trusted_keys")?;
    }
    Ok(())
}

fn name(key: &str) -> String {
    Path::new(key).file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = "description = 'x'\n[sizes]\nesp = 64\nroot = 32\nstate = 64\n";

    fn checkout(keys: &str, files: &[(&str, &str)]) -> (tempfile::TempDir, Profile) {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("image/profiles/kiosk.toml", &format!("trusted_keys = {keys}\n{PROFILE}"));
        files.iter().for_each(|(name, text)| write(name, text));
        let profile = Profile::read(folder.path(), "kiosk").unwrap();
        (folder, profile)
    }

    #[test]
    fn keys_are_where_the_device_looks_for_them() {
        let key = format!("{}\n", "0f".repeat(32));
        let (folder, profile) = checkout("['keys/shop.pub']", &[("keys/shop.pub", &key)]);
        check(folder.path(), &profile).unwrap();
        let root = folder.path().join("root");
        let mut tree = Tree::new(&root).unwrap();
        install(&mut tree, folder.path(), &profile).unwrap();
        assert_eq!(std::fs::read_to_string(root.join("etc/weft/trusted-keys/shop.pub")).unwrap(), key);
        assert!(tree.finish().unwrap().contains("profile: trusted_keys"));
    }

    #[test]
    fn what_is_no_key_is_named_with_what_to_do() {
        let good = "0f".repeat(32);
        for (keys, text, said) in [
            ("['keys/gone.pub']", good.as_str(), "gone.pub, which does not exist"),
            ("['keys']", &good, "which does not exist"),
            ("['keys/shop.key']", &good, "does not end in .pub"),
            ("['keys/shop.pub']", "0F", "64 lower-case hexadecimal digits"),
            ("['keys/shop.pub']", &good.to_uppercase(), "64 lower-case hexadecimal digits"),
            ("['keys/shop.pub']", &format!("{good}\n\n"), "64 lower-case hexadecimal digits"),
            ("['keys/shop.pub', 'other/shop.pub']", &good, "two keys in files named shop.pub"),
        ] {
            let files = ["keys/shop.pub", "keys/shop.key", "other/shop.pub"].map(|name| (name, text));
            let (folder, profile) = checkout(keys, &files);
            let error = check(folder.path(), &profile).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("profile kiosk"), "{keys}: {error}");
        }
    }
}
