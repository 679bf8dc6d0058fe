//! Keys of publishers: Ed25519 (RFC 8032), each in a file of 64 hexadecimal digits.

use crate::hex;
use ed25519_dalek::{SECRET_KEY_LENGTH, Signature, Signer, SigningKey, VerifyingKey};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The names that `generate-key` gives.
pub const SECRET_NAME: &str = "weft-sign.key";
pub const PUBLIC_NAME: &str = "weft-sign.pub";
/// The longest text of a key or signature file, in bytes.
const MAX_FILE: u64 = 1024;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("cannot write the key")]
    Write(#[source] weft_file::Error),
    #[error("{} exists already: a key that was used must not be lost, choose another folder", .0.display())]
    Exists(PathBuf),
    #[error("{} is not a key: it has 64 lower-case hexadecimal digits and nothing else", .0.display())]
    Format(PathBuf),
    #[error("{} is not a usable Ed25519 public key: make a new pair with `weft-pack generate-key`", .0.display())]
    Weak(PathBuf),
    #[error("cannot get random bytes of the system")]
    Random(#[source] io::Error),
}

/// Who signed something.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// From 64 hexadecimal digits; `None` for anything else and for the keys of small order, under which one signature fits many texts.
    pub fn from_hex(text: &str) -> Option<Self> {
        let key = VerifyingKey::from_bytes(&hex::decode(text)?).ok()?;
        (!key.is_weak()).then_some(Self(key))
    }

    pub fn to_hex(&self) -> String {
        hex::encode(self.0.as_bytes())
    }

    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = read_text(path)?;
        let bytes = hex::decode(&text).ok_or_else(|| Error::Format(path.to_owned()))?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| Error::Weak(path.to_owned()))?;
        if key.is_weak() {
            return Err(Error::Weak(path.to_owned()));
        }
        Ok(Self(key))
    }

    /// Whether this is the signature of the message, by the strict rules: no malleable ones, no keys of small order.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// What signs.
pub struct SecretKey(SigningKey);

impl SecretKey {
    pub fn read(path: &Path) -> Result<Self, Error> {
        let seed: [u8; SECRET_KEY_LENGTH] =
            hex::decode(&read_text(path)?).ok_or_else(|| Error::Format(path.to_owned()))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// From 32 bytes that nobody else knows.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// The files of a new pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFiles {
    pub secret: PathBuf,
    pub public: PathBuf,
}

/// Makes a new pair in `folder`: the secret half readable by its owner only, neither over an existing file.
pub fn generate(folder: &Path) -> Result<KeyFiles, Error> {
    let files = KeyFiles { secret: folder.join(SECRET_NAME), public: folder.join(PUBLIC_NAME) };
    for path in [&files.secret, &files.public] {
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists(path.clone()));
        }
    }
    let mut seed = [0; SECRET_KEY_LENGTH];
    File::open("/dev/urandom").and_then(|mut random| random.read_exact(&mut seed)).map_err(Error::Random)?;
    let public = SecretKey::from_seed(&seed).public();
    let line = |text: String| format!("{text}\n").into_bytes();
    weft_file::write_atomic(&files.secret, &line(hex::encode(&seed)), 0o600).map_err(Error::Write)?;
    weft_file::write_atomic(&files.public, &line(public.to_hex()), 0o644).map_err(Error::Write)?;
    Ok(files)
}

fn read_text(path: &Path) -> Result<String, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    let mut text = String::new();
    File::open(path).map_err(read)?.take(MAX_FILE).read_to_string(&mut text).map_err(|error| match error
        .kind()
    {
        io::ErrorKind::InvalidData => Error::Format(path.to_owned()),
        _ => read(error),
    })?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}
