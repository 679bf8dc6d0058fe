//! Where the files of a repository come from. Nothing that comes from here is trusted: who reads checks signatures and hashes.

mod folder;
mod http;
mod pace;
mod stick;

pub use folder::Folder;
pub use http::{Http, Limits};
pub use stick::Stick;

use crate::config::Config;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the update source has no {path}")]
    NotFound { path: String },
    #[error("{path} is no path within a repository")]
    Path { path: String },
    #[error("cannot read {path} from the update source: {source}")]
    Io { path: String, source: io::Error },
    #[error("the update source answers {status} for {path}")]
    Status { path: String, status: u16 },
    #[error("the update source sends {path} too slowly, or not at all")]
    Slow { path: String },
    #[error("the update source gives only whole files")]
    NoRanges,
    #[error("the update source sends another part of {path} than was asked for")]
    WrongRange { path: String },
    #[error("the update source redirects {path} {problem}")]
    Redirect { path: String, problem: &'static str },
    #[error("cannot reach the update source for {path}: {reason}")]
    Connect { path: String, reason: String },
    #[error(
        "no USB stick with releases is plugged in: copy the folders metadata and targets of a repository to one with FAT"
    )]
    NoStick,
    #[error("{0:?} is no update source: write https://…, http://…, usb or the path of a folder")]
    Kind(String),
    #[error("https needs root certificates: {path} cannot be read or has none")]
    Certificates { path: PathBuf },
}

/// The files of a repository by their path in it, such as `metadata/timestamp.json`.
pub trait Source: Send + Sync + std::fmt::Debug {
    /// A file from its start; at most `limit` bytes are of interest.
    fn whole(&self, path: &str, limit: u64) -> Result<Box<dyn Read + Send>, Error>;
    /// Bytes of a file; [`Error::NoRanges`] where only whole files can be had.
    fn range(&self, path: &str, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error>;
    /// Whether several ranges at a time come faster than one.
    fn is_remote(&self) -> bool;
}

impl Error {
    /// What went wrong while a file was read.
    pub fn reading(path: &str, source: io::Error) -> Self {
        let path = path.to_owned();
        let inner = source.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        let is_late =
            source.kind() == io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_)));
        if is_late { Self::Slow { path } } else { Self::Io { path, source } }
    }
}

/// The root certificates of the image.
pub const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Where a source is, as a configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// The address of a web server's folder.
    Web(&'a str),
    Folder(&'a Path),
    /// Whatever USB stick is plugged in.
    Stick,
}

impl<'a> Place<'a> {
    pub fn of(source: &'a str) -> Result<Self, Error> {
        if source.starts_with("https://") || source.starts_with("http://") {
            return Ok(Self::Web(source));
        }
        if source == "usb" {
            return Ok(Self::Stick);
        }
        match source.strip_prefix("file://").unwrap_or(source) {
            folder if folder.starts_with('/') => Ok(Self::Folder(Path::new(folder))),
            _ => Err(Error::Kind(source.to_owned())),
        }
    }
}

/// The source that a configuration names.
pub fn open(config: &Config) -> Result<Arc<dyn Source>, Error> {
    Ok(match Place::of(&config.source)? {
        Place::Web(address) => {
            let certificates = config.certificates.as_deref().unwrap_or(Path::new(CERTIFICATES));
            Arc::new(Http::new(address, certificates, Limits::default())?)
        }
        Place::Folder(folder) => Arc::new(Folder::open(folder)?),
        Place::Stick => Arc::new(Stick::find(Path::new("/sys"), Path::new("/dev"))?),
    })
}

/// How long a body of so many bytes may take.
fn time_for(bytes: u64, limits: &Limits) -> Duration {
    limits.answer + Duration::from_secs(bytes / limits.least_speed.max(1))
}
