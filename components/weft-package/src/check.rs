//! Whether a folder is a package that may be published, installed and launched.

use crate::component;
use crate::inventory::{self, Inventory};
use crate::reach::{Disagreement, Reach};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use weft_manifest::{Availability, Manifest, Package};

/// The longest component, in bytes.
pub const MAX_MODULE: u64 = 256 << 20;

/// What a package is made of.
#[derive(Debug, Clone)]
pub struct Report {
    pub manifest: Manifest,
    pub inventory: Inventory,
    pub reach: Reach,
    /// What does not keep it from being installed, but is a mistake all the same.
    pub warnings: Vec<String>,
    /// Capabilities that the manifest grants and the component does not import.
    pub unused: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Contents(#[from] inventory::Error),
    #[error(transparent)]
    Package(#[from] weft_manifest::Error),
    #[error("{0}")]
    Inside(String),
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is over {} MiB", .0.display(), MAX_MODULE >> 20)]
    TooLarge(PathBuf),
    #[error(transparent)]
    Component(#[from] component::Error),
    #[error("{}: {disagreement}", package.display())]
    Disagreement { package: PathBuf, disagreement: Disagreement },
    #[error(
        "{}: the capability {capability} is known, but nothing on this system stands behind it: remove it from package.capabilities",
        package.display()
    )]
    NotBacked { package: PathBuf, capability: String },
}

/// Checks a folder; `name` is what errors call it, where the folder is only where it was unpacked.
pub fn contents(folder: &Path, name: &Path) -> Result<Report, Error> {
    let inventory = Inventory::of_folder(folder).map_err(|error| inside(error.into(), folder, name))?;
    let package = Package::open(folder).map_err(|error| inside(error.into(), folder, name))?;
    let manifest = package.manifest;
    if let Some(capability) =
        manifest.capabilities.iter().find(|capability| capability.availability() == Availability::NotBacked)
    {
        return Err(Error::NotBacked { package: name.to_owned(), capability: capability.to_string() });
    }
    let module = manifest.module.below(name);
    let imports = component::imports(&read(&manifest.module.below(folder), &module)?, &module)?;
    let reach = Reach::new(&manifest, imports);
    if let Some(disagreement) = reach.fatal().next() {
        return Err(Error::Disagreement { package: name.to_owned(), disagreement: disagreement.clone() });
    }
    let warnings = reach.disagreements.iter().map(ToString::to_string).collect();
    let unused = reach.disagreements.iter().filter_map(|found| match found {
        Disagreement::Unused { capability } => Some(capability.clone()),
        _ => None,
    });
    Ok(Report { unused: unused.collect(), manifest, inventory, reach, warnings })
}

fn read(path: &Path, name: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::Read { path: name.to_owned(), source };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_MODULE + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_MODULE {
        return Err(Error::TooLarge(name.to_owned()));
    }
    Ok(bytes)
}

/// The error in terms of what the person named, not of where it was unpacked.
fn inside(error: Error, folder: &Path, name: &Path) -> Error {
    if folder == name {
        return error;
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    Error::Inside(text.replace(&folder.display().to_string(), &name.display().to_string()))
}
