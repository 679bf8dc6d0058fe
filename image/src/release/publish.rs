//! Adding a release to a repository, and renewing what expires.

use super::sign::{Lifetimes, sign};
use super::{Error, Keyring, Repository, roots};
use jiff::Timestamp;
use semver::Version;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use tough::TargetName;
use tough::schema::{Root, Signed, Target};
use weft_release::{ARCHITECTURE, FORMAT, KEY, Parts, ROOT, Release, Wave};

/// What a release is made of.
#[derive(Clone, Debug)]
pub struct Contents {
    /// `weft_release::product`.
    pub product: String,
    pub version: Version,
    pub state_format: u32,
    pub root_hash: weft_verity::Digest,
    pub salt: Vec<u8>,
    pub root: PathBuf,
    pub verity: PathBuf,
    pub uki_a: PathBuf,
    pub uki_b: PathBuf,
    pub sbom: PathBuf,
    pub notes: PathBuf,
}

/// Who may install a release, and when.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// `None` for any version.
    pub minimum_version: Option<Version>,
    /// `None` for the highest epoch so far.
    pub epoch: Option<u64>,
    pub waves: Vec<Wave>,
    pub allow_downgrade_from: Vec<Version>,
}

/// Where a release went.
#[derive(Clone, Debug)]
pub struct Published {
    pub release: Release,
    /// The number of releases of all products in the repository.
    pub releases: usize,
}

/// The epoch of a release to be: the one that is asked for, else its own where it is there already, else the highest so far. It is known
/// before the image is made, which carries it.
pub fn planned_epoch(
    repository: &Repository,
    ring: &Keyring,
    product: &str,
    version: &Version,
    asked: Option<u64>,
) -> Result<u64, Error> {
    let trust = Trust::of(ring)?;
    repository.check_roots(&trust.folder)?;
    let current = repository.load(&trust.first)?;
    let others = current.map(|current| releases(&current.targets().signed.targets)).transpose()?;
    Ok(asked.unwrap_or_else(|| epoch_of(product, version, &others.unwrap_or_default())))
}

fn epoch_of(product: &str, version: &Version, others: &[Release]) -> u64 {
    let own = || others.iter().filter(|other| other.product == product);
    let same = own().find(|other| other.version == *version);
    same.map_or(own().map(|other| other.epoch).max().unwrap_or_default(), |same| same.epoch)
}

/// Adds a release. Again with the same root image it changes the terms alone; a release itself never changes.
pub fn publish(
    repository: &Repository,
    ring: &Keyring,
    contents: &Contents,
    terms: &Terms,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<Published, Error> {
    let trust = Trust::of(ring)?;
    repository.check_roots(&trust.folder)?;
    let current = repository.load(&trust.first)?;
    let mut targets =
        current.as_ref().map(|current| current.targets().signed.targets.clone()).unwrap_or_default();
    let release = describe(contents, terms, &releases(&targets)?)?;
    // Before anything is written: metadata that cannot be signed would leave files that nothing names.
    for role in roots::ROLES.into_iter().filter(|role| *role != tough::schema::RoleType::Root) {
        ring.for_role(&trust.root.signed, role)?;
    }
    let name = weft_release::target(&contents.product, &contents.version, ROOT);
    let root_name = TargetName::new(&name).map_err(Error::tuf("name a target"))?;
    // Files of a release that is there already stay as they are: devices may be fetching them.
    let files = match targets.contains_key(&root_name) {
        true => vec![(release.parts.notes.clone(), &contents.notes)],
        false => vec![
            (name.clone(), &contents.root),
            (release.parts.verity.clone(), &contents.verity),
            (release.parts.uki_a.clone(), &contents.uki_a),
            (release.parts.uki_b.clone(), &contents.uki_b),
            (release.parts.sbom.clone(), &contents.sbom),
            (release.parts.notes.clone(), &contents.notes),
        ],
    };
    for (name, path) in files {
        let target = repository.put(&name, BufReader::new(open(path)?))?;
        targets.insert(TargetName::new(name).map_err(Error::tuf("name a target"))?, target);
    }
    if let Some(root) = targets.get_mut(&root_name) {
        release.check(&name, root.length)?;
        root.custom.insert(KEY.to_owned(), release.to_custom().map_err(Error::Describe)?);
    }
    let releases = releases(&targets)?.len();
    let metadata = sign(&trust.root.signed, ring, current.as_ref(), Some(targets), lifetimes, now)?;
    repository.commit(&trust.folder, &metadata)?;
    Ok(Published { release, releases })
}

/// Signs snapshot and timestamp anew, before they expire or after keys have changed; the targets too, where they must be.
pub fn refresh(
    repository: &Repository,
    ring: &Keyring,
    lifetimes: Lifetimes,
    now: Timestamp,
) -> Result<(), Error> {
    let trust = Trust::of(ring)?;
    repository.check_roots(&trust.folder)?;
    let current = repository.load(&trust.first)?;
    let metadata = sign(&trust.root.signed, ring, current.as_ref(), None, lifetimes, now)?;
    repository.commit(&trust.folder, &metadata)
}

/// The root of trust in the folders of keys.
struct Trust {
    /// The folder that has the root metadata: the first of those named that has any.
    folder: PathBuf,
    first: PathBuf,
    /// The newest version.
    root: Signed<Root>,
}

impl Trust {
    fn of(ring: &Keyring) -> Result<Self, Error> {
        for folder in ring.folders() {
            let versions = roots::versions(folder)?;
            if let (Some((_, first)), Some((_, newest))) =
                (versions.first_key_value(), versions.last_key_value())
            {
                return Ok(Self { folder: folder.clone(), first: first.clone(), root: roots::read(newest)? });
            }
        }
        Err(Error::NoRoot { folder: ring.folders().first().cloned().unwrap_or_default() })
    }
}

/// All releases among the targets.
pub fn releases(targets: &HashMap<TargetName, Target>) -> Result<Vec<Release>, Error> {
    let roots = targets.iter().filter(|(name, _)| name.resolved().rsplit('/').next() == Some(ROOT));
    roots
        .map(|(name, target)| {
            Ok(Release::from_custom(name.resolved(), target.length, target.custom.get(KEY))?)
        })
        .collect()
}

/// What is to be signed about the release, checked against those that are there.
fn describe(contents: &Contents, terms: &Terms, others: &[Release]) -> Result<Release, Error> {
    let Contents { product, version, .. } = contents;
    let same = others.iter().find(|other| other.product == *product && other.version == *version);
    if same.is_some_and(|same| same.root_hash != contents.root_hash) {
        return Err(Error::Taken { product: product.clone(), version: version.clone() });
    }
    let highest = others.iter().filter(|other| other.product == *product).map(|other| other.epoch).max();
    let highest = highest.unwrap_or_default();
    let epoch = terms.epoch.unwrap_or_else(|| epoch_of(product, version, others));
    let known = same.is_some_and(|same| same.epoch == epoch);
    if epoch < highest && !known && terms.allow_downgrade_from.is_empty() {
        return Err(Error::Epoch { epoch, highest, product: product.clone() });
    }
    let minimum_version = terms.minimum_version.clone().unwrap_or(Version::new(0, 0, 0));
    if minimum_version > *version {
        return Err(Error::Minimum { minimum: minimum_version, version: version.clone() });
    }
    Ok(Release {
        format: FORMAT,
        product: product.clone(),
        architecture: ARCHITECTURE.to_owned(),
        version: version.clone(),
        epoch,
        minimum_version,
        state_format: contents.state_format,
        root_hash: contents.root_hash,
        salt: contents.salt.clone(),
        block_size: weft_verity::BLOCK_SIZE as u32,
        data_blocks: length(&contents.root)? / weft_verity::BLOCK_SIZE as u64,
        hash_bytes: length(&contents.verity)?,
        waves: terms.waves.clone(),
        allow_downgrade_from: terms.allow_downgrade_from.clone(),
        parts: Parts::of(product, version),
    })
}

fn open(path: &Path) -> Result<File, Error> {
    File::open(path).map_err(|source| Error::File { action: "read", path: path.to_owned(), source })
}

fn length(path: &Path) -> Result<u64, Error> {
    let metadata = open(path)?.metadata();
    Ok(metadata.map_err(|source| Error::File { action: "read", path: path.to_owned(), source })?.len())
}
