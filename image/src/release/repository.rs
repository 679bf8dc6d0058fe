//! The folder of a repository: locked by one command at a time, and only ever added to, but for `timestamp.json`.

use super::{Error, finish, roots, runtime, write_whole};
use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;
use tough::editor::signed::SignedRole;
use tough::schema::{Hashes, Role, Snapshot, Target, Targets, Timestamp};
use tough::{ExpirationEnforcement, RepositoryLoader};
use url::Url;

/// What the names of files in the making begin with; a web server that hides such names serves nothing unfinished.
pub(super) const MAKING: &str = ".making-";
const LOCK: &str = ".lock";

/// A repository that this process alone writes to.
#[derive(Debug)]
pub struct Repository {
    folder: PathBuf,
    _lock: File,
}

/// The signed metadata of a new state of the repository.
pub(super) struct Metadata {
    /// `None` where the targets stay as they are.
    pub targets: Option<SignedRole<Targets>>,
    pub snapshot: SignedRole<Snapshot>,
    pub timestamp: SignedRole<Timestamp>,
}

impl Repository {
    /// Opens the repository in a folder, which is made where there is none.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        for part in ["metadata", "targets"] {
            let path = folder.join(part);
            std::fs::create_dir_all(&path).map_err(|source| Error::File {
                action: "create",
                path,
                source,
            })?;
        }
        let path = folder.join(LOCK);
        let lock = File::create(&path).map_err(|source| Error::File { action: "write", path, source })?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|_| Error::InUse(folder.to_owned()))?;
        let folder = folder.canonicalize().map_err(|source| Error::File {
            action: "open",
            path: folder.to_owned(),
            source,
        })?;
        let repository = Self { folder, _lock: lock };
        repository.clear()?;
        Ok(repository)
    }

    /// Opens a repository that has a release.
    pub fn open_existing(folder: &Path) -> Result<Self, Error> {
        match folder.join("metadata/timestamp.json").exists() {
            true => Self::open(folder),
            false => Err(Error::NoRepository { folder: folder.to_owned() }),
        }
    }

    /// Where a role's metadata lies.
    pub fn metadata(&self, name: &str) -> PathBuf {
        self.folder.join("metadata").join(name)
    }

    /// Where a target lies.
    pub fn target(&self, name: &str, target: &Target) -> PathBuf {
        self.folder.join("targets").join(weft_release::location(&target.hashes.sha256, name))
    }

    /// Reads and verifies what is published, from the root metadata that is trusted; `None` in a repository without a release. Expired
    /// metadata is read too: it is to be replaced.
    pub fn load(&self, trusted_root: &Path) -> Result<Option<tough::Repository>, Error> {
        if !self.metadata("timestamp.json").exists() {
            return Ok(None);
        }
        let root = std::fs::read(trusted_root).map_err(|source| Error::File {
            action: "read",
            path: trusted_root.to_owned(),
            source,
        })?;
        let url = |part: &str| {
            let path = self.folder.join(part);
            Url::from_directory_path(&path).map_err(|()| Error::File {
                action: "name",
                path,
                source: std::io::ErrorKind::InvalidFilename.into(),
            })
        };
        let loader = RepositoryLoader::new(&root, url("metadata")?, url("targets")?)
            .expiration_enforcement(ExpirationEnforcement::Unsafe);
        runtime()?.block_on(loader.load()).map(Some).map_err(Error::tuf("read what the repository holds"))
    }

    /// Puts a file in place, and says what its target is to be. A file that is there already is not written again.
    pub fn put(&self, name: &str, mut contents: impl Read) -> Result<Target, Error> {
        let folder = self.folder.join("targets");
        let error = |path: &Path, source| Error::File { action: "write", path: path.to_owned(), source };
        let mut file =
            NamedTempFile::with_prefix_in(MAKING, &folder).map_err(|source| error(&folder, source))?;
        let mut digest = Sha256::new();
        let mut length = 0;
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = contents.read(&mut buffer).map_err(|source| error(file.path(), source))?;
            if read == 0 {
                break;
            }
            digest.update(&buffer[..read]);
            file.write_all(&buffer[..read]).map_err(|source| error(file.path(), source))?;
            length += read as u64;
        }
        let hashes = Hashes { sha256: digest.finalize().to_vec().into(), _extra: HashMap::new() };
        let target = Target { length, hashes, custom: HashMap::new(), _extra: HashMap::new() };
        let place = self.target(name, &target);
        if !place.exists() {
            let parent = place.parent().unwrap_or(&folder);
            std::fs::create_dir_all(parent).map_err(|source| error(parent, source))?;
            finish(file, &place).map_err(|source| error(&place, source))?;
        }
        Ok(target)
    }

    /// Checks that the repository has no other root metadata than the folder of keys, and none that is newer.
    pub fn check_roots(&self, keys: &Path) -> Result<(), Error> {
        let known = roots::versions(keys)?;
        let published = roots::versions(&self.folder.join("metadata"))?;
        let newest = |versions: &BTreeMap<u64, PathBuf>| versions.keys().last().copied().unwrap_or_default();
        for (version, path) in &published {
            let read = |path: &Path| {
                std::fs::read(path).map_err(|source| Error::File {
                    action: "read",
                    path: path.to_owned(),
                    source,
                })
            };
            let Some(own) = known.get(version) else {
                return Err(Error::OlderRoot { repository: newest(&published), keys: newest(&known) });
            };
            if read(own)? != read(path)? {
                return Err(Error::OtherRoot { path: path.clone() });
            }
        }
        Ok(())
    }

    /// Publishes: everything that `timestamp.json` leads to first, then the root metadata, then `timestamp.json`. A device that reads
    /// in between sees the old state; only where the keys of the timestamp change it may have to come back a moment later.
    pub(super) fn commit(&self, keys: &Path, metadata: &Metadata) -> Result<(), Error> {
        if let Some(targets) = &metadata.targets {
            write_whole(&self.metadata(&targets.signed().signed.filename(true)), targets.buffer())?;
        }
        let snapshot = &metadata.snapshot;
        write_whole(&self.metadata(&snapshot.signed().signed.filename(true)), snapshot.buffer())?;
        for (version, path) in roots::versions(keys)? {
            let place = self.metadata(&format!("{version}.root.json"));
            if !place.exists() {
                let text =
                    std::fs::read(&path).map_err(|source| Error::File { action: "read", path, source })?;
                write_whole(&place, &text)?;
            }
        }
        write_whole(&self.metadata("timestamp.json"), metadata.timestamp.buffer())
    }

    /// Removes what an interrupted command left.
    fn clear(&self) -> Result<(), Error> {
        for part in ["metadata", "targets"] {
            let folder = self.folder.join(part);
            let error = |source| Error::File { action: "read", path: folder.clone(), source };
            for entry in std::fs::read_dir(&folder).map_err(error)? {
                let entry = entry.map_err(error)?;
                if entry.file_name().to_string_lossy().starts_with(MAKING) {
                    let path = entry.path();
                    std::fs::remove_file(&path).map_err(|source| Error::File {
                        action: "remove",
                        path,
                        source,
                    })?;
                }
            }
        }
        Ok(())
    }
}
