//! The trust store: a folder of `*.pub` files, the keys of publishers whose apps may be installed and launched.

use crate::key::{self, PublicKey};
use std::path::PathBuf;

/// The keys that are trusted now. Made anew for every decision: taking a file away takes the trust away.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    keys: Vec<PublicKey>,
    folders: Vec<PathBuf>,
}

impl TrustStore {
    /// Reads all keys. A file that is no key is reported in the log and trusted with nothing.
    pub fn read(folders: &[PathBuf]) -> Self {
        let mut keys = Vec::new();
        for folder in folders {
            let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path());
            let mut files: Vec<PathBuf> =
                files.filter(|path| path.extension().is_some_and(|e| e == "pub")).collect();
            files.sort();
            for path in files {
                match PublicKey::read(&path) {
                    Ok(key) if keys.contains(&key) => {}
                    Ok(key) => keys.push(key),
                    Err(error @ key::Error::Read { .. }) => tracing::warn!("{error}, ignoring"),
                    Err(error) => tracing::warn!("trusting nobody by it: {error}"),
                }
            }
        }
        Self { keys, folders: folders.to_vec() }
    }

    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    pub fn trusts(&self, key: &PublicKey) -> bool {
        self.keys.contains(key)
    }

    /// The folders, for a sentence that says where to put a key.
    pub fn describe(&self) -> String {
        self.folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(" or ")
    }
}
