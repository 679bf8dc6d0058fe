//! The layering of the house: libraries below, programs above, and the big engines named in one place each.

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use std::path::Path;

/// The crates of each engine, and who may name them.
const ENGINES: [(&[&str], &[&str]); 4] = [
    (&["servo"], &["weft-web"]),
    (&["wasmtime"], &["weft-runtime", "weft-compile", "weft-component"]),
    (&["wasmtime-wasi"], &["weft-runtime"]),
    (&["smithay"], &["weft-compositor"]),
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
fn each_engine_is_named_by_those_who_run_it() {
    for package in packages() {
        for dependency in &package.dependencies {
            for (engine, owners) in ENGINES {
                let owned = owners.contains(&package.name.as_str());
                let allowed = !engine.contains(&dependency.name.as_str()) || owned;
                assert!(allowed, "{} names {}, which only {owners:?} may", package.name, dependency.name);
            }
        }
    }
}

#[test]
fn only_the_compiling_program_has_a_compiler() {
    for package in packages() {
        for dependency in package.dependencies.iter().filter(|d| d.kind != DependencyKind::Development) {
            let compiles =
                dependency.name == "weft-component" && dependency.features.contains(&"compiler".to_owned());
            assert!(!compiles || *package.name == "weft-compile", "{} has a compiler", package.name);
            let engine = dependency.name == "wasmtime"
                && dependency.features.iter().any(|f| f == "cranelift" || f == "winch");
            assert!(!engine, "{} asks Wasmtime for a compiler", package.name);
        }
    }
}
