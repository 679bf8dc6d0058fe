//! Finds the compiled code of a component.

use crate::sys;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Code of the system's apps, in the verified root image.
const SYSTEM_FOLDER: &str = "/usr/share/weft/compiled";
/// The longest component that is read, in bytes.
const MAX_MODULE: u64 = 256 << 20;

/// Why a component cannot be loaded.
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
    #[error(
        "there is no compiled code for {} at {}: make it with `weft-runtime compile {} -o {}`",
        module.display(), code.display(), module.display(), code.display()
    )]
    NotCompiled { module: PathBuf, code: PathBuf },
    #[error("the compiled code {} does not fit this runtime: compile it again with the runtime of this image", path.display())]
    Load { path: PathBuf, source: wasmtime::Error },
    #[cfg(feature = "compiler")]
    #[error("cannot compile {}", path.display())]
    Compile { path: PathBuf, source: wasmtime::Error },
}

/// Reads a module and checks that it is a component.
pub fn read_component(path: &Path) -> Result<Vec<u8>, Error> {
    let read = |source| Error::Read { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(read)?.len() > MAX_MODULE {
        return Err(Error::TooLarge(path.to_owned()));
    }
    let bytes = std::fs::read(path).map_err(read)?;
    // The preamble of the Core Specification section 5.5.16, and the component model's Binary.md, which gives components the layer 1.
    match bytes.first_chunk::<8>() {
        Some([0, b'a', b's', b'm', _, _, 1, 0]) => Ok(bytes),
        Some([0, b'a', b's', b'm', ..]) => Err(Error::CoreModule(path.to_owned())),
        _ => Err(Error::NotWasm(path.to_owned())),
    }
}

/// The component, from its compiled code.
pub fn load(engine: &Engine, module: &Path) -> Result<Component, Error> {
    let bytes = read_component(module)?;
    let code = code_path(&bytes);
    if code.exists() {
        return sys::load_compiled(engine, &code).map_err(|source| Error::Load { path: code, source });
    }
    compile_now(engine, module, &bytes, code)
}

#[cfg(feature = "compiler")]
fn compile_now(engine: &Engine, module: &Path, bytes: &[u8], _code: PathBuf) -> Result<Component, Error> {
    Component::new(engine, bytes).map_err(|source| Error::Compile { path: module.to_owned(), source })
}

#[cfg(not(feature = "compiler"))]
fn compile_now(_engine: &Engine, module: &Path, _bytes: &[u8], code: PathBuf) -> Result<Component, Error> {
    Err(Error::NotCompiled { module: module.to_owned(), code })
}

fn code_path(component: &[u8]) -> PathBuf {
    let folder = std::env::var_os("WEFT_COMPILED_DIR").map_or_else(|| SYSTEM_FOLDER.into(), PathBuf::from);
    folder.join(code_name(component))
}

/// `<SHA-256 of the component in hex>.cwasm`.
pub fn code_name(component: &[u8]) -> String {
    let mut name = String::with_capacity(70);
    for byte in Sha256::digest(component) {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name + ".cwasm"
}
