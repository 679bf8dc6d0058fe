//! An image with what vouches for it, opened once and read once.

use crate::{Error, Places};
use rustix::fs::{FileType, Mode, OFlags, fstat};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use weft_package::TrustStore;
use weft_package::image::{ImageFiles, SignedRootHash};
use weft_verity::{BLOCK_SIZE, Digest, Geometry, Superblock};

/// The longest text of a root hash or a signature, in bytes.
const MAX_TEXT: u64 = 1024;

/// An image that a trusted key vouches for. Its blocks were not read: the kernel does that.
#[derive(Debug)]
pub struct Image {
    pub path: PathBuf,
    pub data: File,
    pub hashes: File,
    pub root_hash: Digest,
    pub superblock: Superblock,
    /// The public key, in hexadecimal digits.
    pub publisher: String,
}

impl Image {
    /// Opens an image of a store and checks its signature.
    pub fn open(places: &Places, path: &Path) -> Result<Self, Error> {
        let (store, relative) = places.find_image(path)?;
        let open = |file: &Path| open_file(store.as_fd(), file, path);
        let files = ImageFiles::beside(relative);
        let data = open(&files.image)?;
        let text = |file: &Path| match open(file) {
            Err(Error::Open { cause: rustix::io::Errno::NOENT, .. }) => {
                Err(Error::NotSigned(path.to_owned()))
            }
            opened => read_text(opened?, path),
        };
        let signed = SignedRootHash::parse(&text(&files.root_hash)?, &text(&files.signature)?)
            .ok_or_else(|| Error::NotSigned(path.to_owned()))?;
        let trusted = TrustStore::read(&places.trusted_keys);
        let (key, root_hash) = signed
            .verified(trusted.keys())
            .ok_or_else(|| Error::Untrusted(path.to_owned(), trusted.describe()))?;
        let hashes = open(&files.hash)?;
        let superblock =
            read_superblock(&hashes, &path.with_file_name(files.hash.file_name().unwrap_or_default()))?;
        let image =
            Self { path: path.to_owned(), publisher: key.to_hex(), data, hashes, root_hash, superblock };
        image.check_lengths()?;
        Ok(image)
    }

    /// The devices must hold what the table says that they hold.
    fn check_lengths(&self) -> Result<(), Error> {
        let geometry = Geometry::new(self.superblock.data_blocks);
        let data = self.superblock.data_blocks.saturating_mul(BLOCK_SIZE as u64);
        for (file, expected) in [(&self.data, data), (&self.hashes, geometry.hash_device_bytes())] {
            let found =
                file.metadata().map_err(|cause| Error::Read { path: self.path.clone(), cause })?.len();
            if found != expected || found == 0 {
                return Err(Error::Length { path: self.path.clone(), found, expected });
            }
        }
        Ok(())
    }
}

fn open_file(store: BorrowedFd<'_>, file: &Path, image: &Path) -> Result<File, Error> {
    let path = || image.with_file_name(file.file_name().unwrap_or_default());
    let failed = |cause| Error::Open { path: path(), cause };
    let fd = weft_file::open_beneath(store, file, OFlags::RDONLY, Mode::empty()).map_err(failed)?;
    match FileType::from_raw_mode(fstat(&fd).map_err(failed)?.st_mode) {
        FileType::RegularFile => Ok(fd.into()),
        _ => Err(Error::NotAFile(path())),
    }
}

fn read_text(file: File, image: &Path) -> Result<String, Error> {
    let mut text = String::new();
    match file.take(MAX_TEXT).read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Ok(String::new()),
        Err(cause) => Err(Error::Read { path: image.to_owned(), cause }),
    }
}

fn read_superblock(hashes: &File, path: &Path) -> Result<Superblock, Error> {
    let mut block = Vec::new();
    hashes
        .take(BLOCK_SIZE as u64)
        .read_to_end(&mut block)
        .map_err(|cause| Error::Read { path: path.to_owned(), cause })?;
    let superblock =
        Superblock::from_block(&block).map_err(|cause| Error::Superblock { path: path.to_owned(), cause })?;
    // Beyond what any file can have, the arithmetic on it would overflow.
    match superblock.data_blocks {
        1..=0xffff_ffff => Ok(superblock),
        blocks => Err(Error::Length { path: path.to_owned(), found: 0, expected: blocks }),
    }
}

#[cfg(test)]
mod tests;
