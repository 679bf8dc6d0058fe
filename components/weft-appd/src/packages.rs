//! Finds the packages of apps and checks them before each launch.

use crate::chain::chain;
use weft_ipc::appd::{InstalledApp, code};
use weft_manifest::{AppId, Store};
use weft_package::Places;
use weft_package::launch::{self, Launchable, Refusal};

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
            Ok(package) => Some(InstalledApp {
                app_id: package.manifest.id.to_string(),
                name: package.manifest.name,
                version: package.manifest.version.to_string(),
            }),
            Err(error) => {
                tracing::warn!("{} is installed but broken, ignoring: {}", app.id, chain(&error));
                None
            }
        });
        apps.collect()
    }
}
