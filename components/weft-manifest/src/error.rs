//! What can be wrong with a manifest or a package.

use std::path::PathBuf;

/// One mistake in a manifest, with its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {field}{problem}", file.display())]
pub struct ManifestError {
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// `package.id: ` or the like; empty where the text is no TOML at all.
    pub field: String,
    /// What is wrong and what to write instead.
    pub problem: String,
}

/// Why a package cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} has no wapp.toml: a package is a folder with a manifest of that name", .0.display())]
    NoManifest(PathBuf),
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is over {limit} bytes: a manifest is small, move what is not one elsewhere", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    #[error("{}: {field} names {path}, which is not in the package: add the file or correct the field", manifest.display())]
    Missing { manifest: PathBuf, field: &'static str, path: String },
    #[error("{}: {field} names {path}, where a link or a special file is: put the file itself there", manifest.display())]
    NotAFile { manifest: PathBuf, field: &'static str, path: String },
    #[error("{} holds the app {found}: name the folder like the id in its wapp.toml", folder.display())]
    OtherId { folder: PathBuf, found: String },
    #[error("{id} is not installed: there is no such folder in {searched}")]
    NotInstalled { id: String, searched: String },
    #[error("cannot find the user's data folder: set XDG_DATA_HOME or HOME to an absolute path")]
    NoHome,
}
