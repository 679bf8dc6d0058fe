//! From a module to the code that a session runs.

use crate::{Kind, Module};
use std::path::PathBuf;
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER,
};
use wasmtime::Engine;
use wasmtime::component::Component;
use wit_component::ComponentEncoder;

/// Why a module cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot compile {}", path.display())]
    Compile { path: PathBuf, source: wasmtime::Error },
    #[error("{} is a core module that cannot be made a component: {reason}", path.display())]
    Adapt { path: PathBuf, reason: String },
}

/// Compiles a component; a core module of WASI's first preview is made one first.
pub fn component(engine: &Engine, module: &Module) -> Result<Component, Error> {
    let adapted = match module.kind {
        Kind::Component => None,
        Kind::Core => {
            Some(adapt(&module.bytes).map_err(|reason| Error::Adapt { path: module.path.clone(), reason })?)
        }
    };
    let bytes = adapted.as_deref().unwrap_or(&module.bytes);
    Component::new(engine, bytes).map_err(|source| Error::Compile { path: module.path.clone(), source })
}

fn adapt(module: &[u8]) -> Result<Vec<u8>, String> {
    ComponentEncoder::default()
        .module(module)
        .and_then(|encoder| {
            encoder.adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER)
        })
        .and_then(|mut encoder| encoder.encode())
        .map_err(|error| format!("{error:#}"))
}
