//! A repository of releases: TUF metadata, read by the crate `tough`, and the files that it names.

use crate::source::{self, Source};
use crate::state::{self, Store};
use crate::trust::Trust;
use bytes::Bytes;
use std::io::Read;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tough::schema::RoleType;
use tough::{IntoVec, Limits, RepositoryLoader, TargetName, Transport, TransportError, TransportErrorKind};
use url::Url;
use weft_release::Release;

const KIB: u64 = 1 << 10;
/// Metadata is small; more than this is an attack.
const LIMITS: Limits = Limits {
    max_root_size: 256 * KIB,
    max_targets_size: 2048 * KIB,
    max_timestamp_size: 64 * KIB,
    max_snapshot_size: 256 * KIB,
    max_root_updates: 256,
};
const CHUNK: usize = 32 << 10;
/// Where the client believes the repository to be; only the paths below it are looked at.
const BASE: &str = "weft://repository/";

/// Why a repository is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "the {role} metadata of the update source expired: its maker must renew it, or the device's clock is wrong"
    )]
    Expired { role: RoleType },
    #[error("the {role} metadata of the update source is not signed as this device demands")]
    Signature { role: RoleType },
    #[error("the update source offers older {role} metadata than this device has seen")]
    Older { role: RoleType },
    #[error("a file of the update source is longer than it may be")]
    Endless,
    #[error("a file of the update source is not the one that was signed")]
    Hash,
    #[error(transparent)]
    Source(source::Error),
    #[error("the root of trust in the image cannot be used")]
    Root(#[source] Box<tough::error::Error>),
    #[error("the update source is not in order")]
    Other(#[source] Box<tough::error::Error>),
    #[error("the update source has no {0}")]
    NoTarget(String),
    #[error("cannot lay out trusted metadata")]
    Layout(#[source] std::io::Error),
    #[error(transparent)]
    State(#[from] state::Error),
}

/// A file that the metadata names.
#[derive(Debug, Clone)]
pub struct Target {
    pub path: String,
    /// In bytes.
    pub length: u64,
}

/// A repository whose metadata was checked against the root of trust.
pub struct Repository {
    inner: tough::Repository,
    runtime: tokio::runtime::Runtime,
    pub source: Arc<dyn Source>,
    bridge: Bridge,
    /// What the client works with while the repository is open.
    _folder: tempfile::TempDir,
}

impl Repository {
    /// Reads the metadata from the source and remembers what was seen. `root` is the image's root metadata.
    pub fn load(source: Arc<dyn Source>, store: &dyn Store, root: &[u8]) -> Result<Self, Error> {
        let trust = Trust::load(store)?;
        let folder = tempfile::tempdir().map_err(Error::Layout)?;
        trust.unpack(folder.path()).map_err(Error::Layout)?;
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(Error::Layout)?;
        let bridge = Bridge { source: source.clone(), last: Arc::default(), length: Arc::default() };
        let base = |path| Url::parse(BASE).and_then(|base| base.join(path));
        let (Ok(metadata), Ok(targets)) = (base("metadata/"), base("targets/")) else {
            return Err(Error::NoTarget(BASE.to_owned()));
        };
        let root = trust.root(root);
        let loader = RepositoryLoader::new(&root, metadata, targets)
            .transport(bridge.clone())
            .limits(LIMITS)
            .datastore(folder.path());
        let loaded = runtime.block_on(loader.load());
        let inner = loaded.map_err(|error| bridge.explain(error))?;
        trust.keep(folder.path(), store)?;
        Ok(Self { inner, runtime, source, bridge, _folder: folder })
    }

    /// Every release in it, and what is wrong with those that cannot be read.
    pub fn releases(&self) -> Vec<Result<Release, weft_release::Error>> {
        let suffix = format!("/{}", weft_release::ROOT);
        let targets = self.inner.targets().signed.targets.iter();
        let roots = targets.filter(|(name, _)| name.raw().ends_with(&suffix));
        roots
            .map(|(name, target)| {
                Release::from_custom(name.raw(), target.length, target.custom.get(weft_release::KEY))
            })
            .collect()
    }

    /// Where a file lies, to be read in parts that are checked by other means.
    pub fn target(&self, name: &str) -> Result<Target, Error> {
        let missing = || Error::NoTarget(name.to_owned());
        let target_name = TargetName::new(name).map_err(|_| missing())?;
        let target = self.inner.targets().signed.targets.get(&target_name).ok_or_else(missing)?;
        let sha256: String = target.hashes.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Target { path: format!("targets/{sha256}.{}", target_name.resolved()), length: target.length })
    }

    /// A whole file of at most `limit` bytes, checked against its signed length and hash.
    pub fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>, Error> {
        let missing = || Error::NoTarget(name.to_owned());
        let length = self.target(name)?.length;
        if length > limit {
            return Err(Error::Endless);
        }
        self.bridge.length.store(length, Ordering::Relaxed);
        let target_name = TargetName::new(name).map_err(|_| missing())?;
        let read = self.runtime.block_on(async {
            let stream = self.inner.read_target(&target_name).await?;
            match stream {
                Some(stream) => Ok(Some(stream.into_vec().await?)),
                None => Ok(None),
            }
        });
        read.map_err(|error| self.bridge.explain(error))?.ok_or_else(missing)
    }
}

/// The client's way to the source.
#[derive(Debug, Clone)]
struct Bridge {
    source: Arc<dyn Source>,
    /// Why the last file could not be had, other than that it is not there.
    last: Arc<Mutex<Option<source::Error>>>,
    /// Bytes of the target that is being read, as signed.
    length: Arc<AtomicU64>,
}

impl Bridge {
    fn path(url: &Url) -> Option<String> {
        // A URL's path is escaped; that of a file is not.
        let mut file = Url::parse("file:///").ok()?;
        file.set_path(url.path());
        Some(file.to_file_path().ok()?.to_str()?.trim_start_matches('/').to_owned())
    }

    /// Bytes that a file may have.
    fn most(&self, path: &str) -> u64 {
        let Some(name) = path.strip_prefix("metadata/") else { return self.length.load(Ordering::Relaxed) };
        match name {
            "timestamp.json" => LIMITS.max_timestamp_size,
            name if name.ends_with("root.json") => LIMITS.max_root_size,
            name if name.ends_with("snapshot.json") => LIMITS.max_snapshot_size,
            _ => LIMITS.max_targets_size,
        }
    }

    fn failed(&self, url: &Url, error: source::Error) -> TransportError {
        if matches!(error, source::Error::NotFound { .. }) {
            return TransportError::new_with_cause(TransportErrorKind::FileNotFound, url, error);
        }
        let text = error.to_string();
        *self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
        TransportError::new_with_cause(TransportErrorKind::Other, url, text)
    }

    /// The client's error in one of our sentences.
    fn explain(&self, error: tough::error::Error) -> Error {
        use tough::error::Error as Tuf;
        if let Some(error) = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take() {
            return Error::Source(error);
        }
        // These come wrapped as errors of the transport.
        match std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
            .find_map(|error| error.downcast_ref().filter(|error| !matches!(error, Tuf::Transport { .. })))
        {
            Some(Tuf::MaxSizeExceeded { .. }) => return Error::Endless,
            Some(Tuf::HashMismatch { .. }) => return Error::Hash,
            _ => {}
        }
        match error {
            Tuf::ExpiredMetadata { role, .. } => Error::Expired { role },
            Tuf::VerifyMetadata { role, .. } => Error::Signature { role },
            Tuf::OlderMetadata { role, .. } => Error::Older { role },
            Tuf::OlderSnapshotInTimestamp { .. } => Error::Older { role: RoleType::Snapshot },
            error @ (Tuf::ParseTrustedMetadata { .. } | Tuf::VerifyTrustedMetadata { .. }) => {
                Error::Root(Box::new(error))
            }
            error => Error::Other(Box::new(error)),
        }
    }
}

#[async_trait::async_trait]
impl Transport for Bridge {
    async fn fetch(&self, url: Url) -> Result<tough::TransportStream, TransportError> {
        let missing = || TransportError::new(TransportErrorKind::FileNotFound, &url);
        let path = Self::path(&url).ok_or_else(missing)?;
        // The client stops by itself at what is signed; a source gets the time for no more than that. One byte more tells of too many.
        let limit = self.most(&path).saturating_add(1);
        let reader = self.source.whole(&path, limit).map_err(|error| self.failed(&url, error))?;
        // Only this task runs, so reading may block. The lock is for the stream's type alone.
        let reader = Mutex::new(reader);
        let bridge = self.clone();
        let chunks = std::iter::from_fn(move || {
            let mut chunk = vec![0; CHUNK];
            let mut reader = reader.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            match reader.read(&mut chunk) {
                Ok(0) => None,
                Ok(len) => {
                    chunk.truncate(len);
                    Some(Ok(Bytes::from(chunk)))
                }
                Err(source) => Some(Err(bridge.failed(&url, source::Error::reading(&path, source)))),
            }
        });
        Ok(Box::pin(futures_util::stream::iter(chunks)))
    }
}
