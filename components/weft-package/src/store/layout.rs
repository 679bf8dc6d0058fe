//! How a store lies on the disk.
//!
//! ```text
//! <store>/<id>                       link to .revisions/<id>/<digest>: the active revision
//! <store>/.revisions/<id>/<digest>/  one version of the package, never written to again
//! <store>/.revisions/<id>/history    lines `<digest> <digest>`: a revision and the one that was active before it
//! <store>/.locks/<id>                locked by whoever changes the app
//! <store>/.staging/<id>.<pid>/       what is being installed
//! ```
//!
//! **Invariant:** the link always names a whole revision. It is replaced by renaming another link over it (rename(2) is atomic), after
//! everything below the new revision was flushed to the disk.

use crate::hex;
use crate::inventory::Digest;
use std::io;
use std::path::{Path, PathBuf};
use weft_manifest::AppId;

/// The folders of one app in one store.
#[derive(Debug, Clone)]
pub struct Layout {
    pub store: PathBuf,
    pub link: PathBuf,
    pub revisions: PathBuf,
    pub history: PathBuf,
    pub lock: PathBuf,
    pub staging: PathBuf,
    id: AppId,
}

/// What stands where an app's link would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Active {
    Nothing,
    Revision(Digest),
    /// Something that no installation made.
    Foreign,
}

impl Layout {
    pub fn new(store: &Path, id: &AppId) -> Self {
        let revisions = store.join(".revisions").join(id.as_str());
        Self {
            store: store.to_owned(),
            link: store.join(id.as_str()),
            history: revisions.join("history"),
            revisions,
            lock: store.join(".locks").join(id.as_str()),
            staging: store.join(".staging"),
            id: id.clone(),
        }
    }

    /// Where the link points; it is read, never followed.
    pub fn active(&self) -> io::Result<Active> {
        let target = match std::fs::read_link(&self.link) {
            Ok(target) => target,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Active::Nothing),
            // EINVAL: it is no link.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(Active::Foreign),
            Err(error) => return Err(error),
        };
        let prefix = format!(".revisions/{}/", self.id);
        let digest = target.to_str().and_then(|text| text.strip_prefix(&prefix)).and_then(hex::decode);
        Ok(digest.map_or(Active::Foreign, Active::Revision))
    }

    /// The folder of a revision.
    pub fn revision(&self, digest: &Digest) -> PathBuf {
        self.revisions.join(hex::encode(digest))
    }

    /// What the link says when this revision is active.
    pub fn target(&self, digest: &Digest) -> PathBuf {
        Path::new(".revisions").join(self.id.as_str()).join(hex::encode(digest))
    }
}
