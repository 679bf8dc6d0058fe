//! Changes to a store. Each is one transaction: a power cut at any point leaves what was active before, or what is active after.

mod error;
mod history;
mod install;
mod layout;
mod list;
mod remove;
mod staging;
mod switch;

pub use error::Error;
pub use install::{Installed, Options, Outcome};
pub(crate) use layout::{Active, Layout};
pub use list::{Entry, State, list};
pub use staging::Form;

use crate::disk::{Disk, Host};
use crate::lock::ChangeLock;
use crate::places::Places;
use weft_manifest::AppId;

/// Changes the first of the stores of some [`Places`].
#[derive(Clone, Copy)]
pub struct Store<'a> {
    places: &'a Places,
    disk: &'a dyn Disk,
}

impl<'a> Store<'a> {
    pub fn new(places: &'a Places) -> Self {
        Self { places, disk: &Host }
    }

    /// With another disk than the host's, for tests.
    pub fn with_disk(places: &'a Places, disk: &'a dyn Disk) -> Self {
        Self { places, disk }
    }

    /// The right to change an app, and where it lies. Waits for another process that changes it.
    fn change(&self, id: &AppId) -> Result<(Layout, ChangeLock), Error> {
        let store = self.places.store();
        if store == self.places.system {
            return Err(Error::SystemStore(store.to_owned()));
        }
        let layout = Layout::new(store, id);
        let lock = ChangeLock::take(&layout.lock)?;
        Ok((layout, lock))
    }
}
