//! Making a revision the active one, and removing those that are neither active nor the one before.

use super::history::History;
use super::layout::{Active, Layout};
use super::staging::Staging;
use super::{Error, Store};
use crate::hex;
use crate::inventory::Digest;
use crate::lock::RemovalLock;
use weft_manifest::AppId;

impl Store<'_> {
    /// Where the link points; an error when something stands there that no installation made.
    pub(super) fn active(&self, layout: &Layout) -> Result<Option<Digest>, Error> {
        let read = |source| Error::Read { path: layout.link.clone(), source };
        match layout.active().map_err(read)? {
            Active::Nothing => Ok(None),
            Active::Revision(digest) => Ok(Some(digest)),
            Active::Foreign => Err(Error::ForeignFolder(layout.link.clone())),
        }
    }

    /// Moves the link to a revision that is in place and flushed.
    pub(super) fn switch(
        &self,
        layout: &Layout,
        id: &AppId,
        from: Option<Digest>,
        to: Digest,
    ) -> Result<(), Error> {
        if let Some(before) = from {
            let mut history = History::read(layout);
            history.follow(to, before);
            history.write(self.disk, layout)?;
        }
        let link = layout.store.join(format!(".{id}.link"));
        // One that an interrupted change left; the lock is ours.
        self.disk.remove_file(&link)?;
        self.disk.create_link(&layout.target(&to), &link)?;
        self.disk.rename(&link, &layout.link)?;
        Ok(self.disk.sync_folder(&layout.store)?)
    }

    /// Removes the revisions that are neither active nor next to it, but those that a session still uses.
    pub(super) fn tidy(&self, layout: &Layout, staging: &Staging<'_>) -> Result<(), Error> {
        let active = self.active(layout)?;
        let before = active.and_then(|active| History::read(layout).before(&active));
        for entry in std::fs::read_dir(&layout.revisions).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(digest) = name.to_str().and_then(hex::decode::<32>) else { continue };
            if Some(digest) == active || Some(digest) == before {
                continue;
            }
            let path = entry.path();
            if let Some(_unused) = RemovalLock::take(&path)? {
                staging.discard(&path, &hex::encode(&digest))?;
            }
        }
        // Only what is out of the way for good is removed: a revision is whole or gone.
        if layout.revisions.is_dir() {
            self.disk.sync_folder(&layout.revisions)?;
        }
        Ok(())
    }
}

/// Kept apart so that a failed tidying never fails the change that was already made.
pub(super) fn tidy_or_warn(store: &Store<'_>, layout: &Layout, staging: Staging<'_>) {
    let tidied = store.tidy(layout, &staging).and_then(|()| staging.remove());
    if let Err(error) = tidied {
        tracing::warn!("{error}, ignoring");
    }
}
