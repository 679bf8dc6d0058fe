//! `signature.sig`: a publisher's Ed25519 signature over every other file of a package.

use crate::hex;
use crate::inventory::{self, Inventory, SIGNATURE_NAME};
use crate::key::{PublicKey, SecretKey};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest signature file, in bytes.
const MAX_FILE: u64 = 1024;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Inventory(#[from] inventory::Error),
    #[error("{} is not signed: sign it with `weft-pack sign`", .0.display())]
    NotSigned(PathBuf),
    #[error("{} is not a signature: it has 128 lower-case hexadecimal digits and nothing else", .0.display())]
    Format(PathBuf),
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write the signature")]
    Write(#[source] weft_file::Error),
    #[error(
        "the signature of {} is not the one of {key}: a file was changed, added or removed after signing, or somebody else signed it",
        folder.display()
    )]
    Wrong { folder: PathBuf, key: String },
    #[error("the signature of {} is of no trusted publisher, or a file was changed after signing: sign it again, or put the publisher's .pub file into {keys}", folder.display())]
    Untrusted { folder: PathBuf, keys: String },
}

impl Error {
    /// The same about a package that was only unpacked where it was looked at.
    pub fn of(self, package: &Path) -> Self {
        match self {
            Self::NotSigned(_) => Self::NotSigned(package.to_owned()),
            Self::Format(_) => Self::Format(package.join(SIGNATURE_NAME)),
            Self::Wrong { key, .. } => Self::Wrong { folder: package.to_owned(), key },
            other => other,
        }
    }
}

/// Signs a package folder and writes its `signature.sig`.
pub fn sign(folder: &Path, key: &SecretKey) -> Result<(), Error> {
    let digest = Inventory::of_folder(folder)?.signed_digest();
    let text = format!("{}\n", hex::encode(&key.sign(&digest)));
    weft_file::write_atomic(&folder.join(SIGNATURE_NAME), text.as_bytes(), 0o644).map_err(Error::Write)
}

/// Whether `folder` is signed by this key, as its inventory was just read.
pub fn verify(folder: &Path, inventory: &Inventory, key: &PublicKey) -> Result<(), Error> {
    let signature = read(folder, inventory)?;
    if key.verifies(&inventory.signed_digest(), &signature) {
        return Ok(());
    }
    Err(Error::Wrong { folder: folder.to_owned(), key: key.to_hex() })
}

/// Which of the keys signed `folder`.
pub fn find_signer<'a>(
    folder: &Path,
    inventory: &Inventory,
    keys: &'a [PublicKey],
) -> Result<Option<&'a PublicKey>, Error> {
    let signature = read(folder, inventory)?;
    let digest = inventory.signed_digest();
    Ok(keys.iter().find(|key| key.verifies(&digest, &signature)))
}

fn read(folder: &Path, inventory: &Inventory) -> Result<[u8; 64], Error> {
    let path = folder.join(SIGNATURE_NAME);
    if inventory.get(SIGNATURE_NAME).is_none() {
        return Err(Error::NotSigned(folder.to_owned()));
    }
    parse(&path)
}

/// Reads a signature file.
pub(crate) fn parse(path: &Path) -> Result<[u8; 64], Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut text = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_FILE).read_to_end(&mut text).map_err(failed)?;
    let text = std::str::from_utf8(&text).unwrap_or_default();
    hex::decode(text.trim_end_matches(['\n', '\r'])).ok_or_else(|| Error::Format(path.to_owned()))
}
