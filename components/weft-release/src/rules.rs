//! Whether a device may install a release.

use crate::Release;
use semver::Version;

/// What a device is, as far as a release may depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub product: String,
    pub architecture: String,
    /// The version that runs.
    pub version: Version,
    /// The highest epoch of the releases that were found good here, and of the one that runs.
    pub epoch: u64,
}

/// What installing the release would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    Upgrade,
    /// The release runs already.
    Current,
    /// Back to an older release, by the operator's signed word. The device's epoch stays as it is.
    Downgrade,
}

/// Why a device does not install a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error(
        "the release is for the product {release}, and this device is a {device}: correct the source of updates"
    )]
    Product { release: String, device: String },
    #[error(
        "the release is for the architecture {release}, and this device is {device}: correct the source of updates"
    )]
    Architecture { release: String, device: String },
    #[error("version {release} can be installed from version {minimum} on: install {minimum} first")]
    TooOld { release: Version, minimum: Version },
    #[error(
        "version {release} is older than {device}, which runs: only a release that allows it (`allow_downgrade_from`) goes back"
    )]
    Older { release: Version, device: Version },
    #[error(
        "version {release} is of epoch {epoch}, and one of epoch {blessed} runs here, or ran here well: only a release that allows it (`allow_downgrade_from`) goes back"
    )]
    Epoch { release: Version, epoch: u64, blessed: u64 },
}

/// Decides by the rules in this order: product, architecture, the operator's permission, epoch, version, minimum version.
///
/// A permission names the versions that may go back, so it stands above epoch and minimum version: who signed it knows both.
pub fn admit(release: &Release, device: &Device) -> Result<Admission, Refusal> {
    if release.product != device.product {
        let (release, device) = (release.product.clone(), device.product.clone());
        return Err(Refusal::Product { release, device });
    }
    if release.architecture != device.architecture {
        let (release, device) = (release.architecture.clone(), device.architecture.clone());
        return Err(Refusal::Architecture { release, device });
    }
    let (version, running) = (release.version.clone(), device.version.clone());
    if version == running {
        return Ok(Admission::Current);
    }
    if version < running && release.allow_downgrade_from.contains(&running) {
        return Ok(Admission::Downgrade);
    }
    if release.epoch < device.epoch {
        return Err(Refusal::Epoch { release: version, epoch: release.epoch, blessed: device.epoch });
    }
    if version < running {
        return Err(Refusal::Older { release: version, device: running });
    }
    if running < release.minimum_version {
        let minimum = release.minimum_version.clone();
        return Err(Refusal::TooOld { release: version, minimum });
    }
    Ok(Admission::Upgrade)
}
