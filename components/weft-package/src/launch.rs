//! The last look at a package before it runs.
//!
//! An installation checked everything once, but a disk forgets, keys are withdrawn and files are changed behind one's back: so a launch
//! asks again whether every byte is the one that was installed, whether its publisher owns the id and is still trusted, and whether
//! what the manifest asks for was allowed.

use crate::approval::missing;
use crate::hex;
use crate::image::{self, ImageFiles};
use crate::inventory::{self, Digest, Inventory};
use crate::lock::{self, SessionLock};
use crate::places::Places;
use crate::record::{self, Owner, Records};
use crate::signature;
use crate::store::{Active, Layout};
use crate::trust::TrustStore;
use std::io;
use std::path::{Path, PathBuf};
use weft_manifest::{AppId, Availability, Capability, Package};

/// How often an update may come between finding a revision and locking it.
const ATTEMPTS: usize = 16;

/// Who vouches for a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publisher {
    /// It is part of the verified root image.
    System,
    /// Installed: signed by its owner's key, or for development.
    Owner(Owner),
}

/// A package that may be launched now.
#[derive(Debug)]
pub struct Launchable {
    /// Its folder is the revision itself, not the link that an update moves.
    pub package: Package,
    pub publisher: Publisher,
    /// The revision; `None` for a system package.
    pub revision: Option<Digest>,
    /// Where the revision is an image: have the mount helper mount it, and run from the mountpoint instead of the package's folder, which
    /// then holds only the image.
    pub image: Option<ImageFiles>,
    /// Keep it until the session is over: so long no update or removal takes the files away. `None` for a system package.
    pub lock: Option<SessionLock>,
}

/// Why an app is not launched. Every variant is the app's fault or its installation's; the protocols answer them with 403, but
/// [`Refusal::NotInstalled`] with 404 and those of [`Refusal::is_host_fault`] with 500.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    #[error("{id} is not installed: there is no such app in {searched}")]
    NotInstalled { id: String, searched: String },
    #[error("{} was not made by an installation: install the package with `weft-pack install`", .0.display())]
    Foreign(PathBuf),
    #[error("{} has the id of an app of the system: remove it with `weft-pack uninstall`", .0.display())]
    ShadowsSystem(PathBuf),
    #[error("{} was changed after it was installed: install the package again", .0.display())]
    Modified(PathBuf),
    #[error(transparent)]
    Contents(#[from] inventory::Error),
    #[error(transparent)]
    Package(#[from] weft_manifest::Error),
    #[error("{id} has no owner on record: install it with `weft-pack install`")]
    NoOwner { id: String },
    #[error(transparent)]
    Signature(#[from] signature::Error),
    #[error(
        "the publisher of {id}, {key}, is not trusted any more: put the key back into {keys} to launch the app"
    )]
    KeyWithdrawn { id: String, key: String, keys: String },
    #[error("{id} asks for {capability}, which was not allowed: allow it with `weft-pack approve {id}`")]
    NotApproved { id: String, capability: String },
    #[error(
        "{id} asks for {capability}, and nothing on this system stands behind it: remove it from package.capabilities in wapp.toml"
    )]
    NotBacked { id: String, capability: String },
    #[error(transparent)]
    Image(#[from] image::Error),
    #[error(transparent)]
    Record(#[from] record::Error),
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{0} is being updated again and again: try later")]
    Busy(String),
}

impl Refusal {
    /// Whether the host is to blame (a disk that cannot be read), not the app.
    pub fn is_host_fault(&self) -> bool {
        matches!(
            self,
            Self::Read { .. }
                | Self::Lock(_)
                | Self::Busy(_)
                | Self::Record(record::Error::Read { .. })
                | Self::Contents(inventory::Error::Read { .. })
        )
    }
}

/// Finds an app and checks everything that must hold for it to run.
pub fn open(places: &Places, id: &AppId) -> Result<Launchable, Refusal> {
    for store in &places.stores {
        let layout = Layout::new(store, id);
        if layout.link.symlink_metadata().is_err() {
            continue;
        }
        return if *store == places.system {
            open_system(&layout.link, id)
        } else {
            open_installed(places, &layout, id)
        };
    }
    let searched: Vec<String> = places.stores.iter().map(|store| store.display().to_string()).collect();
    Err(Refusal::NotInstalled { id: id.to_string(), searched: searched.join(", ") })
}

/// A package of the verified root: the kernel checks every block of it, so there is nothing to sign.
fn open_system(folder: &Path, id: &AppId) -> Result<Launchable, Refusal> {
    if !folder.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Refusal::Foreign(folder.to_owned()));
    }
    let package = open_as(folder, id)?;
    check_backed(&package)?;
    Ok(Launchable { package, publisher: Publisher::System, revision: None, image: None, lock: None })
}

fn open_installed(places: &Places, layout: &Layout, id: &AppId) -> Result<Launchable, Refusal> {
    if places.system.join(id.as_str()).symlink_metadata().is_ok() {
        return Err(Refusal::ShadowsSystem(layout.link.clone()));
    }
    let (digest, lock) = lock_active(layout, id)?;
    let folder = layout.revision(&digest);
    let inventory = Inventory::of_opened(lock.folder(), &folder)?;
    if inventory.revision() != digest {
        return Err(Refusal::Modified(folder));
    }
    let image = installed_image(&folder, &inventory);
    let package = match &image {
        Some(files) => named(Package { folder: folder.clone(), manifest: image::manifest(files)? }, id)?,
        None => open_as(&folder, id)?,
    };
    let records = Records::of(places, id);
    let owner = check_owner(places, id, &folder, &inventory, &records)?;
    if let Some(capability) = missing(&package.manifest.capabilities, &records.approved()?).first() {
        return Err(Refusal::NotApproved { id: id.to_string(), capability: capability.to_string() });
    }
    check_backed(&package)?;
    Ok(Launchable {
        package,
        publisher: Publisher::Owner(owner),
        revision: Some(digest),
        image,
        lock: Some(lock),
    })
}

/// The image that a revision consists of, if it is no folder of files.
pub(crate) fn installed_image(folder: &Path, inventory: &Inventory) -> Option<ImageFiles> {
    inventory.get(image::INSTALLED_NAME).map(|_| ImageFiles::beside(&folder.join(image::INSTALLED_NAME)))
}

/// Whether the owner of the id signed these files and is still trusted.
pub(crate) fn check_owner(
    places: &Places,
    id: &AppId,
    folder: &Path,
    inventory: &Inventory,
    records: &Records,
) -> Result<Owner, Refusal> {
    let owner = records.owner()?.ok_or_else(|| Refusal::NoOwner { id: id.to_string() })?;
    if let Owner::Publisher(key) = &owner {
        match installed_image(folder, inventory) {
            Some(files) => drop(files.signer(std::slice::from_ref(key))?),
            None => signature::verify(folder, inventory, key)?,
        }
        let trust = TrustStore::read(&places.trusted_keys);
        if !trust.trusts(key) {
            let (id, keys) = (id.to_string(), trust.describe());
            return Err(Refusal::KeyWithdrawn { id, key: key.to_hex(), keys });
        }
    }
    Ok(owner)
}

/// Locks the revision that is active. Between reading the link and locking, an update may take the revision away: then its successor
/// is locked.
fn lock_active(layout: &Layout, id: &AppId) -> Result<(Digest, SessionLock), Refusal> {
    let read = |source| Refusal::Read { path: layout.link.clone(), source };
    for _ in 0..ATTEMPTS {
        let Active::Revision(digest) = layout.active().map_err(read)? else {
            return Err(Refusal::Foreign(layout.link.clone()));
        };
        let lock = SessionLock::take(&layout.revision(&digest))?;
        let still = layout.active().map_err(read)? == Active::Revision(digest);
        match lock {
            Some(lock) if still => return Ok((digest, lock)),
            // The link names a revision that is not there: nothing of ours does that.
            None if still && !layout.revision(&digest).exists() => {
                return Err(Refusal::Modified(layout.revision(&digest)));
            }
            _ => {}
        }
    }
    Err(Refusal::Busy(id.to_string()))
}

fn open_as(folder: &Path, id: &AppId) -> Result<Package, Refusal> {
    named(Package::open(folder)?, id)
}

fn named(package: Package, id: &AppId) -> Result<Package, Refusal> {
    if package.manifest.id != *id {
        let found = package.manifest.id.to_string();
        return Err(weft_manifest::Error::OtherId { folder: package.folder, found }.into());
    }
    Ok(package)
}

fn check_backed(package: &Package) -> Result<(), Refusal> {
    let unbacked = |capability: &&Capability| capability.availability() == Availability::NotBacked;
    match package.manifest.capabilities.iter().find(unbacked) {
        Some(capability) => Err(Refusal::NotBacked {
            id: package.manifest.id.to_string(),
            capability: capability.to_string(),
        }),
        None => Ok(()),
    }
}

impl Launchable {
    /// The revision's name as it is written; `system` for a package of the root.
    pub fn describe_revision(&self) -> String {
        self.revision.as_ref().map_or_else(|| "system".to_owned(), |digest| hex::encode(digest))
    }
}
