//! What a component imports, against what its app was granted, before anything is linked.

use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use weft_manifest::Capability;

/// Why a component does not fit its app's capabilities.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} imports {import}, which the app is not granted: add {capability} to package.capabilities in wapp.toml", module.display())]
    NotGranted { module: PathBuf, import: String, capability: &'static str },
    #[error("{} imports {import}, which this system does not have: build it against weft:app@0.2.0 and WASI 0.2", module.display())]
    Unknown { module: PathBuf, import: String },
    #[error("{} imports {import}, which this version of the system knows but cannot give to any app", module.display())]
    NotBacked { module: PathBuf, import: String },
    #[error(
        "{} does not import weft:app/notify, so its session would never be ready: call notify.ready() once it can answer",
        .0.display()
    )]
    NeverReady(PathBuf),
    #[error(
        "wapp.toml declares {capability} in package.capabilities, but {} does not import {interface}: use it, or remove the capability",
        module.display()
    )]
    Unused { module: PathBuf, capability: String, interface: &'static str },
    #[error(
        "the capability {0} is known, but nothing on this system stands behind it: remove it from package.capabilities in wapp.toml"
    )]
    CapabilityNotBacked(String),
}

/// What a component needs for an interface.
enum Need {
    /// Nothing. The folders and variables that such an interface leads to are granted on their own: the C library of every
    /// language imports `wasi:filesystem` and `wasi:cli/environment` whether the program uses them or not.
    Nothing,
    Granted(Capability, &'static str),
    NotBacked,
}

/// The interface's need, by its name without a version; `None` for an interface that this system does not have.
fn need(interface: &str) -> Option<Need> {
    Some(match interface {
        "weft:app/notify" | "weft:app/ipc" => Need::Nothing,
        "wasi:io/error" | "wasi:io/poll" | "wasi:io/streams" => Need::Nothing,
        "wasi:cli/environment" | "wasi:cli/exit" => Need::Nothing,
        "wasi:cli/stdin" | "wasi:cli/stdout" | "wasi:cli/stderr" => Need::Nothing,
        "wasi:cli/terminal-input" | "wasi:cli/terminal-output" => Need::Nothing,
        "wasi:cli/terminal-stdin" | "wasi:cli/terminal-stdout" | "wasi:cli/terminal-stderr" => Need::Nothing,
        "wasi:filesystem/types" | "wasi:filesystem/preopens" => Need::Nothing,
        "wasi:clocks/monotonic-clock" | "wasi:clocks/wall-clock" => {
            Need::Granted(Capability::Clock, "wasi:clock")
        }
        "wasi:random/random" | "wasi:random/insecure" | "wasi:random/insecure-seed" => {
            Need::Granted(Capability::Random, "wasi:random")
        }
        "weft:app/notifications" => Need::Granted(Capability::Notifications, "sys:notifications"),
        "weft:app/fetch" | "weft:app/clipboard" => Need::NotBacked,
        _ if interface.starts_with("wasi:sockets/") => Need::NotBacked,
        _ => return None,
    })
}

/// The interface without which a capability is never used.
fn user(capability: &Capability) -> Option<&'static str> {
    match capability {
        Capability::AppData { .. } | Capability::Documents { .. } => Some("wasi:filesystem/types"),
        Capability::Notifications => Some("weft:app/notifications"),
        Capability::Env => Some("wasi:cli/environment"),
        _ => None,
    }
}

/// One import of a component.
struct Import<'a> {
    name: &'a str,
    /// The resources it names, where it has no function that could be called. The C library of older Rust imports `wasi:sockets` so,
    /// only to be able to drop what it can never get.
    inert: Option<Vec<&'a str>>,
}

/// Refuses a component that imports what was not granted, or that was granted what it does not import. `granted` is without the
/// defaults. What comes out are the imports that need a resource to exist in name only: interface and resource.
pub fn check(
    engine: &Engine,
    component: &Component,
    module: &Path,
    granted: &[Capability],
) -> Result<Vec<(String, String)>, Error> {
    let component_type = component.component_type();
    let externs: Vec<_> = component_type.imports(engine).collect();
    let imports: Vec<Import<'_>> =
        externs.iter().map(|(name, item)| Import { name, inert: inert(engine, &item.ty) }).collect();
    check_imports(&imports, module, granted)
}

fn inert<'a>(engine: &'a Engine, item: &'a ComponentItem) -> Option<Vec<&'a str>> {
    let ComponentItem::ComponentInstance(instance) = item else { return None };
    let mut resources = Vec::new();
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::Resource(_) => resources.push(name),
            ComponentItem::Type(_) => {}
            _ => return None,
        }
    }
    Some(resources)
}

fn check_imports(
    imports: &[Import<'_>],
    module: &Path,
    granted: &[Capability],
) -> Result<Vec<(String, String)>, Error> {
    let module = || module.to_owned();
    let mut in_name_only = Vec::new();
    for Import { name, inert } in imports {
        let import = (*name).to_owned();
        match (need(interface(name)), inert) {
            (Some(Need::Nothing), _) => {}
            (Some(Need::Granted(capability, _)), _)
                if Capability::DEFAULT.contains(&capability) || granted.contains(&capability) => {}
            (Some(Need::Granted(_, capability)), _) => {
                return Err(Error::NotGranted { module: module(), import, capability });
            }
            (Some(Need::NotBacked), Some(resources)) => {
                in_name_only
                    .extend(resources.iter().map(|resource| (import.clone(), (*resource).to_owned())));
            }
            (Some(Need::NotBacked), None) => return Err(Error::NotBacked { module: module(), import }),
            (None, _) => return Err(Error::Unknown { module: module(), import }),
        }
    }
    let imported = |wanted: &str| imports.iter().any(|import| interface(import.name) == wanted);
    if !imported("weft:app/notify") {
        return Err(Error::NeverReady(module()));
    }
    for capability in granted {
        if capability.availability() == weft_manifest::Availability::NotBacked {
            return Err(Error::CapabilityNotBacked(capability.to_string()));
        }
        if let Some(interface) = user(capability).filter(|interface| !imported(interface)) {
            return Err(Error::Unused { module: module(), capability: capability.to_string(), interface });
        }
    }
    Ok(in_name_only)
}

/// `wasi:io/poll` of `wasi:io/poll@0.2.3`.
fn interface(import: &str) -> &str {
    import.split_once('@').map_or(import, |(interface, _version)| interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTIFY: &str = "weft:app/notify@0.2.0";

    fn check(imports: &[&str], granted: &[&str]) -> Result<(), String> {
        let granted: Vec<Capability> = granted.iter().map(|text| text.parse().unwrap()).collect();
        let imports: Vec<Import<'_>> = imports.iter().map(|name| Import { name, inert: None }).collect();
        check_imports(&imports, Path::new("app.wasm"), &granted).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_need_no_capability() {
        check(&[NOTIFY, "weft:app/ipc@0.1.0", "wasi:clocks/wall-clock@0.2.0", "wasi:io/poll@0.2.6"], &[])
            .unwrap();
    }

    #[test]
    fn a_refusal_names_the_import_and_the_fix() {
        let error = check(&[NOTIFY, "weft:app/notifications@0.2.0"], &[]).unwrap_err();
        assert_eq!(
            error,
            "app.wasm imports weft:app/notifications@0.2.0, which the app is not granted: add sys:notifications to \
             package.capabilities in wapp.toml"
        );
        assert!(
            check(&[NOTIFY, "wasi:sockets/tcp@0.2.0"], &[]).unwrap_err().contains("cannot give to any app")
        );
        assert!(check(&[NOTIFY, "wasi:http/types@0.2.0"], &[]).unwrap_err().contains("does not have"));
        assert!(check(&["wasi:cli/stdout@0.2.0"], &[]).unwrap_err().contains("call notify.ready()"));
        assert!(check(&[NOTIFY], &["hw:gpu:render"]).unwrap_err().contains("nothing on this system"));
    }

    #[test]
    fn what_is_granted_and_not_imported_is_refused() {
        let error = check(&[NOTIFY], &["sys:notifications"]).unwrap_err();
        assert!(error.contains("does not import weft:app/notifications: use it, or remove"), "{error}");
        check(&[NOTIFY, "weft:app/notifications@0.2.0"], &["sys:notifications"]).unwrap();
    }
}
