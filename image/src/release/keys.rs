//! Keys that sign releases: Ed25519, one PEM file (PKCS #8) a key, in folders that may be anywhere.
//!
//! A command is given folders and takes what is in them. So keys of the root and of the targets can lie on a medium of their own that is
//! attached when they are needed; what is never at hand cannot be stolen.

use super::Error;
use async_trait::async_trait;
use aws_lc_rs::signature::Ed25519KeyPair;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use tough::key_source::KeySource;
use tough::schema::key::Key;
use tough::schema::{RoleType, Root};
use tough::sign::Sign;

/// The tag of a PEM file with a key, RFC 7468 section 10.
const TAG: &str = "PRIVATE KEY";
const EXTENSION: &str = "pem";

/// One key, and the file it is in.
#[derive(Clone, Debug)]
struct KeyFile {
    path: PathBuf,
    public: Key,
}

/// The keys at hand.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    files: Vec<KeyFile>,
    folders: Vec<PathBuf>,
}

impl Keyring {
    /// All keys of these folders.
    pub fn read(folders: &[PathBuf]) -> Result<Self, Error> {
        let mut ring = Self { files: Vec::new(), folders: folders.to_vec() };
        for folder in folders {
            let error = |source| Error::File { action: "read", path: folder.clone(), source };
            for entry in std::fs::read_dir(folder).map_err(error)? {
                let path = entry.map_err(error)?.path();
                if path.extension().is_some_and(|extension| extension == EXTENSION) {
                    let public = read_pair(&path)?.tuf_key();
                    ring.files.push(KeyFile { path, public });
                }
            }
        }
        ring.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(ring)
    }

    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The keys that sign for a role of that root, or an error that says how many are missing.
    pub fn for_role(&self, root: &Root, role: RoleType) -> Result<Vec<Box<dyn KeySource>>, Error> {
        let known: Vec<&Key> = root.keys(role).collect();
        let mut signing: Vec<&KeyFile> = Vec::new();
        for file in self.files.iter().filter(|file| known.contains(&&file.public)) {
            // A key may lie in two of the folders, and counts once.
            if signing.iter().all(|other| other.public != file.public) {
                signing.push(file);
            }
        }
        let needed = root.roles.get(&role).map_or(1, |keys| keys.threshold.get());
        if (signing.len() as u64) < needed {
            return Err(Error::KeysMissing {
                role: role.to_string(),
                found: signing.len(),
                needed,
                folders: self.folders.clone(),
            });
        }
        let source =
            |file: &KeyFile| -> Box<dyn KeySource> { Box::new(PemSource { path: file.path.clone() }) };
        Ok(signing.into_iter().map(source).collect())
    }
}

/// Makes a key and writes it to a file that must not exist.
pub fn generate(path: &Path) -> Result<Key, Error> {
    let error = |source| Error::File { action: "write", path: path.to_owned(), source };
    let document = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new())
        .map_err(|_| Error::Generate { path: path.to_owned() })?;
    let text = pem::encode(&pem::Pem::new(TAG, document.as_ref()));
    let mut file = File::options().create_new(true).write(true).mode(0o600).open(path).map_err(error)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(error)?;
    Ok(read_pair(path)?.tuf_key())
}

fn read_pair(path: &Path) -> Result<Ed25519KeyPair, Error> {
    let text = std::fs::read(path).map_err(|source| Error::File {
        action: "read",
        path: path.to_owned(),
        source,
    })?;
    let wrong = || Error::NotAKey { path: path.to_owned() };
    let block = pem::parse(&text).ok().filter(|block| block.tag() == TAG).ok_or_else(wrong)?;
    Ed25519KeyPair::from_pkcs8(block.contents()).map_err(|_| wrong())
}

/// A key file as `tough` asks for it.
#[derive(Debug)]
struct PemSource {
    path: PathBuf,
}

#[async_trait]
impl KeySource for PemSource {
    async fn as_sign(&self) -> Result<Box<dyn Sign>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Box::new(read_pair(&self.path)?))
    }

    /// Keys are written by [`generate`] alone.
    async fn write(&self, _: &str, _: &str) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err(Error::File {
            action: "write",
            path: self.path.clone(),
            source: std::io::ErrorKind::Unsupported.into(),
        }
        .into())
    }
}
