//! What is remembered about an app beside its files: whose it is, what it was allowed, and what a refused update asked for.

use crate::disk::{self, Disk, create_folders};
use crate::key::PublicKey;
use crate::places::Places;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use weft_manifest::{AppId, Capability};

/// The longest record, in bytes.
const MAX_RECORD: u64 = 64 << 10;
const DEVELOPMENT: &str = "development";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is damaged: remove the app with `weft-pack uninstall --purge` and install it again", .0.display())]
    Damaged(PathBuf),
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

/// Whose an id is: the first one that published under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    Publisher(PublicKey),
    /// Installed with `--dev`, without a signature.
    Development,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Publisher(key) => write!(f, "{key}"),
            Self::Development => f.write_str(DEVELOPMENT),
        }
    }
}

/// The records of one id, each in a file of its own: `owners/<id>`, `approvals/<id>`, `pending/<id>`.
#[derive(Debug, Clone)]
pub struct Records {
    owner: PathBuf,
    approvals: PathBuf,
    pending: PathBuf,
}

impl Records {
    pub fn of(places: &Places, id: &AppId) -> Self {
        let file = |folder: &str| places.data.join(folder).join(id.as_str());
        Self { owner: file("owners"), approvals: file("approvals"), pending: file("pending") }
    }

    /// `None`: nobody published under the id yet.
    pub fn owner(&self) -> Result<Option<Owner>, Error> {
        let Some(text) = read(&self.owner)? else { return Ok(None) };
        let text = text.trim_end();
        if text == DEVELOPMENT {
            return Ok(Some(Owner::Development));
        }
        let key = PublicKey::from_hex(text).ok_or_else(|| Error::Damaged(self.owner.clone()))?;
        Ok(Some(Owner::Publisher(key)))
    }

    pub fn set_owner(&self, disk: &dyn Disk, owner: &Owner) -> Result<(), Error> {
        write(disk, &self.owner, format!("{owner}\n"))
    }

    /// What the person in charge has allowed the app.
    pub fn approved(&self) -> Result<Vec<Capability>, Error> {
        capabilities(&self.approvals)
    }

    pub fn set_approved(&self, disk: &dyn Disk, capabilities: &[Capability]) -> Result<(), Error> {
        write(disk, &self.approvals, lines(capabilities))
    }

    /// What the last refused update asked for and has not been allowed.
    pub fn pending(&self) -> Result<Vec<Capability>, Error> {
        capabilities(&self.pending)
    }

    pub fn set_pending(&self, disk: &dyn Disk, capabilities: &[Capability]) -> Result<(), Error> {
        if capabilities.is_empty() {
            remove(disk, &self.pending)
        } else {
            write(disk, &self.pending, lines(capabilities))
        }
    }

    /// Forgets what was allowed; the owner stays the owner.
    pub fn forget_approvals(&self, disk: &dyn Disk) -> Result<(), Error> {
        remove(disk, &self.pending)?;
        remove(disk, &self.approvals)
    }

    /// Forgets everything: anybody may publish under the id again.
    pub fn forget(&self, disk: &dyn Disk) -> Result<(), Error> {
        self.forget_approvals(disk)?;
        remove(disk, &self.owner)
    }
}

fn lines(capabilities: &[Capability]) -> String {
    capabilities.iter().map(|capability| format!("{capability}\n")).collect()
}

fn capabilities(path: &Path) -> Result<Vec<Capability>, Error> {
    let text = read(path)?.unwrap_or_default();
    text.lines().map(|line| line.parse().map_err(|_| Error::Damaged(path.to_owned()))).collect()
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let mut text = Vec::new();
    file.take(MAX_RECORD).read_to_end(&mut text).map_err(failed)?;
    String::from_utf8(text).map(Some).map_err(|_| Error::Damaged(path.to_owned()))
}

fn write(disk: &dyn Disk, path: &Path, text: String) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        create_folders(disk, folder)?;
    }
    Ok(disk.replace_file(path, text.as_bytes())?)
}

fn remove(disk: &dyn Disk, path: &Path) -> Result<(), Error> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    disk.remove_file(path)?;
    Ok(path.parent().map_or(Ok(()), |folder| disk.sync_folder(folder))?)
}
