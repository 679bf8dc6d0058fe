//! The dm-verity tree over the root image, and the parity over both.

use super::erofs::Erofs;
use super::{Context, Error as StageError, read_file, write_file};
use crate::key::{Key, hex};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use weft_verity::{BLOCK_SIZE, Digest, Geometry, Superblock};

/// One salt for all releases: the leaves of two trees then compare, which is what a delta update needs.
pub const SALT: [u8; 32] = *b"WEFT OS dm-verity salt, fixed v1";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error("cannot build the verity tree over {path}")]
    Tree { path: PathBuf, source: weft_verity::Error },
    #[error("cannot write the verity superblock")]
    Superblock(#[from] weft_verity::SuperblockError),
}

/// The hash device and what the kernel must know about it.
#[derive(Clone, Debug)]
pub struct Verity {
    /// Superblock, tree and parity.
    pub hash_device: PathBuf,
    /// Hex.
    pub root_hash: String,
    /// Hex.
    pub salt: String,
    pub data_blocks: u64,
    pub key: String,
}

pub fn build(context: &Context<'_>, erofs: &Erofs) -> Result<Verity, Error> {
    let key = Key::new("verity 2").text("erofs", &erofs.key).bytes("salt", &SALT).finish();
    let folder = context.cheap_output("verity", &key, |_, output| {
        let (root, device) = hash_device(&erofs.image)?;
        write_file(&output.join("root.verity"), device)?;
        Ok::<(), Error>(write_file(&output.join("roothash"), hex(&root))?)
    })?;
    let root_hash = String::from_utf8_lossy(&read_file(&folder.join("roothash"))?).into_owned();
    let hash_device = folder.join("root.verity");
    let superblock = Superblock::from_block(&read_file(&hash_device)?)?;
    Ok(Verity { hash_device, root_hash, salt: hex(&SALT), data_blocks: superblock.data_blocks, key })
}

/// Root hash and hash device, which is superblock, tree and parity, of an image.
pub fn hash_device(image: &Path) -> Result<(Digest, Vec<u8>), Error> {
    let path = || image.to_owned();
    let read = |source| StageError::Read { path: path(), source };
    let open = || File::open(image).map_err(read);
    let data = || open().map(|file| BufReader::with_capacity(1 << 20, file));
    let tree_error = |source| Error::Tree { path: path(), source };
    let data_blocks = open()?.metadata().map_err(read)?.len().div_ceil(BLOCK_SIZE as u64);
    let (root, tree) = weft_verity::build(data()?, &SALT).map_err(tree_error)?;
    let parity = weft_verity::parity(&Geometry::new(data_blocks), data()?, &tree).map_err(tree_error)?;
    let mut uuid = [0; 16];
    uuid.copy_from_slice(&root[..16]);
    let mut device = Superblock { uuid, data_blocks, salt: SALT.to_vec() }.to_block()?;
    device.extend(tree);
    device.extend(parity);
    Ok((root, device))
}
