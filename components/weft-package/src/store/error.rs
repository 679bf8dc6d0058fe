//! Why a store was not changed. In every case but those of the disk, the version that was active still is.

use crate::{archive, check, disk, image, inventory, launch, lock, record, signature};
use std::io;
use std::path::PathBuf;
use weft_manifest::Capability;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is no package: give a folder, an .app.tar.zst archive or an .app.img image", .0.display())]
    NoPackage(PathBuf),
    #[error(transparent)]
    Contents(#[from] inventory::Error),
    #[error(transparent)]
    Archive(#[from] archive::Error),
    #[error(transparent)]
    Image(#[from] image::Error),
    #[error(transparent)]
    Check(#[from] check::Error),
    #[error(transparent)]
    Signature(#[from] signature::Error),
    #[error(
        "{id} belongs to {owner}, and this package is by {publisher}: only its first publisher may update an app{hint}"
    )]
    OtherOwner { id: String, owner: String, publisher: String, hint: &'static str },
    #[error(
        "{id} is not installed, but {} holds data of an app of that name: give it to this publisher with --claim-data, or remove the folder",
        data.display()
    )]
    ForeignData { id: String, data: PathBuf },
    #[error("{0} is an app of the system: its id cannot be installed again")]
    SystemApp(String),
    #[error("{} was not made by an installation: move it away first", .0.display())]
    ForeignFolder(PathBuf),
    #[error("{} is part of the system and cannot be changed: set WEFT_APP_STORE to another folder", .0.display())]
    SystemStore(PathBuf),
    #[error("{id} {found} is older than the installed {installed}: go back with `weft-pack rollback {id}`")]
    Downgrade { id: String, found: String, installed: String },
    #[error("{}", crate::words::difference(id, version, installed, added))]
    NeedsApproval {
        id: String,
        version: String,
        installed: String,
        added: Vec<Capability>,
        dropped: Vec<Capability>,
    },
    #[error("{id} is not installed in {}", store.display())]
    NotInstalled { id: String, store: PathBuf },
    #[error("{0} is running: end its sessions first")]
    Running(String),
    #[error("there is no earlier version of {0} to go back to")]
    NoPrevious(String),
    #[error("the earlier version of {0} was changed after it was installed: it stays unused")]
    PreviousModified(String),
    #[error("nothing waits to be approved for {0}: it asks for nothing that it was not allowed")]
    NothingToApprove(String),
    #[error(transparent)]
    Launch(#[from] launch::Refusal),
    #[error(transparent)]
    Record(#[from] record::Error),
    #[error(transparent)]
    Lock(#[from] lock::Error),
    #[error(transparent)]
    Disk(#[from] disk::Error),
}
