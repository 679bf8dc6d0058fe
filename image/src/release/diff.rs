//! What a device with one release would fetch of another: by the verity trees alone, as the device itself decides it.

use super::publish::releases;
use super::{Error, Repository, roots};
use serde::Serialize;
use std::fmt;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use weft_release::{Index, Release, Work};
use weft_verity::{BLOCK_SIZE, Geometry, Superblock, build};

/// What has to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Blocks of 4096 bytes of the new image.
    pub blocks: u64,
    /// Those that the old image does not have.
    pub fetched_blocks: u64,
    pub fetched_bytes: u64,
    pub ranges: u64,
    /// Bytes of the new tree with its parity, which are fetched whole.
    pub tree_bytes: u64,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blocks, fetched_blocks, fetched_bytes, ranges, tree_bytes } = self;
        let percent = *fetched_blocks as f64 * 100.0 / (*blocks).max(1) as f64;
        writeln!(formatter, "changed blocks   {fetched_blocks} of {blocks} ({percent:.1} %)")?;
        writeln!(formatter, "fetched          {fetched_bytes} bytes in {ranges} ranges")?;
        write!(formatter, "tree and parity  {tree_bytes} bytes")
    }
}

/// One side of a comparison.
#[derive(Debug)]
pub struct Side {
    index: Index,
    tree_bytes: u64,
}

impl Side {
    /// An image file of its own.
    pub fn of_file(path: &Path, salt: &[u8]) -> Result<Self, Error> {
        let unreadable = |source| Error::File { action: "read", path: path.to_owned(), source };
        let no_image = |reason: String| Error::NotAnImage { path: path.to_owned(), reason };
        let file = File::open(path).map_err(unreadable)?;
        let data_blocks = file.metadata().map_err(unreadable)?.len() / BLOCK_SIZE as u64;
        let (root, tree) = build(BufReader::with_capacity(1 << 20, file), salt)
            .map_err(|error| no_image(error.to_string()))?;
        let superblock = Superblock { uuid: [0; 16], data_blocks, salt: salt.to_vec() };
        let mut device = superblock.to_block().map_err(|error| no_image(error.to_string()))?;
        device.extend(tree);
        let index =
            Index::read(&device, data_blocks, &root, salt).map_err(|error| no_image(error.to_string()))?;
        Ok(Self { index, tree_bytes: Geometry::new(data_blocks).repairable_hash_device_bytes() })
    }

    /// A release of a repository, named `<product>-<version>`, or by the version alone where only one product has it.
    pub fn of_release(repository: &Repository, name: &str) -> Result<Self, Error> {
        let metadata = repository.metadata("");
        let root = roots::versions(&metadata)?.into_values().next();
        let root = root.ok_or_else(|| Error::NoRoot { folder: metadata.clone() })?;
        let current = repository.load(&root)?;
        let targets = current.map(|current| current.targets().signed.targets.clone()).unwrap_or_default();
        let all = releases(&targets)?;
        let full = |release: &Release| format!("{}-{}", release.product, release.version);
        let mut found =
            all.iter().filter(|release| full(release) == name || release.version.to_string() == name);
        let (Some(release), None) = (found.next(), found.next()) else {
            return Err(Error::NoRelease { name: name.to_owned(), known: all.iter().map(full).collect() });
        };
        let target = targets.iter().find(|(known, _)| known.resolved() == release.parts.verity);
        let path =
            target.map(|(name, target)| repository.target(name.resolved(), target)).unwrap_or_default();
        let device = std::fs::read(&path).map_err(|source| Error::File {
            action: "read",
            path: path.clone(),
            source,
        })?;
        let index = Index::read(&device, release.data_blocks, &release.root_hash, &release.salt)
            .map_err(|error| Error::NotAnImage { path, reason: error.to_string() })?;
        Ok(Self { index, tree_bytes: release.hash_bytes })
    }
}

/// What a device that runs `old`, and has nothing in its other slot, would fetch of `new`.
pub fn difference(old: &Side, new: &Side) -> Difference {
    let work = Work::new(new.index.leaves(), &[], old.index.leaves());
    let fetched_blocks = work.missing.len() as u64;
    Difference {
        blocks: new.index.blocks(),
        fetched_blocks,
        fetched_bytes: fetched_blocks * BLOCK_SIZE as u64,
        ranges: work.ranges().len() as u64,
        tree_bytes: new.tree_bytes,
    }
}
