//! Making images, with mkfs.erofs of the host.

use super::{Error, ImageFiles, SignedRootHash};
use crate::disk::{Disk, Host, grow_folders};
use crate::hex;
use crate::inventory::Inventory;
use crate::key::SecretKey;
use crate::output::{Scratch, write_with};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use weft_manifest::Package;
use weft_verity::{BLOCK_SIZE, Superblock};

/// LZ4 is what every kernel with EROFS and every version of the tool has. No times, owners or attributes: the same package gives the
/// same image.
const OPTIONS: [&str; 6] = ["-zlz4hc", "-C16384", "-T0", "-x-1", "--all-root", "--quiet"];

/// Packs a folder into an image and writes its companions; with a key, also the signature over the root hash.
pub fn build(folder: &Path, to: &Path, key: Option<&SecretKey>) -> Result<ImageFiles, Error> {
    Package::open(folder)?;
    let files = ImageFiles::beside(to);
    let scratch = Scratch::create().map_err(|source| Error::Write { path: std::env::temp_dir(), source })?;
    let copy = scratch.path().join("package");
    let inventory = copy_folder(folder, &copy)?;
    let identity =
        Sha256::new().chain_update("weft package image").chain_update(inventory.revision()).finalize();
    let packed = scratch.path().join("image");
    mkfs(folder, &copy, &packed, &identity)?;
    let mut image = super::read(&packed)?;
    image.resize(image.len().next_multiple_of(BLOCK_SIZE), 0);

    let tree_error = |reason: String| Error::Tree { path: files.hash.clone(), reason };
    let salt = identity.to_vec();
    let (root, tree) = weft_verity::build(&*image, &salt).map_err(|error| tree_error(error.to_string()))?;
    let mut uuid = [0; 16];
    uuid.iter_mut().zip(&root).for_each(|(to, from)| *to = *from);
    let superblock = Superblock { uuid, data_blocks: (image.len() / BLOCK_SIZE) as u64, salt };
    let mut device = superblock.to_block().map_err(|error| tree_error(error.to_string()))?;
    device.extend(tree);
    write(&files.image, &image)?;
    write(&files.hash, &device)?;
    write(&files.root_hash, format!("{}\n", hex::encode(&root)).as_bytes())?;
    match key {
        Some(key) => {
            let (_, signature) = SignedRootHash::sign(&root, key).texts();
            write(&files.signature, signature.as_bytes())?;
        }
        // That of an earlier image would not fit.
        None => Host.remove_file(&files.signature)?,
    }
    Ok(files)
}

/// A copy with the modes that every package has on a device, whatever they are here.
fn copy_folder(folder: &Path, copy: &Path) -> Result<Inventory, Error> {
    let inventory = Inventory::of_folder(folder)?;
    Host.create_folder(copy)?;
    for entry in inventory.entries() {
        let (from, to) = (folder.join(&entry.path), copy.join(&entry.path));
        if let Some(parent) = to.parent() {
            grow_folders(&Host, parent)?;
        }
        let contents = File::open(&from).map_err(|source| Error::Read { path: from.clone(), source })?;
        Host.create_file(&to, &mut contents.take(entry.bytes))?;
    }
    Ok(inventory)
}

fn mkfs(folder: &Path, copy: &Path, to: &Path, identity: &[u8]) -> Result<(), Error> {
    let program = std::env::var_os("WEFT_MKFS_EROFS").unwrap_or_else(|| "mkfs.erofs".into());
    let uuid = hex::encode(identity.get(..16).unwrap_or_default());
    let part = |from, to| uuid.get(from..to).unwrap_or_default();
    let uuid = format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32));
    let mut command = Command::new(program);
    command.args(OPTIONS).arg("-U").arg(uuid).arg(to).arg(copy);
    // It would stand in the superblock.
    command.env_remove("SOURCE_DATE_EPOCH").stdin(Stdio::null());
    let failed = |said: String| Error::Tool { folder: folder.to_owned(), said };
    let output = command.output().map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::NoTool,
        _ => failed(error.to_string()),
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(said.lines().last().unwrap_or("it said nothing").trim().to_owned()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let failed = |source| Error::Write { path: path.to_owned(), source };
    write_with(path, failed, |file| file.write_all(bytes).map_err(failed))
}
