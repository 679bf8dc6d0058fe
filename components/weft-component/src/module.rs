//! The app's module as it was installed.

use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The longest component that is read, in bytes.
const MAX_MODULE: u64 = 256 << 20;

/// Why a module cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read the component {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{} is over {} MiB", .0.display(), MAX_MODULE >> 20)]
    TooLarge(PathBuf),
    #[error("{} is a core module, not a component: build it for the target wasm32-wasip2", .0.display())]
    CoreModule(PathBuf),
    #[error("{} is not a WebAssembly component", .0.display())]
    NotWasm(PathBuf),
}

/// What the preamble says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Component,
    /// A module of WASI's first preview, perhaps.
    Core,
}

/// A module's bytes, read once.
#[derive(Debug)]
pub struct Module {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub kind: Kind,
    /// SHA-256 of the bytes.
    pub hash: [u8; 32],
}

impl Module {
    /// Reads a file that is a component or a core module.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let read = |source| Error::Read { path: path.to_owned(), source };
        let mut bytes = Vec::new();
        File::open(path).and_then(|file| file.take(MAX_MODULE + 1).read_to_end(&mut bytes)).map_err(read)?;
        if bytes.len() as u64 > MAX_MODULE {
            return Err(Error::TooLarge(path.to_owned()));
        }
        // The preamble: Core Specification section 5.5.16, and the component model's Binary.md, which gives components the layer 1.
        let kind = match bytes.first_chunk::<8>() {
            Some([0, b'a', b's', b'm', _, _, 1, 0]) => Kind::Component,
            Some([0, b'a', b's', b'm', 1, 0, 0, 0]) => Kind::Core,
            _ => return Err(Error::NotWasm(path.to_owned())),
        };
        let hash = Sha256::digest(&bytes).into();
        Ok(Self { path: path.to_owned(), bytes, kind, hash })
    }

    /// As [`Module::read`], but refuses a core module.
    pub fn read_component(path: &Path) -> Result<Self, Error> {
        let module = Self::read(path)?;
        if module.kind == Kind::Core { Err(Error::CoreModule(path.to_owned())) } else { Ok(module) }
    }

    /// The name of its compiled code in a folder of such: `<SHA-256 in hex>.cwasm`.
    pub fn code_name(&self) -> String {
        let mut name = String::with_capacity(70);
        for byte in self.hash {
            // Writing to a String cannot fail.
            let _ = write!(name, "{byte:02x}");
        }
        name + ".cwasm"
    }
}
