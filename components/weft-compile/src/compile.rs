//! Reads, compiles, checks and writes.

use clap::Parser;
use std::io::Write;
use std::path::{Path, PathBuf};
use wasmtime::component::Component;
use weft_component::code::{self, Key};
use weft_component::{CompileError, DEFAULT_STACK, Grants, Module, ModuleError, engine, imports};
use weft_manifest::{Manifest, ManifestError};

/// Compiles an app's component to the code that its sessions run. The output depends on nothing but the module, this program and the key.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Args {
    /// The component, or a core module of WASI's first preview.
    pub module: PathBuf,
    /// Where the code goes; in a folder it gets the name that a session looks for, `<SHA-256 of the module>.cwasm`.
    #[arg(short, long, value_name = "FILE|FOLDER", required_unless_present = "output_fd")]
    pub output: Option<PathBuf>,
    /// An inherited descriptor to write to instead, for a process that sees no folder.
    #[arg(long, value_name = "N", conflicts_with = "output")]
    pub output_fd: Option<i32>,
    /// The device's key, 32 bytes: binds the code to this device, to the module and to the engine's version. Without it the code is for
    /// the verified root image, which protects it itself.
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The same from an inherited descriptor.
    #[arg(long, value_name = "N", conflicts_with = "key")]
    pub key_fd: Option<i32>,
    /// Also checks the component's imports against this app's capabilities.
    #[arg(long, value_name = "WAPP_TOML")]
    pub manifest: Option<PathBuf>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot set up the engine")]
    Engine(#[source] wasmtime::Error),
    #[error(transparent)]
    Module(#[from] ModuleError),
    #[error(transparent)]
    Compile(#[from] CompileError),
    #[error(transparent)]
    Imports(#[from] imports::Error),
    #[error("cannot serialise the code of {}", path.display())]
    Serialise { path: PathBuf, source: wasmtime::Error },
    #[error(transparent)]
    Key(#[from] code::Error),
    #[error("cannot write the compiled code")]
    Write(#[source] weft_file::Error),
    #[error("--output-fd {0} is not an inherited descriptor")]
    NoDescriptor(i32),
    #[error("cannot write the compiled code")]
    WriteDescriptor(#[source] std::io::Error),
    #[error("cannot read {}", path.display())]
    ReadManifest { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Manifest(ManifestError),
}

impl Error {
    /// As in the table of `weft-runtime`: 3 invalid module, 5 refused, 6 host.
    pub fn exit(&self) -> u8 {
        match self {
            Self::Module(ModuleError::Read { .. }) => 6,
            Self::Module(_) | Self::Compile(_) => 3,
            Self::Imports(_) => 5,
            _ => 6,
        }
    }
}

/// Compiles a module and writes its code in one step.
pub fn compile(args: &Args) -> Result<(), Error> {
    // Taken before anything else opens or closes descriptors.
    let inherited = |raw| weft_service::inherited_fd(raw).ok_or(Error::NoDescriptor(raw));
    let descriptor = args.output_fd.map(inherited).transpose()?;
    let key = match (&args.key, args.key_fd.map(inherited).transpose()?) {
        (Some(path), _) => Some(Key::read(path)?),
        (None, Some(descriptor)) => Some(Key::take(descriptor, "--key-fd")?),
        (None, None) => None,
    };
    let manifest = args.manifest.as_deref().map(read_manifest).transpose()?;
    let engine = engine(DEFAULT_STACK).map_err(Error::Engine)?;
    // An app is a component; what is compiled for a developer's command may be a core module.
    let module = if manifest.is_some() || key.is_some() { Module::read_component } else { Module::read }(
        &args.module,
    )?;
    let component = weft_component::component(&engine, &module)?;
    if let Some(manifest) = manifest {
        let imports = imports::imports(&engine, &component);
        imports::check(&imports, &args.module, &grants(manifest))?;
    }
    let code = serialise(&component, &args.module)?;
    let file = match key {
        Some(key) => code::seal(&key, &module.hash, &code),
        None => code,
    };
    match (descriptor, &args.output) {
        (Some(descriptor), _) => {
            std::fs::File::from(descriptor).write_all(&file).map_err(Error::WriteDescriptor)
        }
        (None, Some(output)) => {
            let output = if output.is_dir() { output.join(module.code_name()) } else { output.clone() };
            weft_file::write_atomic(&output, &file, 0o644).map_err(Error::Write)
        }
        (None, None) => Ok(()),
    }
}

fn serialise(component: &Component, module: &Path) -> Result<Vec<u8>, Error> {
    component.serialize().map_err(|source| Error::Serialise { path: module.to_owned(), source })
}

fn grants(manifest: Manifest) -> Grants {
    let Manifest { capabilities, denied, unused, .. } = manifest;
    Grants { capabilities, denied, unused, command: false }
}

fn read_manifest(path: &Path) -> Result<Manifest, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::ReadManifest { path: path.to_owned(), source })?;
    Manifest::parse(&text, path).map_err(Error::Manifest)
}
