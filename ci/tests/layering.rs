//! The layering of the house: libraries below, programs above, and the big engines named in one place each.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::path::Path;

/// The crates of each engine, and the one program that may name them.
const ENGINES: [(&[&str], &str); 3] = [
    (&["servo"], "weft-web"),
    (&["wasmtime", "wasmtime-wasi"], "weft-runtime"),
    (&["smithay"], "weft-compositor"),
];

fn metadata(manifest: &str) -> Metadata {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(manifest);
    MetadataCommand::new()
        .manifest_path(path)
        .no_deps()
        .other_options(vec!["--locked".into()])
        .exec()
        .unwrap()
}

fn packages() -> Vec<Package> {
    ["Cargo.toml", "components/weft-web/Cargo.toml"]
        .iter()
        .flat_map(|manifest| metadata(manifest).packages)
        .collect()
}

fn is_device_program(package: &Package) -> bool {
    let on_device = package.manifest_path.components().any(|part| part.as_str() == "components");
    on_device && package.targets.iter().any(|target| target.is_bin())
}

#[test]
fn programs_never_depend_on_each_other() {
    let packages = packages();
    let programs: Vec<&Package> = packages.iter().filter(|package| is_device_program(package)).collect();
    assert!(programs.len() >= 5, "only {} programs found", programs.len());
    for program in &programs {
        for dependency in
            program.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development)
        {
            let other = programs.iter().find(|other| *other.name == dependency.name);
            assert!(other.is_none(), "{} depends on the program {}", program.name, dependency.name);
        }
    }
}

#[test]
fn libraries_never_depend_on_programs() {
    let packages = packages();
    let programs: Vec<&Package> = packages.iter().filter(|package| is_device_program(package)).collect();
    let libraries = packages.iter().filter(|package| {
        package.manifest_path.components().any(|part| part.as_str() == "components")
            && !is_device_program(package)
    });
    for library in libraries {
        for dependency in &library.dependencies {
            let program = programs.iter().any(|program| *program.name == dependency.name);
            assert!(!program, "the library {} depends on the program {}", library.name, dependency.name);
        }
    }
}

#[test]
fn each_engine_is_named_by_one_crate() {
    for package in packages() {
        for dependency in &package.dependencies {
            for (engine, owner) in ENGINES {
                let allowed = !engine.contains(&dependency.name.as_str()) || *package.name == owner;
                assert!(allowed, "{} names {}, which only {owner} may", package.name, dependency.name);
            }
        }
    }
}
