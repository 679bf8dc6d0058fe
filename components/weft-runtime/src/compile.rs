//! `weft-runtime compile`.

use crate::args::CompileArgs;
use crate::compiled::{self, read_component};
use crate::engine::engine;
use crate::{Exit, imports, session};
use wasmtime::component::Component;
use weft_manifest::{Manifest, ManifestError};

/// Compiles a component for the device and writes its code in one step.
pub fn compile(args: &CompileArgs) -> Result<Exit, session::Error> {
    let engine = engine().map_err(session::Error::Engine)?;
    let bytes = read_component(&args.module)?;
    let invalid = |source| compiled::Error::Compile { path: args.module.clone(), source };
    if let Some(path) = &args.manifest {
        let manifest = read_manifest(path)?;
        let component = Component::new(&engine, &bytes).map_err(invalid)?;
        imports::check(&engine, &component, &args.module, &manifest.capabilities)?;
    }
    let code = engine.precompile_component(&bytes).map_err(invalid)?;
    let output = if args.output.is_dir() {
        args.output.join(compiled::code_name(&bytes))
    } else {
        args.output.clone()
    };
    weft_file::write_atomic(&output, &code, 0o644).map_err(session::Error::WriteCode)?;
    Ok(Exit::Done)
}

fn read_manifest(path: &std::path::Path) -> Result<Manifest, session::Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| session::Error::ReadManifest { path: path.to_owned(), source })?;
    Manifest::parse(&text, path).map_err(|error: ManifestError| session::Error::Manifest(error))
}
