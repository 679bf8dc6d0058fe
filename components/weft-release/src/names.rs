//! Names of TUF targets: `<product>-<version>/<file>`.

use semver::Version;
use serde::{Deserialize, Serialize};

/// The file that carries the release's description.
pub const ROOT: &str = "root.erofs";

/// The product of an image profile.
pub fn product(profile: &str) -> String {
    format!("weft-{profile}")
}

/// The name of a file of a release.
pub fn target(product: &str, version: &Version, file: &str) -> String {
    format!("{product}-{version}/{file}")
}

/// Where a file of a release lies below the repository's `targets/`: the digest of its contents stands before the whole name, so that its
/// folder is named by it, as the crate `tough` has it. Consistent snapshots, TUF 1.0 section 7.
pub fn location(sha256: &[u8], target: &str) -> String {
    format!("{}.{target}", hex::encode(sha256))
}

/// Target names of what belongs to a root image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    pub verity: String,
    pub uki_a: String,
    pub uki_b: String,
    pub sbom: String,
    pub notes: String,
}

impl Parts {
    pub fn of(product: &str, version: &Version) -> Self {
        let name = |file| target(product, version, file);
        Self {
            verity: name("root.verity"),
            uki_a: name("uki-a.efi"),
            uki_b: name("uki-b.efi"),
            sbom: name("sbom.cdx.json"),
            notes: name("notes.md"),
        }
    }

    /// The unified kernel image of a slot.
    pub fn uki(&self, slot: crate::Slot) -> &str {
        match slot {
            crate::Slot::A => &self.uki_a,
            crate::Slot::B => &self.uki_b,
        }
    }
}
