//! The root metadata by which a device trusts updates (`cargo weft release keys new` makes it).

use super::rootfs::{Error, Parts};
use std::path::{Path, PathBuf};

/// Where the device looks for it (`weft-update`).
pub const PLACE: &str = "usr/share/weft/update/root.json";

/// The file to put in place: the one that was asked for, else the profile's.
pub fn find(checkout: &Path, parts: &Parts<'_>) -> Result<Option<PathBuf>, Error> {
    let of_profile = || parts.profile.update_root.as_ref().map(|path| checkout.join(path));
    match parts.update_root.map(Path::to_owned).or_else(of_profile) {
        Some(path) if !path.is_file() => {
            Err(Error::NoUpdateRoot { profile: parts.profile.name.clone(), path })
        }
        found => Ok(found),
    }
}
