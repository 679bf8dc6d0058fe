//! Wasm components: the engine's configuration, what a component imports against what its app is granted, and its compiled code.
//!
//! The compiler (feature `compiler`) is in `weft-compile` alone; the session's process is built without it and loads [`code`] only.

pub mod code;
#[cfg(feature = "compiler")]
mod compile;
mod engine;
mod functions;
mod grants;
pub mod imports;
mod module;

#[cfg(feature = "compiler")]
pub use compile::{Error as CompileError, component};
pub use engine::{DEFAULT_STACK, WASMTIME, engine};
pub use grants::Grants;
pub use module::{Error as ModuleError, Kind, Module};
