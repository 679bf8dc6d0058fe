//! App manifests (`wapp.toml`), ids, capabilities, packages, and the stores they are found in.
//!
//! What comes out of here is validated: a [`Manifest`] exists only if every field is right. Paths in it are plain relative ones.

mod address;
mod capability;
mod error;
mod id;
mod limit_fields;
mod limits;
mod manifest;
mod package;
mod path;
mod raw;
mod store;
mod unused;

pub use address::is_public;
pub use capability::{Availability, Capability, Host, UnknownCapability};
pub use error::{Error, ManifestError};
pub use id::{AppId, InvalidId};
pub use limits::{Limits, parse_duration, parse_size};
pub use manifest::{Manifest, Ui};
pub use package::Package;
pub use path::{InvalidPath, RelativePath};
pub use semver::Version;
pub use store::{Installed, Store, app_data, data_home};
pub use unused::{UnknownUnused, Unused};

/// The manifest's name inside its package.
pub const MANIFEST_NAME: &str = "wapp.toml";
