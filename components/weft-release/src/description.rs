//! What is signed about a root image.

use crate::waves::{self, Place, Turn, Wave, WaveError};
use crate::{Parts, names};
use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use weft_verity::{BLOCK_SIZE, Digest, Geometry};

/// The key of the description among the custom fields of a TUF target.
pub const KEY: &str = "weft";
/// The format that this crate reads and writes.
pub const FORMAT: u32 = 1;
/// The one architecture there is.
pub const ARCHITECTURE: &str = "x86_64";
/// Bytes of salt that a dm-verity superblock holds.
const MAX_SALT: usize = 256;

/// A release: the description of its root image, `custom.weft` of the target [`names::ROOT`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// [`FORMAT`].
    pub format: u32,
    /// [`names::product`] of the image profile.
    pub product: String,
    pub architecture: String,
    /// Without build metadata: `+` divides a boot entry's name from its counters.
    pub version: Version,
    /// Never falls: a device that blessed a release of one epoch takes none of an earlier one.
    pub epoch: u64,
    /// The oldest version that can go to this one in one step.
    pub minimum_version: Version,
    /// The version of the state partition's layout that this release works on.
    pub state_format: u32,
    /// Of the dm-verity tree; in hex.
    #[serde(with = "hex::serde")]
    pub root_hash: Digest,
    /// Of the dm-verity tree; in hex.
    #[serde(with = "hex::serde")]
    pub salt: Vec<u8>,
    /// Bytes of a block of data and of hashes.
    pub block_size: u32,
    /// Blocks of the root image.
    pub data_blocks: u64,
    /// Bytes of the hash device: superblock, tree, and the parity of error correction.
    pub hash_bytes: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waves: Vec<Wave>,
    /// Versions from which a device may come back to this older release, by the operator's signed word.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allow_downgrade_from: Vec<Version>,
    pub parts: Parts,
}

/// Why a description cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the target {target} carries no release: `custom.{KEY}` is missing from the repository's metadata"
    )]
    Missing { target: String },
    #[error(
        "the release in {target} is of format {found}, and this system reads format {FORMAT}: install a release in between first"
    )]
    Format { target: String, found: u64 },
    #[error("the release in {target} is malformed")]
    Malformed { target: String, source: serde_json::Error },
    #[error("the release in {target}: {field} is {found}, and must be {expected}")]
    Field { target: String, field: &'static str, found: String, expected: String },
    #[error("the release in {target}: {source}")]
    Wave { target: String, source: WaveError },
}

impl Release {
    /// Reads the custom field of a target. `length` is the target's own, which is signed with it.
    pub fn from_custom(target: &str, length: u64, custom: Option<&Value>) -> Result<Self, Error> {
        let target = || target.to_owned();
        let value = custom.ok_or_else(|| Error::Missing { target: target() })?;
        // First of all: what another format calls its fields is not for this one to judge.
        match value.get("format").and_then(Value::as_u64) {
            Some(found) if found != u64::from(FORMAT) => {
                return Err(Error::Format { target: target(), found });
            }
            _ => {}
        }
        let release: Self = serde_json::from_value(value.clone())
            .map_err(|source| Error::Malformed { target: target(), source })?;
        release.check(&target(), length)?;
        Ok(release)
    }

    /// Checks that the fields agree with each other, with the target's name and with its length.
    pub fn check(&self, target: &str, length: u64) -> Result<(), Error> {
        let field = |field, found: String, expected: String| match found == expected {
            true => Ok(()),
            false => Err(Error::Field { target: target.to_owned(), field, found, expected }),
        };
        let number = |name, found: u64, expected: u64| field(name, found.to_string(), expected.to_string());
        field("its name", target.to_owned(), names::target(&self.product, &self.version, names::ROOT))?;
        field(
            "build metadata of the version",
            format!("{:?}", self.version.build.as_str()),
            "\"\"".to_owned(),
        )?;
        number("block_size", u64::from(self.block_size), BLOCK_SIZE as u64)?;
        // Before the tree is computed from it: the length bounds the number of blocks.
        number("data_blocks times block_size", self.data_blocks.saturating_mul(BLOCK_SIZE as u64), length)?;
        number(
            "hash_bytes",
            self.hash_bytes,
            Geometry::new(self.data_blocks).repairable_hash_device_bytes(),
        )?;
        if self.data_blocks == 0 {
            field("data_blocks", "0".to_owned(), "at least 1".to_owned())?;
        }
        if self.salt.len() > MAX_SALT {
            field("the length of the salt", self.salt.len().to_string(), format!("at most {MAX_SALT}"))?;
        }
        waves::check(&self.waves).map_err(|source| Error::Wave { target: target.to_owned(), source })
    }

    /// The target's custom field.
    pub fn to_custom(&self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(self)
    }

    /// When a device of that place installs this release by itself. Who asks for it by hand does not wait.
    pub fn turn(&self, place: Place, now: Timestamp) -> Turn {
        waves::turn(&self.waves, place, now)
    }
}
