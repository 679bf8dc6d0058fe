//! Which crates are compiled into a program, by cargo's own resolution.

use super::sbom::Crate;
use crate::tool;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Tool(#[from] tool::Error),
    #[error("cargo described the workspace in a way that is not understood")]
    Metadata(#[from] serde_json::Error),
}

/// The parts of `cargo metadata` that matter.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// The crates of others in each package of the workspace of that manifest: those that its code links, with the features of all packages
/// of the workspace added up, so a few more than the program itself may need. What runs only while building is left out.
pub fn of_workspace(manifest: &Path) -> Result<BTreeMap<String, BTreeSet<Crate>>, Error> {
    let mut command = Command::new("cargo");
    command.args(["metadata", "--format-version", "1", "--locked", "--manifest-path"]).arg(manifest);
    command.args(["--filter-platform", crate::stages::device_env::TARGET]);
    resolve(&tool::query("asking cargo for the crates of the programs", &mut command)?)
}

fn resolve(metadata: &str) -> Result<BTreeMap<String, BTreeSet<Crate>>, Error> {
    let metadata: Metadata = serde_json::from_str(metadata)?;
    let packages: HashMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: HashMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let own = metadata.packages.iter().filter(|package| package.source.is_none());
    Ok(own.map(|package| (package.name.clone(), closure(&package.id, &nodes, &packages))).collect())
}

fn closure(root: &str, nodes: &HashMap<&str, &Node>, packages: &HashMap<&str, &Package>) -> BTreeSet<Crate> {
    let mut seen = BTreeSet::from([root]);
    let mut queue = vec![root];
    while let Some(node) = queue.pop().and_then(|id| nodes.get(id)) {
        let linked = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        for dependency in node.deps.iter().filter(linked) {
            if seen.insert(&dependency.pkg) {
                queue.push(&dependency.pkg);
            }
        }
    }
    let others =
        seen.into_iter().filter_map(|id| packages.get(id)).filter(|package| package.source.is_some());
    others
        .map(|package| Crate {
            name: package.name.clone(),
            version: package.version.clone(),
            license: package.license.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn linked_crates_count_and_those_of_the_build_do_not() {
        let metadata = r#"{
            "packages": [
                {"id": "p", "name": "weft-x", "version": "0.1.0", "license": null, "source": null},
                {"id": "o", "name": "weft-y", "version": "0.1.0", "license": null, "source": null},
                {"id": "a", "name": "a", "version": "1.0.0", "license": "MIT", "source": "registry"},
                {"id": "b", "name": "b", "version": "2.0.0", "license": null, "source": "registry"},
                {"id": "c", "name": "c", "version": "3.0.0", "license": null, "source": "registry"}
            ],
            "resolve": {"nodes": [
                {"id": "p", "deps": [{"pkg": "o", "dep_kinds": [{"kind": null}]}, {"pkg": "c", "dep_kinds": [{"kind": "build"}]}]},
                {"id": "o", "deps": [{"pkg": "a", "dep_kinds": [{"kind": "dev"}, {"kind": null}]}]},
                {"id": "a", "deps": [{"pkg": "b", "dep_kinds": [{"kind": null}]}]},
                {"id": "b", "deps": [{"pkg": "a", "dep_kinds": [{"kind": null}]}]},
                {"id": "c", "deps": []}
            ]}
        }"#;
        let programs = resolve(metadata).unwrap();
        let names: Vec<&str> = programs["weft-x"].iter().map(|krate| krate.name.as_str()).collect();
        assert_eq!(names, ["a", "b"]);
    }
}
