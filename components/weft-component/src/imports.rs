//! What a component imports, against what its app was granted, before anything is linked.

use crate::Grants;
use crate::functions::{Need, is_datagram, is_socket, need, option, users};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;
use weft_manifest::{Availability, Capability};

/// Why a component does not fit its app's capabilities.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} imports {import}, which the app is not granted: add {capability} to package.capabilities in wapp.toml", module.display())]
    NotGranted { module: PathBuf, import: String, capability: &'static str },
    #[error("{} imports {import}, which the app is denied: remove {capability} from package.denied in wapp.toml", module.display())]
    Denied { module: PathBuf, import: String, capability: &'static str },
    #[error("{} imports {import}, which is not allowed: start it with {option}", module.display())]
    NotAllowed { module: PathBuf, import: String, option: &'static str },
    #[error("{} imports {import}, which only a session of an app has: install it with weft-pack", module.display())]
    OnlyInSession { module: PathBuf, import: String },
    #[error("{} imports {import}, which this system does not have: build it against weft:app@0.2.0 and WASI 0.2", module.display())]
    Unknown { module: PathBuf, import: String },
    #[error(
        "{} imports {import}, and no capability gives an app datagrams: if its language imports them without need, add wasi:sockets to \
         runtime.unused in wapp.toml", module.display()
    )]
    Datagrams { module: PathBuf, import: String },
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

/// What has to be linked beyond what is granted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// Imports that need a resource to exist in name only: interface and resource.
    pub in_name_only: Vec<(String, String)>,
    /// Imports of `runtime.unused`: interface and function.
    pub unused: Vec<(String, String)>,
}

/// One import of a component.
#[derive(Debug)]
pub struct Import {
    /// With its version.
    pub name: String,
    pub functions: Vec<String>,
    pub resources: Vec<String>,
}

/// What a component imports.
pub fn imports(engine: &Engine, component: &Component) -> Vec<Import> {
    let component_type = component.component_type();
    let mut imports = Vec::new();
    for (name, item) in component_type.imports(engine) {
        let mut import = Import { name: name.to_owned(), functions: Vec::new(), resources: Vec::new() };
        match &item.ty {
            ComponentItem::ComponentInstance(instance) => {
                for (name, item) in instance.exports(engine) {
                    match item.ty {
                        // Functions of resources are `[method]resource.name` and the like.
                        ComponentItem::ComponentFunc(_) => import.functions.push(name.to_owned()),
                        ComponentItem::Resource(_) => import.resources.push(name.to_owned()),
                        ComponentItem::Type(_) => {}
                        _ => import.functions.push(name.to_owned()),
                    }
                }
            }
            ComponentItem::Type(_) => {}
            _ => import.functions.push(String::new()),
        }
        imports.push(import);
    }
    imports
}

/// Refuses a component that imports what was not granted, or that was granted what it does not import.
pub fn check(imports: &[Import], module: &Path, grants: &Grants) -> Result<Remains, Error> {
    let mut remains = Remains::default();
    let mut seen = HashSet::new();
    for import in imports {
        check_import(import, module, grants, &mut remains)?;
        // An interface that names another's resource comes after it (`wasi:io`'s pollable in `wasi:clocks`).
        remains
            .in_name_only
            .retain(|(interface, resource)| *interface != import.name || !seen.contains(resource));
        seen.extend(import.resources.iter().cloned());
    }
    if grants.command {
        return Ok(remains);
    }
    let imported = |(wanted, function): &(&str, &str)| {
        let named = imports.iter().filter(|import| interface(&import.name) == *wanted);
        named.flat_map(|import| &import.functions).any(|name| function.is_empty() || name == function)
    };
    if !imported(&("weft:app/notify", "")) {
        return Err(Error::NeverReady(module.to_owned()));
    }
    for capability in &grants.capabilities {
        if capability.availability() == Availability::NotBacked {
            return Err(Error::CapabilityNotBacked(capability.to_string()));
        }
        let users = users(capability);
        if let (Some((interface, _)), false) = (users.first(), users.iter().any(imported)) {
            return Err(Error::Unused {
                module: module.to_owned(),
                capability: capability.to_string(),
                interface,
            });
        }
    }
    Ok(remains)
}

fn check_import(import: &Import, module: &Path, grants: &Grants, remains: &mut Remains) -> Result<(), Error> {
    let interface = interface(&import.name);
    let mut unused = false;
    for function in &import.functions {
        let full = || {
            if function.is_empty() { import.name.clone() } else { format!("{} ({function})", import.name) }
        };
        match need(interface, function) {
            Some(Need::Nothing) => {}
            Some(Need::Granted(fits, _)) if grants.any(fits) => {}
            // With TCP come names and datagrams in the C library of every language.
            _ if grants.leaves_unused(interface) || (grants.sockets() && is_socket(interface)) => {
                remains.unused.push((import.name.clone(), function.clone()));
                unused = true;
            }
            Some(Need::Granted(_, capability)) => {
                return Err(not_granted(module, full(), capability, grants));
            }
            None if is_datagram(interface) => {
                return Err(Error::Datagrams { module: module.to_owned(), import: full() });
            }
            None => return Err(Error::Unknown { module: module.to_owned(), import: import.name.clone() }),
        }
    }
    if unused {
        name_only(import, remains);
    }
    if !import.functions.is_empty() {
        return Ok(());
    }
    // Nothing of it can be called: the C library of older Rust imports `wasi:sockets` so, only to be able to drop what it never gets.
    match need(interface, "") {
        Some(Need::Granted(fits, _)) if !grants.any(fits) => name_only(import, remains),
        Some(_) => {}
        None if is_datagram(interface) || grants.leaves_unused(interface) => name_only(import, remains),
        None => return Err(Error::Unknown { module: module.to_owned(), import: import.name.clone() }),
    }
    Ok(())
}

fn name_only(import: &Import, remains: &mut Remains) {
    let resources = import.resources.iter().map(|resource| (import.name.clone(), resource.clone()));
    remains.in_name_only.extend(resources);
}

fn not_granted(module: &Path, import: String, capability: &'static str, grants: &Grants) -> Error {
    let module = module.to_owned();
    let denied = |denied: &Capability| denied.to_string() == capability;
    match option(capability) {
        Some(option) if grants.command => Error::NotAllowed { module, import, option },
        None if grants.command => Error::OnlyInSession { module, import },
        _ if grants.denied.iter().any(denied) => Error::Denied { module, import, capability },
        _ => Error::NotGranted { module, import, capability },
    }
}

/// `wasi:io/poll` of `wasi:io/poll@0.2.3`.
pub fn interface(import: &str) -> &str {
    import.split_once('@').map_or(import, |(interface, _version)| interface)
}
