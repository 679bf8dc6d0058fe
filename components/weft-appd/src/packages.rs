//! Finds the packages of apps and checks them before each launch.

use crate::chain::chain;
use weft_ipc::appd::{InstalledApp, code};
use weft_ipc::session::{About, Permission};
use weft_manifest::{AppId, Capability, Manifest, Store};
use weft_package::launch::{self, Launchable, Publisher, Refusal};
use weft_package::{Places, words};

/// The stores, and what says which of their packages may run.
#[derive(Debug)]
pub struct Packages {
    places: Places,
    store: Store,
}

/// Why an app is not launched, with the code that its caller is told.
#[derive(Debug)]
pub struct Refused {
    pub code: u32,
    pub reason: String,
}

impl Packages {
    pub fn new(places: Places) -> Self {
        let store = Store::new(places.stores.iter().cloned());
        Self { places, store }
    }

    /// The package to run, with every byte checked.
    pub fn open(&self, app: &AppId) -> Result<Launchable, Refused> {
        launch::open(&self.places, app).map_err(|refusal| {
            let code = match &refusal {
                Refusal::NotInstalled { .. } => code::NOT_FOUND,
                refusal if refusal.is_host_fault() => code::HOST,
                _ => code::REFUSED,
            };
            Refused { code, reason: chain(&refusal) }
        })
    }

    pub fn installed(&self) -> Vec<InstalledApp> {
        let apps = self.store.list().into_iter().filter_map(|app| match app.package {
            Ok(package) => Some(told(package.manifest)),
            // An image's manifest is in the image.
            Err(weft_manifest::Error::NoManifest(_)) => match self.open(&app.id) {
                Ok(launchable) => Some(told(launchable.package.manifest)),
                Err(refused) => broken(&app.id, &refused.reason),
            },
            Err(error) => broken(&app.id, &chain(&error)),
        });
        apps.collect()
    }

    /// What there is to know about an app that may be launched, or why it may not.
    pub fn about(&self, app: &str) -> Result<About, String> {
        let app: AppId = app.parse().map_err(|error| format!("{error}"))?;
        let launchable = self.open(&app).map_err(|refused| refused.reason)?;
        let manifest = launchable.package.manifest;
        let granted = manifest.capabilities.iter().cloned().chain(manifest.by_default());
        let permission =
            |item: Capability| Permission { capability: item.to_string(), meaning: words::describe(&item) };
        Ok(About {
            permissions: granted.map(permission).collect(),
            description: manifest.description.unwrap_or_default(),
            author: manifest.author.unwrap_or_default(),
            part_of_system: launchable.publisher == Publisher::System,
            max_memory: manifest.limits.memory,
            max_storage: manifest.limits.storage,
        })
    }
}

fn told(manifest: Manifest) -> InstalledApp {
    InstalledApp {
        app_id: manifest.id.to_string(),
        name: manifest.name,
        version: manifest.version.to_string(),
    }
}

fn broken(app: &AppId, reason: &str) -> Option<InstalledApp> {
    tracing::warn!("{app} is installed but broken, ignoring: {reason}");
    None
}
