//! The files beside an image, and what they prove.

use super::Error;
use crate::hex;
use crate::inventory::Digest;
use crate::key::PublicKey;
use crate::limits::MAX_BYTES;
use crate::signature;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use weft_verity::{BLOCK_SIZE, Superblock, Verified};

/// Signed before the root hash's 32 bytes, so that no signature over something else fits.
pub const ROOT_HASH_DOMAIN: &[u8] = b"weft package image root hash v1\0";

/// An image and its companions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageFiles {
    pub image: PathBuf,
    pub hash: PathBuf,
    pub root_hash: PathBuf,
    pub signature: PathBuf,
}

/// What the kernel is told about an image: the table of its dm-verity device
/// (Documentation/admin-guide/device-mapper/verity.rst). Hash blocks start at block 1 of the hash file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verity {
    pub root_hash: Digest,
    pub salt: Vec<u8>,
    pub data_blocks: u64,
    /// The blocks after the superblock.
    tree: Vec<u8>,
}

impl ImageFiles {
    /// `<stem>.hash`, `<stem>.roothash` and `<stem>.roothash.sig` next to `<stem>.img`.
    pub fn beside(image: &Path) -> Self {
        let with = |extension: &str| image.with_extension(extension);
        Self {
            image: image.to_owned(),
            hash: with("hash"),
            root_hash: with("roothash"),
            signature: with("roothash.sig"),
        }
    }

    /// All of them; the signature may be missing.
    pub(crate) fn all(&self) -> [&Path; 4] {
        [&self.image, &self.hash, &self.root_hash, &self.signature]
    }

    /// The root hash as it stands beside the image: worth what vouches for it.
    pub fn root_hash(&self) -> Result<Digest, Error> {
        let text = String::from_utf8(self.companion(&self.root_hash, 1024)?).unwrap_or_default();
        hex::decode(text.trim_end_matches(['\n', '\r']))
            .ok_or_else(|| Error::RootHash(self.root_hash.clone()))
    }

    /// Which of the keys signed the root hash. The image itself is not read: that is the kernel's part, block by block.
    pub fn signer<'a>(&self, keys: &'a [PublicKey]) -> Result<&'a PublicKey, Error> {
        let message = message(&self.root_hash()?);
        if !self.signature.exists() {
            return Err(Error::Missing(self.signature.clone()));
        }
        let signature = signature::parse(&self.signature)?;
        let signer = keys.iter().find(|key| key.verifies(&message, &signature));
        signer.ok_or_else(|| Error::Untrusted(self.image.clone()))
    }

    /// The table of the image, from its superblock and root hash.
    pub fn verity(&self) -> Result<Verity, Error> {
        let root_hash = self.root_hash()?;
        let wrong = |reason: String| Error::Tree { path: self.hash.clone(), reason };
        let mut device = self.companion(&self.hash, MAX_BYTES / 64)?;
        if device.len() < BLOCK_SIZE {
            return Err(wrong("it is shorter than a block".to_owned()));
        }
        let tree = device.split_off(BLOCK_SIZE);
        let superblock = Superblock::from_block(&device).map_err(|error| wrong(error.to_string()))?;
        Ok(Verity { root_hash, salt: superblock.salt, data_blocks: superblock.data_blocks, tree })
    }

    fn companion(&self, path: &Path, most: u64) -> Result<Vec<u8>, Error> {
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Error::Missing(path.to_owned())),
            Err(source) => return Err(failed(source)),
        };
        let mut bytes = Vec::new();
        file.take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > most {
            return Err(Error::TooLarge(path.to_owned()));
        }
        Ok(bytes)
    }
}

impl Verity {
    /// Checks every block of the image, as the kernel does for those that are read.
    pub fn check(&self, files: &ImageFiles, image: &[u8]) -> Result<(), Error> {
        let wrong = |reason: String| Error::Tree { path: files.hash.clone(), reason };
        if self.data_blocks * BLOCK_SIZE as u64 != image.len() as u64 {
            return Err(wrong(format!(
                "it is over {} blocks, and the image has another size",
                self.data_blocks
            )));
        }
        match weft_verity::verify(image, &self.tree, &self.root_hash, &self.salt) {
            Ok(Verified::Good) => Ok(()),
            Ok(Verified::BadTree) => Err(wrong("the root hash is of another tree".to_owned())),
            Ok(Verified::BadBlock(block)) => Err(Error::Block { image: files.image.clone(), block }),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}

/// What is signed.
pub(super) fn message(root_hash: &Digest) -> Vec<u8> {
    [ROOT_HASH_DOMAIN, root_hash].concat()
}
