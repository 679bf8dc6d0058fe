//! What a component imports, read from its binary without compiling it.

use std::path::{Path, PathBuf};
use wasmparser::component_types::{ComponentEntityType, ComponentInstanceTypeId};
use wasmparser::{
    BinaryReaderError, Encoding, Parser, Payload, ValidPayload, Validator, WasmFeatures, types::TypesRef,
};

/// Imports of one component; more than any real one has.
const MAX_IMPORTS: usize = 1024;

/// One import of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// As it is written, such as `wasi:io/poll@0.2.0`.
    pub name: String,
    /// The functions that could be called through it. None: it only names types, as the C library of older Rust does with sockets.
    pub functions: Vec<String>,
}

impl Import {
    /// The name without the version.
    pub fn interface(&self) -> &str {
        self.name.split_once('@').map_or(&self.name, |(interface, _)| interface)
    }

    /// `wasi:sockets` of `wasi:sockets/tcp@0.2.0`.
    pub fn package(&self) -> &str {
        self.interface().split_once('/').map_or(self.interface(), |(package, _)| package)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} is not a WebAssembly component: build it for the target wasm32-wasip2", .0.display())]
    NotWasm(PathBuf),
    #[error("{} is a core module, not a component: build it for the target wasm32-wasip2", .0.display())]
    CoreModule(PathBuf),
    #[error("{} is damaged: {reason} (at byte {offset})", path.display())]
    Invalid { path: PathBuf, reason: String, offset: usize },
    #[error("{} imports over {MAX_IMPORTS} things", .0.display())]
    TooMany(PathBuf),
}

/// Reads the imports. The structure of the component is validated with all its types; the code of its functions is not: the compiler
/// does that, before it translates any.
pub fn imports(bytes: &[u8], name: &Path) -> Result<Vec<Import>, Error> {
    if !bytes.starts_with(b"\0asm") {
        return Err(Error::NotWasm(name.to_owned()));
    }
    let invalid = |error: BinaryReaderError| Error::Invalid {
        path: name.to_owned(),
        reason: error.message().to_owned(),
        offset: error.offset(),
    };
    let mut validator = Validator::new_with_features(WasmFeatures::default());
    let mut names = Vec::new();
    let mut depth = 0usize;
    let mut types = None;
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(invalid)?;
        match &payload {
            Payload::Version { encoding: Encoding::Module, .. } if depth == 0 => {
                return Err(Error::CoreModule(name.to_owned()));
            }
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section.clone() {
                    names.push(import.map_err(invalid)?.name.name.to_owned());
                    if names.len() > MAX_IMPORTS {
                        return Err(Error::TooMany(name.to_owned()));
                    }
                }
            }
            _ => {}
        }
        if matches!(payload, Payload::Version { .. }) {
            depth += 1;
        }
        match validator.payload(&payload).map_err(invalid)? {
            ValidPayload::End(of) => {
                depth = depth.saturating_sub(1);
                types = Some(of);
            }
            ValidPayload::Ok | ValidPayload::Parser(_) | ValidPayload::Func(..) => {}
        }
    }
    let types = types.filter(|_| depth == 0).ok_or_else(|| Error::NotWasm(name.to_owned()))?;
    let types = types.as_ref();
    Ok(names.into_iter().map(|name| import(types, name)).collect())
}

fn import(types: TypesRef<'_>, name: String) -> Import {
    let functions = match types.component_item_for_import(&name).map(|item| item.ty) {
        Some(ComponentEntityType::Instance(instance)) => functions(types, instance),
        Some(ComponentEntityType::Type { .. }) => Vec::new(),
        // Whatever else it is, it can be used.
        _ => vec![name.clone()],
    };
    Import { name, functions }
}

fn functions(types: TypesRef<'_>, instance: ComponentInstanceTypeId) -> Vec<String> {
    let exports = types[instance].exports.iter();
    exports
        .filter(|(_, item)| !matches!(item.ty, ComponentEntityType::Type { .. }))
        .map(|(name, _)| name.clone())
        .collect()
}
