//! What the device trusts of a repository: the newest root it was led to, and the versions below which nothing is taken again.

use crate::state::{self, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// One record, so that a power cut never leaves files of two moments.
const RECORD: &str = "trust.json";
/// What the TUF client keeps between two looks, by its own names. Its clock record is not among them: the device has a floor for its
/// clock (weft-netd), and one bad time server must not keep updates away for years.
const FILES: [&str; 4] = ["root.json", "timestamp.json", "snapshot.json", "targets.json"];

/// TUF metadata by file name.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trust(BTreeMap<String, Value>);

impl Trust {
    pub fn load(store: &dyn Store) -> Result<Self, state::Error> {
        Ok(state::load(store, RECORD)?.unwrap_or_default())
    }

    /// The root to begin with: the image's own, or a newer one that an earlier look was led to.
    pub fn root(&self, image: &[u8]) -> Vec<u8> {
        let version = |value: &Value| value.pointer("/signed/version").and_then(Value::as_u64).unwrap_or(0);
        let own = serde_json::from_slice(image).map_or(0, |value| version(&value));
        match self.0.get("root.json") {
            Some(kept) if version(kept) > own => kept.to_string().into_bytes(),
            _ => image.to_owned(),
        }
    }

    /// Lays the files out for the client.
    pub fn unpack(&self, folder: &Path) -> std::io::Result<()> {
        let mut files = self.0.iter().filter(|(name, _)| FILES.contains(&name.as_str()));
        files.try_for_each(|(name, value)| std::fs::write(folder.join(name), value.to_string()))
    }

    /// Keeps what the client left, if it is anything new.
    pub fn keep(self, folder: &Path, store: &dyn Store) -> Result<(), state::Error> {
        let read = |name: &&str| {
            let bytes = std::fs::read(folder.join(name)).ok()?;
            Some(((*name).to_owned(), serde_json::from_slice(&bytes).ok()?))
        };
        let now: BTreeMap<String, Value> = FILES.iter().filter_map(read).collect();
        if now == self.0 { Ok(()) } else { state::save(store, RECORD, &Self(now)) }
    }
}
