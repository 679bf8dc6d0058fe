//! A repository with one release, made as `cargo weft release` makes it, from the tree of the old one.

use super::change::Change;
use super::{Parts, Result, empty, read, write};
use crate::bench::Error;
use crate::key::hex;
use crate::release::{self, Contents, Keyring, Lifetimes, Repository, Terms, publish, roots};
use crate::stages::verity::{self, SALT, Verity};
use crate::stages::{erofs, uki};
use crate::vm::file_error;
use jiff::Timestamp;
use semver::Version;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use weft_release::Slot;

/// For how long the keys of a measurement are good.
const DAYS: i64 = 2;

pub struct Maker<'a> {
    parts: &'a Parts,
    folder: PathBuf,
    version: Version,
    next: Version,
}

/// A release that is published.
#[derive(Debug)]
pub struct Made {
    pub repository: PathBuf,
    pub root: PathBuf,
    /// The kernel image of the slot that a device in slot a takes.
    pub uki: PathBuf,
    pub stand_in: Option<String>,
}

impl<'a> Maker<'a> {
    pub fn new(parts: &'a Parts, folder: &Path) -> Result<Self> {
        empty(folder)?;
        let version: Version = parts.built.info.version.parse()?;
        let next = Version::new(version.major, version.minor, version.patch + 1);
        let maker = Self { parts, folder: folder.to_owned(), version, next };
        roots::create(&maker.keys(), &[], DAYS, Timestamp::now()).map_err(Error::release)?;
        Ok(maker)
    }

    fn keys(&self) -> PathBuf {
        self.folder.join("keys")
    }

    /// The root of trust of what is made here.
    pub fn root(&self) -> PathBuf {
        self.keys().join("1.root.json")
    }

    /// Makes the release of a change, over the one that was made before.
    pub fn make(&self, change: Change) -> Result<Made> {
        let file = |name: &str| self.folder.join(name);
        let (tree, root, repository) = (file("tree"), file("root.erofs"), file("repository"));
        empty(&tree)?;
        copy_tree(&self.parts.built.root, &tree)?;
        self.say_version(&tree)?;
        let made = change.make(self.parts, &tree)?;
        remove(&root)?;
        self.pack(&tree, &root)?;
        empty(&tree)?;
        let (root_hash, device) = verity::hash_device(&root).map_err(Error::release)?;
        write(&file("root.verity"), &device)?;
        let verity = Verity {
            hash_device: file("root.verity"),
            root_hash: hex(&root_hash),
            salt: hex(&SALT),
            data_blocks: length(&root)? / weft_verity::BLOCK_SIZE as u64,
            key: String::new(),
        };
        let uki = |slot, path: PathBuf| -> Result<PathBuf> {
            let line = uki::command_line(&verity, slot);
            let image = uki::assemble(&self.parts.built.tools, &made.kernel, &line, &self.next);
            write(&path, image.map_err(Error::release)?)?;
            Ok(path)
        };
        let (uki_a, uki_b) = (uki(Slot::A, file("uki-a.efi"))?, uki(Slot::B, file("uki-b.efi"))?);
        let text = |path: PathBuf| write(&path, "").map(|()| path);
        let contents = Contents {
            product: weft_release::product(&self.parts.built.info.profile),
            version: self.next.clone(),
            state_format: weft_state::format::OWN,
            root_hash,
            salt: SALT.to_vec(),
            root: root.clone(),
            verity: verity.hash_device.clone(),
            uki_a,
            uki_b: uki_b.clone(),
            sbom: text(file("sbom.cdx.json"))?,
            notes: text(file("notes.md"))?,
        };
        empty(&repository)?;
        self.publish(&repository, &contents).map_err(Error::release)?;
        Ok(Made { repository, root, uki: uki_b, stand_in: made.stand_in })
    }

    fn publish(&self, folder: &Path, contents: &Contents) -> std::result::Result<(), release::Error> {
        let ring = Keyring::read(&[self.keys()])?;
        let (repository, terms, now) = (Repository::open(folder)?, Terms::default(), Timestamp::now());
        publish(&repository, &ring, contents, &terms, Lifetimes::default(), now).map(drop)
    }

    fn say_version(&self, tree: &Path) -> Result<()> {
        let path = tree.join("etc/os-release");
        let text = String::from_utf8_lossy(&read(&path)?).into_owned();
        write(&path, text.replace(&self.version.to_string(), &self.next.to_string()))
    }

    fn pack(&self, tree: &Path, image: &Path) -> Result<()> {
        let output = erofs::packing(&self.parts.built.tools, tree, image).output().map_err(Error::Process)?;
        match output.status.success() {
            true => Ok(()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                Err(Error::Program { program: "mkfs.erofs", said })
            }
        }
    }
}

/// Copies a tree with its links and modes.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).map_err(file_error("read", from))? {
        let entry = entry.map_err(file_error("read", from))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(file_error("read", &path))?;
        let copied = if kind.is_symlink() {
            fs::read_link(&path).and_then(|target| symlink(target, &place))
        } else if kind.is_dir() {
            fs::create_dir(&place).map_err(file_error("create", &place))?;
            copy_tree(&path, &place)?;
            fs::metadata(&path).and_then(|folder| {
                fs::set_permissions(&place, Permissions::from_mode(folder.permissions().mode()))
            })
        } else {
            fs::copy(&path, &place).map(drop)
        };
        copied.map_err(file_error("copy", &path))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(file_error("remove", path)(error).into())
        }
        _ => Ok(()),
    }
}

fn length(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).map_err(file_error("read", path))?.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_copied_with_links_and_modes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("usr/bin")).unwrap();
        fs::create_dir(&to).unwrap();
        fs::write(from.join("usr/bin/x"), "program").unwrap();
        fs::set_permissions(from.join("usr/bin/x"), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(from.join("usr"), Permissions::from_mode(0o711)).unwrap();
        symlink("usr/bin", from.join("bin")).unwrap();
        copy_tree(&from, &to).unwrap();
        let mode = |path: &str| fs::metadata(to.join(path)).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode("usr/bin/x"), mode("usr")), (0o755, 0o711));
        assert_eq!(fs::read_link(to.join("bin")).unwrap(), Path::new("usr/bin"));
        assert_eq!(fs::read(to.join("bin/x")).unwrap(), b"program");
    }
}
