//! Installing and updating.

use super::layout::Layout;
use super::staging::{Form, Staging};
use super::switch::tidy_or_warn;
use super::{Error, Store};
use crate::approval::missing;
use crate::check;
use crate::image::{self, ImageFiles};
use crate::inventory::{Digest, Inventory};
use crate::launch::installed_image;
use crate::record::{Owner, Records};
use crate::signature;
use crate::trust::TrustStore;
use std::io::ErrorKind;
use std::path::Path;
use weft_manifest::{AppId, Capability, Manifest, Package};

/// What the person who installs has decided.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Take a package without a signature; its id then belongs to development.
    pub development: bool,
    /// Give data that is there under the id to this publisher.
    pub claim_data: bool,
    /// Allow whatever an update asks for.
    pub approve: bool,
    /// Keep an image as it is, for the mount helper to mount, instead of unpacking it.
    pub keep_image: bool,
}

/// What an installation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Installed,
    /// It replaced this version.
    Updated {
        from: String,
    },
    /// The very same package was active already.
    Unchanged,
}

/// A package that is now active.
#[derive(Debug, Clone)]
pub struct Installed {
    pub manifest: Manifest,
    pub owner: Owner,
    pub outcome: Outcome,
    pub revision: Digest,
    /// Capabilities that the manifest grants and the component does not import.
    pub unused: Vec<String>,
}

impl Store<'_> {
    /// Installs a package of any form, or updates to it.
    pub fn install(&self, source: &Path, options: Options) -> Result<Installed, Error> {
        let store = self.places.store();
        if store == self.places.system {
            return Err(Error::SystemStore(store.to_owned()));
        }
        let staging = Staging::create(self.disk, &store.join(".staging"))?;
        match self.install_staged(source, options, &staging) {
            Ok((installed, layout)) => {
                tidy_or_warn(self, &layout, staging);
                Ok(installed)
            }
            Err(error) => {
                // The first error is the one to report; the next installation removes what stays.
                let _ = staging.remove();
                Err(error)
            }
        }
    }

    fn install_staged(
        &self,
        source: &Path,
        options: Options,
        staging: &Staging<'_>,
    ) -> Result<(Installed, Layout), Error> {
        let as_image = options.keep_image && Form::of(source)? == Form::Image;
        let (inventory, contents) = if as_image {
            staging.fill_with_image(source)?
        } else {
            (staging.fill(source)?, staging.folder.clone())
        };
        let report = check::contents(&contents, source)?;
        let manifest = report.manifest;
        let id = manifest.id.clone();
        if self.places.system.join(id.as_str()).symlink_metadata().is_ok() {
            return Err(Error::SystemApp(id.to_string()));
        }
        let publisher = self.publisher(source, staging, &inventory, options)?;
        let (layout, _lock) = self.change(&id)?;
        let active = self.active(&layout)?;
        let current = active.and_then(|digest| current(&layout, &digest));
        let records = Records::of(self.places, &id);
        self.check_owner(&id, &records, &publisher, active.is_some(), options)?;
        let revision = inventory.revision();
        let installed = |outcome| Installed {
            manifest: manifest.clone(),
            owner: publisher.clone(),
            outcome,
            revision,
            unused: report.unused.clone(),
        };
        check_version(&id, &manifest, current.as_ref(), &publisher)?;
        let allowed = self.allowed(&manifest, current.as_ref(), active.is_some(), &records, options)?;

        let unchanged = active == Some(revision) && is_intact(&layout, &revision);
        records.set_owner(self.disk, &publisher)?;
        records.set_approved(self.disk, &allowed)?;
        if unchanged {
            self.settle(&records, &manifest)?;
            return Ok((installed(Outcome::Unchanged), layout));
        }
        if !is_intact(&layout, &revision) {
            staging.move_to(&layout, &layout.revision(&revision))?;
        }
        self.switch(&layout, &id, active, revision)?;
        self.settle(&records, &manifest)?;
        let outcome = match current {
            Some(current) => Outcome::Updated { from: current.version.to_string() },
            None => Outcome::Installed,
        };
        Ok((installed(outcome), layout))
    }

    /// Who published the package, as its signature proves.
    fn publisher(
        &self,
        source: &Path,
        staging: &Staging<'_>,
        inventory: &Inventory,
        options: Options,
    ) -> Result<Owner, Error> {
        if options.development {
            return Ok(Owner::Development);
        }
        let trust = TrustStore::read(&self.places.trusted_keys);
        if let Some(files) = installed_image(&staging.folder, inventory) {
            return Ok(Owner::Publisher(files.signer(trust.keys())?.clone()));
        }
        let signer = signature::find_signer(&staging.folder, inventory, trust.keys());
        match signer.map_err(|error| error.of(source))? {
            Some(key) => Ok(Owner::Publisher(key.clone())),
            None => {
                Err(signature::Error::Untrusted { folder: source.to_owned(), keys: trust.describe() }.into())
            }
        }
    }

    fn check_owner(
        &self,
        id: &AppId,
        records: &Records,
        publisher: &Owner,
        is_installed: bool,
        options: Options,
    ) -> Result<(), Error> {
        let owner = records.owner()?;
        if owner.as_ref() == Some(publisher) {
            return Ok(());
        }
        let data = self.places.app_data(id);
        let has_data = holds_something(&data);
        match owner {
            Some(owner) if is_installed || !options.claim_data => Err(Error::OtherOwner {
                id: id.to_string(),
                owner: owner.to_string(),
                publisher: publisher.to_string(),
                hint: if is_installed {
                    ""
                } else {
                    " (it is not installed now: --claim-data gives the id with its data to this one)"
                },
            }),
            None if has_data && !options.claim_data => Err(Error::ForeignData { id: id.to_string(), data }),
            _ => Ok(()),
        }
    }

    /// What the app is allowed from now on. Until the link has moved that is what either version asks for.
    fn allowed(
        &self,
        manifest: &Manifest,
        current: Option<&Manifest>,
        is_installed: bool,
        records: &Records,
        options: Options,
    ) -> Result<Vec<Capability>, Error> {
        let approved = if is_installed { records.approved()? } else { Vec::new() };
        let added = missing(&manifest.capabilities, &approved);
        // Installing an app for the first time is allowing what it says it needs.
        if is_installed && !added.is_empty() && !options.approve {
            records.set_pending(self.disk, &added)?;
            let dropped = current.map(|current| missing(&current.capabilities, &manifest.capabilities));
            return Err(Error::NeedsApproval {
                id: manifest.id.to_string(),
                version: manifest.version.to_string(),
                installed: current.map_or_else(|| "the installed one".to_owned(), |c| c.version.to_string()),
                added,
                dropped: dropped.unwrap_or_default(),
            });
        }
        Ok(union(&approved, &manifest.capabilities))
    }

    /// After the switch: what only the version before was allowed is not allowed any more.
    pub(super) fn settle(&self, records: &Records, manifest: &Manifest) -> Result<(), Error> {
        records.set_approved(self.disk, &manifest.capabilities)?;
        Ok(records.set_pending(self.disk, &[])?)
    }
}

pub(super) fn union(a: &[Capability], b: &[Capability]) -> Vec<Capability> {
    let mut all = a.to_vec();
    all.extend(b.iter().filter(|capability| !a.contains(capability)).cloned());
    all
}

/// The manifest of the active revision; `None` for one that is too damaged to say.
pub(super) fn current(layout: &Layout, digest: &Digest) -> Option<Manifest> {
    let folder = layout.revision(digest);
    let image = folder.join(image::INSTALLED_NAME);
    if image.exists() {
        return image::manifest(&ImageFiles::beside(&image)).ok();
    }
    Package::open(&folder).ok().map(|package| package.manifest)
}

/// Whether there is anything in a folder. One that may not be looked into is another user's, such as an app's own on the device.
fn holds_something(folder: &Path) -> bool {
    match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != ErrorKind::NotFound,
    }
}

fn is_intact(layout: &Layout, digest: &Digest) -> bool {
    Inventory::of_folder(&layout.revision(digest)).is_ok_and(|inventory| inventory.revision() == *digest)
}

/// A publisher's old version, with its old faults, must not come back by being sent again. Development goes back and forth.
fn check_version(
    id: &AppId,
    manifest: &Manifest,
    current: Option<&Manifest>,
    publisher: &Owner,
) -> Result<(), Error> {
    match current {
        Some(current) if manifest.version < current.version && *publisher != Owner::Development => {
            Err(Error::Downgrade {
                id: id.to_string(),
                found: manifest.version.to_string(),
                installed: current.version.to_string(),
            })
        }
        _ => Ok(()),
    }
}
