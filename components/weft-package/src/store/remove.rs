//! Uninstalling, going back, and allowing.

use super::history::History;
use super::install::{current, union};
use super::layout::Layout;
use super::staging::Staging;
use super::switch::tidy_or_warn;
use super::{Error, Store};
use crate::approval::missing;
use crate::inventory::Inventory;
use crate::launch;
use crate::lock::RemovalLock;
use crate::record::Records;
use weft_manifest::{AppId, Capability, Manifest};

impl Store<'_> {
    /// Removes an app. Its data and its owner stay, unless `purge`d: so nobody else takes over what it leaves.
    pub fn uninstall(&self, id: &AppId, purge: bool) -> Result<(), Error> {
        let (layout, _lock) = self.change(id)?;
        let records = Records::of(self.places, id);
        let active = self.active(&layout)?;
        if active.is_none() && !(purge && (records.owner()?.is_some() || self.places.app_data(id).exists())) {
            return Err(self.not_installed(id));
        }
        let staging = Staging::create(self.disk, &layout.staging)?;
        if active.is_some() {
            let unused = self.lock_all(&layout, id)?;
            self.disk.remove_file(&layout.link)?;
            self.disk.sync_folder(&layout.store)?;
            staging.discard(&layout.revisions, "revisions")?;
            drop(unused);
        }
        records.forget_approvals(self.disk)?;
        if purge {
            self.disk.remove_tree(&self.places.app_data(id))?;
            records.forget(self.disk)?;
        }
        staging.remove()
    }

    /// Makes the version active again that was before; a second time goes forward again.
    pub fn rollback(&self, id: &AppId) -> Result<Manifest, Error> {
        let (layout, _lock) = self.change(id)?;
        let active = self.active(&layout)?.ok_or_else(|| self.not_installed(id))?;
        let before = History::read(&layout)
            .before(&active)
            .filter(|before| layout.revision(before).is_dir())
            .ok_or_else(|| Error::NoPrevious(id.to_string()))?;
        let inventory = Inventory::of_folder(&layout.revision(&before))?;
        if inventory.revision() != before {
            return Err(Error::PreviousModified(id.to_string()));
        }
        let records = Records::of(self.places, id);
        launch::check_owner(self.places, id, &layout.revision(&before), &inventory, &records)?;
        let manifest = current(&layout, &before).ok_or_else(|| Error::PreviousModified(id.to_string()))?;
        let staging = Staging::create(self.disk, &layout.staging)?;
        // The person who asks for the old version allows what it was allowed then.
        records.set_approved(self.disk, &union(&records.approved()?, &manifest.capabilities))?;
        self.switch(&layout, id, Some(active), before)?;
        self.settle(&records, &manifest)?;
        tidy_or_warn(self, &layout, staging);
        Ok(manifest)
    }

    /// Allows capabilities: those named, or where none is, what a refused update asked for or the installed version lacks.
    pub fn approve(&self, id: &AppId, wanted: &[Capability]) -> Result<Vec<Capability>, Error> {
        let (layout, _lock) = self.change(id)?;
        let active = self.active(&layout)?.ok_or_else(|| self.not_installed(id))?;
        let records = Records::of(self.places, id);
        let approved = records.approved()?;
        let pending = records.pending()?;
        let added = if wanted.is_empty() {
            let asked = current(&layout, &active).map(|manifest| manifest.capabilities).unwrap_or_default();
            union(&pending, &missing(&asked, &approved))
        } else {
            wanted.to_vec()
        };
        if added.is_empty() {
            return Err(Error::NothingToApprove(id.to_string()));
        }
        let approved = union(&approved, &added);
        records.set_approved(self.disk, &approved)?;
        records.set_pending(self.disk, &missing(&pending, &approved))?;
        Ok(added)
    }

    fn not_installed(&self, id: &AppId) -> Error {
        Error::NotInstalled { id: id.to_string(), store: self.places.store().to_owned() }
    }

    /// Locks every revision, so that no session starts from one while it is removed.
    fn lock_all(&self, layout: &Layout, id: &AppId) -> Result<Vec<RemovalLock>, Error> {
        let mut locks = Vec::new();
        for entry in std::fs::read_dir(&layout.revisions).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let lock = RemovalLock::take(&entry.path())?.ok_or_else(|| Error::Running(id.to_string()))?;
                locks.push(lock);
            }
        }
        Ok(locks)
    }
}
