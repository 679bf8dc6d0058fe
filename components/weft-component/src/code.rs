//! Compiled code as a file that only this device can have made.
//!
//! Wasmtime runs what it is given: whoever can change compiled code can run anything as the session's process. Code of the verified root
//! image needs no more protection; code that was compiled on the device carries an HMAC-SHA-256 (RFC 2104) under the device's key over
//! the engine's version, the module's hash and the code. The layout, all of it covered but the tag itself:
//!
//! | offset | length | content |
//! |---|---|---|
//! | 0 | 8 | `weftcode` |
//! | 8 | 24 | version of Wasmtime, padded with zeros |
//! | 32 | 32 | SHA-256 of the module |
//! | 64 | 32 | HMAC-SHA-256 |
//! | 96 | rest | what Wasmtime serialised |

use crate::WASMTIME;
use hmac::{Hmac, KeyInit, Mac};
use rustix::fs::{Mode, OFlags};
use sha2::Sha256;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"weftcode";
const TAG: usize = 64;
/// Where the code begins.
pub const HEADER: usize = 96;
/// The longest file of code, in bytes.
const MAX_CODE: u64 = 1 << 30;
const KEY_LEN: usize = 32;

/// Why compiled code is not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the device key {} is not {KEY_LEN} bytes long", .0.display())]
    Key(PathBuf),
    #[error("the compiled code {} is not code of this system: compile the app again", .0.display())]
    Foreign(PathBuf),
    #[error("the compiled code {} is for another version of Wasmtime than {WASMTIME}: compile the app again", .0.display())]
    OtherEngine(PathBuf),
    #[error("the compiled code {} belongs to another module than the app's: compile the app again", .0.display())]
    OtherModule(PathBuf),
    #[error("the compiled code {} was not made by this device, or was changed since: compile the app again", .0.display())]
    Tampered(PathBuf),
}

/// The device's key.
pub struct Key([u8; KEY_LEN]);

impl Key {
    /// Reads 32 bytes.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = read(path, KEY_LEN as u64 + 1)?;
        bytes.try_into().map(Self).map_err(|_| Error::Key(path.to_owned()))
    }

    /// Reads 32 bytes of an inherited descriptor, which errors call `name`.
    pub fn take(descriptor: OwnedFd, name: &str) -> Result<Self, Error> {
        let mut key = [0; KEY_LEN];
        File::from(descriptor).read_exact(&mut key).map_err(|_| Error::Key(name.into()))?;
        Ok(Self(key))
    }

    /// From memory.
    pub fn new(bytes: [u8; KEY_LEN]) -> Self {
        Self(bytes)
    }

    fn mac(&self, header: &[u8], code: &[u8]) -> Option<Hmac<Sha256>> {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).ok()?;
        Some(mac.chain_update(header).chain_update(code))
    }
}

/// The file's contents for a module's code.
pub fn seal(key: &Key, module: &[u8; 32], code: &[u8]) -> Vec<u8> {
    let mut file = header(module);
    // A key of any length is right for an HMAC, so there always is a tag.
    let tag = key.mac(&file, code).map(|mac| mac.finalize().into_bytes()).unwrap_or_default();
    file.extend_from_slice(&tag);
    file.extend_from_slice(code);
    file
}

fn header(module: &[u8; 32]) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend_from_slice(WASMTIME.as_bytes());
    header.resize(32, 0);
    header.extend_from_slice(module);
    header
}

/// Reads the file once into memory of this process and checks it there; the code is everything from [`HEADER`] on.
pub fn open(path: &Path, key: &Key, module: &[u8; 32]) -> Result<Vec<u8>, Error> {
    let file = read(path, MAX_CODE)?;
    check(&file, path, key, module)?;
    Ok(file)
}

fn check(file: &[u8], path: &Path, key: &Key, module: &[u8; 32]) -> Result<(), Error> {
    let expected = header(module);
    let path = || path.to_owned();
    let (Some(found), Some(tag), Some(code)) = (file.get(..TAG), file.get(TAG..HEADER), file.get(HEADER..))
    else {
        return Err(Error::Foreign(path()));
    };
    if found.get(..8) != expected.get(..8) {
        return Err(Error::Foreign(path()));
    }
    if found.get(8..32) != expected.get(8..32) {
        return Err(Error::OtherEngine(path()));
    }
    if found.get(32..) != expected.get(32..) {
        return Err(Error::OtherModule(path()));
    }
    // In constant time.
    let right = key.mac(found, code).is_some_and(|mac| mac.verify_slice(tag).is_ok());
    if right { Ok(()) } else { Err(Error::Tampered(path())) }
}

/// Reads a plain file, never through a link.
fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut bytes = Vec::new();
    rustix::fs::open(path, flags, Mode::empty())
        .map_err(std::io::Error::from)
        .map(File::from)
        .and_then(|file| {
            let length = file.metadata()?.len().min(limit);
            bytes.reserve_exact(usize::try_from(length).unwrap_or_default());
            file.take(limit).read_to_end(&mut bytes)
        })
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODULE: [u8; 32] = [7; 32];

    fn verdict(file: &[u8], key: u8, module: [u8; 32]) -> Result<(), Error> {
        check(file, Path::new("x.cwasm"), &Key::new([key; 32]), &module)
    }

    #[test]
    fn only_what_this_key_sealed_for_this_module_is_taken() {
        let file = seal(&Key::new([1; 32]), &MODULE, b"code");
        verdict(&file, 1, MODULE).unwrap();
        assert_eq!(&file[HEADER..], b"code");
        assert!(matches!(verdict(&file, 2, MODULE), Err(Error::Tampered(_))));
        assert!(matches!(verdict(&file, 1, [8; 32]), Err(Error::OtherModule(_))));
        let mut old = file.clone();
        old[8] = b'1';
        assert!(matches!(verdict(&old, 1, MODULE), Err(Error::OtherEngine(_))));
    }

    #[test]
    fn every_single_flipped_bit_and_every_cut_is_refused() {
        let file = seal(&Key::new([1; 32]), &MODULE, b"code");
        for bit in 0..file.len() * 8 {
            let mut flipped = file.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(verdict(&flipped, 1, MODULE).is_err(), "bit {bit}");
        }
        for length in 0..file.len() {
            assert!(verdict(&file[..length], 1, MODULE).is_err(), "length {length}");
        }
        assert!(verdict(&[&file[..], b"x"].concat(), 1, MODULE).is_err());
    }
}
