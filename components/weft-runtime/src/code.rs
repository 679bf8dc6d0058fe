//! Finds the compiled code of a component and loads it.

use crate::{Exit, sys};
use std::path::{Path, PathBuf};
use std::process::Command;
use wasmtime::Engine;
use wasmtime::component::Component;
use weft_component::Module;
use weft_component::code::{self, HEADER, Key};

/// Code of the system's apps, in the verified root image.
const SYSTEM_FOLDER: &str = "/usr/share/weft/compiled";
const COMPILER: &str = "weft-compile";

/// Why there is no code to run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "there is no compiled code for {} at {}: make it with `weft-compile {} -o {}`",
        module.display(), code.display(), module.display(), code.display()
    )]
    NotCompiled { module: PathBuf, code: PathBuf },
    #[error("there is no {COMPILER} at {}, which compiles a module before it runs: build it, or set WEFT_COMPILE_BIN", .0.display())]
    NoCompiler(PathBuf),
    #[error("{COMPILER} could not compile {}: see its message", .0.display())]
    Compiler(PathBuf),
    #[error("cannot make a folder for the compiled code in {}", folder.display())]
    Folder { folder: PathBuf, source: std::io::Error },
    #[error("the compiled code {} does not fit this runtime: compile it again with the {COMPILER} of this image", path.display())]
    Load { path: PathBuf, source: wasmtime::Error },
    #[error(transparent)]
    Refused(#[from] code::Error),
}

impl Error {
    pub fn exit(&self) -> Exit {
        match self {
            Self::NotCompiled { .. } | Self::NoCompiler(_) => Exit::NotCompiled,
            Self::Compiler(_) => Exit::InvalidModule,
            Self::Folder { .. } | Self::Refused(code::Error::Read { .. }) => Exit::Host,
            Self::Load { .. } | Self::Refused(_) => Exit::BadCode,
        }
    }
}

/// Code that this device sealed: the file is read once, checked in memory of this process, and loaded from there.
pub fn load_sealed(engine: &Engine, module: &Module, path: &Path, key: &Key) -> Result<Component, Error> {
    let file = code::open(path, key, &module.hash)?;
    let code = file.get(HEADER..).unwrap_or_default();
    sys::load_checked(engine, code).map_err(|source| Error::Load { path: path.to_owned(), source })
}

/// Code of the verified root image, by the module's hash; or of WEFT_COMPILED_DIR.
pub fn load_trusted(engine: &Engine, module: &Module) -> Result<Component, Error> {
    let path = trusted_path(module);
    if !path.exists() {
        return Err(Error::NotCompiled { module: module.path.clone(), code: path });
    }
    load_file(engine, &path)
}

/// For a developer's command: as [`load_trusted`], or compiled now by the program that has a compiler.
pub fn load_or_compile(engine: &Engine, module: &Module) -> Result<Component, Error> {
    let path = trusted_path(module);
    if path.exists() { load_file(engine, &path) } else { compile(engine, module) }
}

fn load_file(engine: &Engine, path: &Path) -> Result<Component, Error> {
    sys::load_trusted(engine, path).map_err(|source| Error::Load { path: path.to_owned(), source })
}

fn trusted_path(module: &Module) -> PathBuf {
    let folder = std::env::var_os("WEFT_COMPILED_DIR").map_or_else(|| SYSTEM_FOLDER.into(), PathBuf::from);
    folder.join(module.code_name())
}

fn compile(engine: &Engine, module: &Module) -> Result<Component, Error> {
    let compiler = std::env::var_os("WEFT_COMPILE_BIN").map(PathBuf::from).unwrap_or_else(|| {
        let own = std::env::current_exe().unwrap_or_default();
        own.parent().unwrap_or(Path::new("/usr/bin")).join(COMPILER)
    });
    if !compiler.exists() {
        return Err(Error::NoCompiler(compiler));
    }
    let folder = PrivateFolder::new()?;
    let code = folder.0.join("code.cwasm");
    let done = Command::new(&compiler).arg(&module.path).arg("--output").arg(&code).status();
    if done.is_ok_and(|status| status.success()) {
        load_file(engine, &code)
    } else {
        Err(Error::Compiler(module.path.clone()))
    }
}

/// A folder that nobody else can write to, gone with this value. Code that is mapped outlives its file.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn new() -> Result<Self, Error> {
        use std::os::unix::fs::DirBuilderExt;
        let folder = std::env::temp_dir();
        let unique = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let path = folder.join(format!("weft-run-{}-{unique}", std::process::id()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|source| Error::Folder { folder, source })?;
        Ok(Self(path))
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // A file left in the folder of temporary files harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
