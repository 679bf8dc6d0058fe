//! `<id>.app.img`: a package as an EROFS image, with the files that let a kernel check every block of it.
//!
//! | file | contents |
//! |---|---|
//! | `<id>.app.img` | EROFS, blocks of 4096 bytes |
//! | `<id>.app.hash` | dm-verity superblock and tree, as `veritysetup format` writes them |
//! | `<id>.app.roothash` | the tree's root hash, 64 hexadecimal digits |
//! | `<id>.app.roothash.sig` | Ed25519 signature over [`ROOT_HASH_DOMAIN`] and the root hash, 128 hexadecimal digits; only of a signed one |
//!
//! `veritysetup verify <id>.app.img <id>.app.hash $(cat <id>.app.roothash)` and `fsck.erofs <id>.app.img` accept them.

mod build;
mod erofs;
mod files;
mod signed;

pub use build::build;
pub use erofs::{Tree, unpack_from};
pub use files::{ImageFiles, ROOT_HASH_DOMAIN, Verity};
pub use signed::SignedRootHash;

use crate::disk::{self, Disk};
use crate::limits::MAX_BYTES;
use crate::{bounds, inventory, key, signature};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use weft_manifest::{MANIFEST_NAME, Manifest};

/// What images of packages are named by after the id.
pub const SUFFIX: &str = ".app.img";
/// The superblock's magic number and where it stands, from the kernel's `fs/erofs/erofs_fs.h` as documented in
/// Documentation/filesystems/erofs.rst.
pub const MAGIC: u32 = 0xe0f5_e1e2;
pub const MAGIC_AT: u64 = 1024;

/// The longest manifest, in bytes.
const MAX_MANIFEST: u64 = 64 << 10;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("{} is over {} MiB", .0.display(), MAX_BYTES >> 20)]
    TooLarge(PathBuf),
    #[error("{} is no EROFS image, or a damaged one: {reason}", path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("{}: `{entry}` {fault}", image.display())]
    Entry { image: PathBuf, entry: String, fault: bounds::Fault },
    #[error("{}: `{entry}` is a link or a special file: a package has plain files and folders only", image.display())]
    Special { image: PathBuf, entry: String },
    #[error("{} is missing: an image is used together with the files beside it that `weft-pack build-image` wrote", .0.display())]
    Missing(PathBuf),
    #[error("{} is no root hash: it has 64 lower-case hexadecimal digits and nothing else", .0.display())]
    RootHash(PathBuf),
    #[error("{} is no verity tree of this system: {reason}", path.display())]
    Tree { path: PathBuf, reason: String },
    #[error("{} is not the image that its root hash was made of: block {block} differs", image.display())]
    Block { image: PathBuf, block: u64 },
    #[error("the root hash of {} is not signed by a trusted publisher", .0.display())]
    Untrusted(PathBuf),
    #[error("mkfs.erofs is not installed: install erofs-utils, or name the program in WEFT_MKFS_EROFS")]
    NoTool,
    #[error("mkfs.erofs cannot pack {}: {said}", folder.display())]
    Tool { folder: PathBuf, said: String },
    #[error(transparent)]
    Signature(#[from] signature::Error),
    #[error(transparent)]
    Key(#[from] key::Error),
    #[error(transparent)]
    Contents(#[from] inventory::Error),
    #[error(transparent)]
    Package(#[from] weft_manifest::Error),
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// What an image is called in its revision of the store; its companions beside it.
pub(crate) const INSTALLED_NAME: &str = "package.app.img";

/// The manifest in an image whose every block was checked against its root hash.
pub(crate) fn manifest(files: &ImageFiles) -> Result<Manifest, Error> {
    let bytes = read(&files.image)?;
    files.verity()?.check(files, &bytes)?;
    let name = files.image.join(MANIFEST_NAME);
    let text = Tree::new(&bytes, &files.image)?.file(&format!("/{MANIFEST_NAME}"), MAX_MANIFEST)?;
    let text = text.ok_or_else(|| weft_manifest::Error::NoManifest(files.image.clone()))?;
    let manifest = Manifest::parse(&String::from_utf8_lossy(&text), &name);
    Ok(manifest.map_err(weft_manifest::Error::from)?)
}

/// The bytes of an image, for [`Tree::new`] and [`unpack_from`].
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::TooLarge(path.to_owned()));
    }
    Ok(bytes)
}

/// Checks an image against the tree and root hash beside it and unpacks it, without mounting.
pub fn unpack(disk: &dyn Disk, image: &Path, to: &Path) -> Result<(), Error> {
    let files = ImageFiles::beside(image);
    let bytes = read(image)?;
    files.verity()?.check(&files, &bytes)?;
    unpack_from(disk, &bytes, image, to)
}
