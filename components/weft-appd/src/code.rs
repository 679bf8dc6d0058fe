//! Compiled code of installed apps: made once on this device by `weft-compile`, sealed with a key of this device, and made again when it is
//! missing or refused. Apps of the system have theirs in the verified root image. The code of earlier versions and of apps that were removed
//! is dropped, the one that was used last the longest ago first, when it would take too much of the state partition.
//!
//! The device's key stays in this process: what compiler and runtime get is made from it for one module, so that who takes a runtime over
//! can seal no code for another app.

use crate::config::Config;
use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use weft_package::launch::{Launchable, Publisher};

/// The longest module.
const MAX_MODULE: u64 = 256 << 20;
const KEY_LEN: usize = 32;
/// Tells keys of modules from whatever else may once be made from the device's key.
const PURPOSE: &[u8] = b"weft compiled code of module ";

/// What code that nobody uses may take of its file system: one part of so many.
const SHARE: u64 = 8;

/// Why code can be neither found nor made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write below {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("cannot write the device's key")]
    Key(#[from] weft_file::Error),
    #[error("the device key {} is not {KEY_LEN} bytes long: remove it, and all apps are compiled anew", .0.display())]
    KeyLength(PathBuf),
}

/// Where a session's code is.
#[derive(Debug)]
pub enum Code {
    /// Where the runtime looks for it by itself.
    System,
    /// In a file that it is told, and opens with this key.
    Made { file: PathBuf, key: OwnedFd },
    /// To be made first.
    Missing(Making),
}

/// Code that is being made: written beside its place, and put there when it is whole.
#[derive(Debug)]
pub struct Making {
    file: PathBuf,
    /// Hash of the module, in hexadecimal digits.
    module: String,
    temporary: PathBuf,
    written: File,
}

/// Where the code of this package is.
pub fn find(config: &Config, launchable: &Launchable) -> Result<Code, Error> {
    let on_its_own =
        launchable.publisher == Publisher::System || std::env::var_os("WEFT_COMPILED_DIR").is_some();
    let Some(folder) = config.compiled.as_deref().filter(|_| !on_its_own) else {
        return Ok(Code::System);
    };
    let module = hash(&launchable.package.module())?;
    let file = folder.join(format!("{module}.cwasm"));
    if file.symlink_metadata().is_ok_and(|file| file.is_file()) {
        // Only its turn to be dropped depends on it.
        let _ = File::options().write(true).open(&file).and_then(|code| code.set_modified(SystemTime::now()));
        return Ok(Code::Made { file, key: key(&config.device_key, &module)? });
    }
    let write = |source| Error::Write { path: folder.to_owned(), source };
    std::fs::create_dir_all(folder).map_err(write)?;
    let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
    // One that an earlier start left is written over.
    let written = File::create(&temporary).map_err(write)?;
    Ok(Code::Missing(Making { file, module, temporary, written }))
}

/// Drops code until what is not in use takes no more than `room` bytes.
fn drop_unused(folder: &Path, room: u64, in_use: &BTreeSet<PathBuf>) -> io::Result<()> {
    let mut unused = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cwasm") && !in_use.contains(&path) {
            let facts = path.symlink_metadata()?;
            unused.push((facts.modified()?, facts.len(), path));
        }
    }
    unused.sort();
    let mut all: u64 = unused.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, bytes, path) in unused {
        if all <= room {
            break;
        }
        std::fs::remove_file(path)?;
        all -= bytes;
    }
    Ok(())
}

/// The key of a module's code: an HMAC-SHA-256 (RFC 2104) of the module's hash under the device's key.
fn key(device_key: &Path, module: &str) -> Result<OwnedFd, Error> {
    let device = device_secret(device_key)?;
    // A key of any length is right for an HMAC.
    let mac = Hmac::<Sha256>::new_from_slice(&device).map_err(|_| Error::KeyLength(device_key.to_owned()))?;
    let key = mac.chain_update(PURPOSE).chain_update(module).finalize().into_bytes();
    copy(&key).map_err(|source| Error::Read { path: device_key.to_owned(), source })
}

/// The device's key, made when it is first needed.
fn device_secret(path: &Path) -> Result<Vec<u8>, Error> {
    let read = |source: io::Error| Error::Read { path: path.to_owned(), source };
    if path.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        let mut bytes = [0; KEY_LEN];
        // So few bytes are never short (getrandom(2)), and the kernel's generator is seeded long before appd starts.
        let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::Write { path: folder.to_owned(), source })?;
        }
        weft_file::write_atomic(path, &bytes, 0o600)?;
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let mut bytes = Vec::new();
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(io::Error::from);
    opened.and_then(|key| File::from(key).take(KEY_LEN as u64 + 1).read_to_end(&mut bytes)).map_err(read)?;
    if bytes.len() != KEY_LEN {
        return Err(Error::KeyLength(path.to_owned()));
    }
    Ok(bytes)
}

/// In memory, for processes of other users, which could not open the file again through `/proc/self/fd`.
fn copy(key: &[u8]) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(rustix::fs::memfd_create("device-key", flags)?);
    file.write_all(key)?;
    file.rewind()?;
    let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
    rustix::fs::fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

fn hash(module: &Path) -> Result<String, Error> {
    let read = |source| Error::Read { path: module.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(module).and_then(|file| file.take(MAX_MODULE).read_to_end(&mut bytes)).map_err(read)?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Making {
    /// For the compiler to write to.
    pub fn output(&self) -> Result<OwnedFd, Error> {
        let copy = self.written.try_clone();
        copy.map(OwnedFd::from).map_err(|source| Error::Write { path: self.temporary.clone(), source })
    }

    /// What the compiler seals the code with.
    pub fn key(&self, config: &Config) -> Result<OwnedFd, Error> {
        key(&config.device_key, &self.module)
    }

    /// Where the code will be.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The compiler is done: from now on the code is there, and too much of what is not in use is not.
    pub fn finish(&self, in_use: &BTreeSet<PathBuf>) -> Result<(), Error> {
        let finish = || {
            self.written.sync_all()?;
            // Those who run it are other users.
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
            self.written.set_permissions(mode)?;
            std::fs::rename(&self.temporary, &self.file)
        };
        finish().map_err(|source| Error::Write { path: self.file.clone(), source })?;
        let folder = self.file.parent().unwrap_or(Path::new("/"));
        let room = rustix::fs::statvfs(folder).map(|system| system.f_blocks * system.f_frsize / SHARE);
        if let Err(error) = room.map_err(io::Error::from).and_then(|room| drop_unused(folder, room, in_use)) {
            tracing::warn!("cannot drop unused code in {}: {error}, ignoring", folder.display());
        }
        Ok(())
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        // It is gone when it was put in its place.
        let _ = std::fs::remove_file(&self.temporary);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn code_that_was_used_the_longest_ago_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        for (name, hours) in [
            ("used.cwasm", 20),
            ("oldest.cwasm", 9),
            ("older.cwasm", 8),
            ("old.cwasm", 7),
            ("device.key", 20),
        ] {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_len(1000).unwrap();
            file.set_modified(now - Duration::from_hours(hours)).unwrap();
        }
        let in_use = BTreeSet::from([folder.path().join("used.cwasm")]);
        let left = |room| {
            drop_unused(folder.path(), room, &in_use).unwrap();
            let names = std::fs::read_dir(folder.path()).unwrap();
            let mut names: Vec<_> =
                names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            names.sort();
            names
        };
        assert_eq!(left(3000).len(), 5, "there is room for all of it");
        assert_eq!(left(2500), ["device.key", "old.cwasm", "older.cwasm", "used.cwasm"]);
        assert_eq!(left(0), ["device.key", "used.cwasm"], "what is in use stays, however much it is");
    }

    #[test]
    fn each_module_has_a_key_of_its_own_and_none_is_the_devices() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("device-key");
        let key = |module: &str| {
            let mut bytes = Vec::new();
            File::from(key(&device, module).unwrap()).read_to_end(&mut bytes).unwrap();
            bytes
        };
        let (one, other) = (key("01"), key("02"));
        assert_eq!(one.len(), KEY_LEN);
        assert_eq!(one, key("01"), "code that was made can be opened again");
        assert_ne!(one, other);
        assert!(![one, other].contains(&std::fs::read(&device).unwrap()));
        std::fs::write(&device, [7; KEY_LEN]).unwrap();
        let elsewhere = key("01");
        std::fs::write(&device, [8; KEY_LEN]).unwrap();
        assert_ne!(elsewhere, key("01"), "another device has other keys");
    }
}
