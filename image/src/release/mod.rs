//! Releases as a repository of plain files that any web server serves: TUF 1.0 metadata with consistent snapshots, and the files that
//! it names. What a release says of itself is `weft_release::Release`.
//!
//! ```text
//! metadata/1.root.json …      which keys sign what; every version stays
//! metadata/7.targets.json     all releases
//! metadata/9.snapshot.json    the version of the targets that counts
//! metadata/timestamp.json     the version of the snapshot that counts: replaced last, and with it everything at once
//! targets/<sha256>.<name>     contents
//! ```

pub mod crates;
pub mod diff;
mod keys;
mod publish;
mod repository;
pub mod roots;
pub mod sbom;
mod sign;

pub use keys::Keyring;
pub use publish::{Contents, Published, Terms, planned_epoch, publish, refresh, releases};
pub use repository::Repository;
pub use sign::Lifetimes;

use semver::Version;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// Why a release could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot {action} {path}")]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{path} is not valid JSON metadata")]
    Json { path: PathBuf, source: serde_json::Error },
    #[error(
        "{path} is no signing key: it must be an Ed25519 key as PEM (PKCS #8), as `cargo weft release keys new` makes them"
    )]
    NotAKey { path: PathBuf },
    #[error("cannot make a key for {path}: the system gave no random numbers")]
    Generate { path: PathBuf },
    #[error(
        "there are keys already, for {path}: name another folder, or use `cargo weft release keys rotate`"
    )]
    KeysExist { path: PathBuf },
    #[error(
        "there is no <version>.root.json in {folder}: make keys with `cargo weft release keys new`, and name their folder with --keys"
    )]
    NoRoot { folder: PathBuf },
    #[error(
        "{needed} keys of the role {role} must sign, and {found} are in {}: name the folder of the others with --keys too", list(.folders)
    )]
    KeysMissing { role: String, found: usize, needed: u64, folders: Vec<PathBuf> },
    #[error("the version in {path} cannot be raised any more")]
    Version { path: PathBuf },
    #[error("{days} days from now is no date: give fewer")]
    Days { days: i64 },
    #[error("cannot {action}")]
    Tuf { action: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the runtime for signing cannot start")]
    Runtime(#[source] io::Error),
    #[error("another command works on the repository {0}: wait until it ends")]
    InUse(PathBuf),
    #[error(
        "{path} differs from the root metadata of the keys, which devices trust: this is a repository of other keys"
    )]
    OtherRoot { path: PathBuf },
    #[error(
        "the repository has version {repository} of the root metadata and the keys {keys}: use the newest state of the keys' folder"
    )]
    OlderRoot { repository: u64, keys: u64 },
    #[error(
        "version {version} of {product} is in the repository with another root image; a release never changes: choose a new version"
    )]
    Taken { product: String, version: Version },
    #[error("the minimum version {minimum} is newer than the release {version}: no device could install it")]
    Minimum { minimum: Version, version: Version },
    #[error(
        "epoch {epoch} is below {highest}, the highest of {product}, so devices would refuse the release: give --epoch {highest} or more"
    )]
    Epoch { epoch: u64, highest: u64, product: String },
    #[error("{folder} is no repository of releases: `cargo weft release --version` makes one")]
    NoRepository { folder: PathBuf },
    #[error("there is no release {name} in the repository, or of several products; it has: {}", .known.join(", "))]
    NoRelease { name: String, known: Vec<String> },
    #[error("{path} is no root image: {reason}")]
    NotAnImage { path: PathBuf, reason: String },
    #[error("the release would not be one")]
    Release(#[from] weft_release::Error),
    #[error("cannot describe the release as JSON")]
    Describe(#[source] serde_json::Error),
}

impl Error {
    fn tuf<E: std::error::Error + Send + Sync + 'static>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |source| Self::Tuf { action, source: Box::new(source) }
    }
}

fn list(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// `tough` is asynchronous; nothing here waits for more than a file.
fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread().build().map_err(Error::Runtime)
}

/// Writes a file so that its name never stands for a part of it, and makes both last.
fn write_whole(path: &Path, contents: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = NamedTempFile::with_prefix_in(repository::MAKING, folder)?;
        file.write_all(contents)?;
        finish(file, path)
    };
    write().map_err(|source| Error::File { action: "write", path: path.to_owned(), source })
}

/// Gives a finished file its name and the mode of a file that is served.
fn finish(file: NamedTempFile, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    std::fs::File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
