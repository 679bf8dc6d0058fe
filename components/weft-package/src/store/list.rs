//! What is installed, and whether it would run.

use super::history::History;
use super::layout::Layout;
use crate::inventory::Digest;
use crate::launch::{self, Publisher, Refusal};
use crate::places::Places;
use std::collections::BTreeMap;
use std::path::PathBuf;
use weft_manifest::{AppId, Manifest};

/// One app of the stores.
#[derive(Debug)]
pub struct Entry {
    pub id: AppId,
    /// The store that it is found in.
    pub store: PathBuf,
    pub state: State,
}

#[derive(Debug)]
pub enum State {
    Launchable {
        manifest: Box<Manifest>,
        publisher: Box<Publisher>,
        revision: Option<Digest>,
        can_roll_back: bool,
    },
    Refused(Box<Refusal>),
}

/// Every app by its id, as [`launch::open`] would find it. A store that is not there has no apps.
pub fn list(places: &Places) -> Vec<Entry> {
    let mut apps = BTreeMap::new();
    for store in &places.stores {
        for entry in std::fs::read_dir(store).into_iter().flatten().flatten() {
            if let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<AppId>().ok()) {
                apps.entry(id).or_insert_with(|| store.clone());
            }
        }
    }
    apps.into_iter().map(|(id, store)| entry(places, id, store)).collect()
}

fn entry(places: &Places, id: AppId, store: PathBuf) -> Entry {
    let state = match launch::open(places, &id) {
        Ok(app) => {
            let layout = Layout::new(&store, &id);
            let before = app.revision.and_then(|revision| History::read(&layout).before(&revision));
            State::Launchable {
                manifest: Box::new(app.package.manifest),
                publisher: Box::new(app.publisher),
                revision: app.revision,
                can_roll_back: before.is_some_and(|before| layout.revision(&before).is_dir()),
            }
        }
        Err(refusal) => State::Refused(Box::new(refusal)),
    };
    Entry { id, store, state }
}
