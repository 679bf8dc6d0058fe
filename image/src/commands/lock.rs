//! `cargo weft lock`: pins packages anew, or checks that the pinned ones can be had.

use super::Error;
use crate::cache::Cache;
use crate::cli::LockCommand;
use crate::packages::apt::Apt;
use crate::packages::lock::{HELD, Lock, Package};
use crate::packages::sets::PackageSets;
use crate::packages::store;
use crate::progress::Progress;
use crate::tool::Tools;
use crate::workspace::Workspace;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::ExitCode;

pub fn run(command: &LockCommand) -> Result<ExitCode, Error> {
    let workspace = Workspace::find()?;
    let folder = workspace.root().join("image");
    let sets = PackageSets::read(&folder.join("packages.toml"))?;
    let lock_path = folder.join("packages.lock");
    let progress = Progress::new();
    let cache = Cache::open(workspace.cache(), &progress)?;
    let tools = Tools::new(&cache.logs(), "lock", &progress)?;
    match command {
        LockCommand::Update { engine } => update(&sets, lock_path, *engine, &cache, &tools)?,
        LockCommand::Check => {
            let lock = Lock::read(&lock_path)?;
            progress.begin("packages");
            store::fetch(&cache, &tools, &sets.suite, &lock.packages)?;
            progress.finish(false);
            println!("all {} packages are there and have the pinned contents", lock.packages.len());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn update(
    sets: &PackageSets,
    path: PathBuf,
    engine: bool,
    cache: &Cache,
    tools: &Tools<'_>,
) -> Result<(), Error> {
    let empty = || Lock { suite: sets.suite.clone(), packages: Vec::new() };
    let before = Lock::read(&path).unwrap_or_else(|_| empty());
    tools.progress().begin("packages");
    let apt = Apt::open(cache.root(), &sets.suite)?;
    apt.update(tools, true)?;
    let names: BTreeSet<&str> = sets.sets.values().flatten().map(String::as_str).collect();
    let newest = apt.newest(&names.into_iter().collect::<Vec<_>>())?;
    let lock = Lock { suite: sets.suite.clone(), packages: pin(sets, &before, &newest, engine) };
    weft_file::write_atomic(&path, lock.to_text()?.as_bytes(), 0o644)?;
    tools.progress().finish(false);
    let changes = changes(&before.packages, &lock.packages);
    for change in &changes {
        println!("{change}");
    }
    println!("{}: {} packages, {} changes", path.display(), lock.packages.len(), changes.len());
    Ok(())
}

/// The newest version for every set, except that the held set keeps its pins unless `engine` is asked for.
fn pin(sets: &PackageSets, before: &Lock, newest: &BTreeMap<String, Package>, engine: bool) -> Vec<Package> {
    let mut pinned: BTreeMap<(String, String), Package> = BTreeMap::new();
    for (set, names) in &sets.sets {
        for name in names {
            let held = if set == HELD && !engine { before.pin(name, set) } else { None };
            let Some(chosen) = held.or_else(|| newest.get(name)) else { continue };
            let entry = pinned
                .entry((name.clone(), chosen.version.clone()))
                .or_insert_with(|| Package { sets: Vec::new(), ..chosen.clone() });
            entry.sets.push(set.clone());
        }
    }
    pinned.into_values().collect()
}

/// One line a pin that is new or gone.
fn changes(before: &[Package], after: &[Package]) -> Vec<String> {
    let lines = |from: &[Package], other: &[Package], sign: &str| -> Vec<String> {
        let differs = |package: &&Package| !other.contains(package);
        from.iter()
            .filter(differs)
            .map(|package| {
                format!("{sign} {} {} ({})", package.name, package.version, package.sets.join(", "))
            })
            .collect()
    };
    [lines(before, after, "-"), lines(after, before, "+")].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, sets: &[&str]) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            sha256: String::new(),
            size: 0,
            sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        }
    }

    fn sample() -> (PackageSets, Lock, BTreeMap<String, Package>) {
        let sets = "suite = 's'\n[sets]\nengine = ['z', 'c']\nsystem = ['z']";
        let packages = vec![package("z", "1", &["engine", "system"])];
        let newest = ["z", "c"].map(|name| (name.to_owned(), package(name, "2", &[])));
        (toml::from_str(sets).unwrap(), Lock { suite: "s".into(), packages }, newest.into())
    }

    #[test]
    fn a_plain_update_leaves_the_engine_alone() {
        let (sets, before, newest) = sample();
        let pinned = pin(&sets, &before, &newest, false);
        let wanted =
            [package("c", "2", &["engine"]), package("z", "1", &["engine"]), package("z", "2", &["system"])];
        assert_eq!(pinned, wanted);
        assert_eq!(pinned[1].update_command(), "cargo weft lock update --engine");
        let all = pin(&sets, &before, &newest, true);
        assert_eq!(all, [package("c", "2", &["engine"]), package("z", "2", &["engine", "system"])]);
        assert_eq!(all[1].update_command(), "cargo weft lock update");
    }

    #[test]
    fn an_update_says_what_it_changed() {
        let before = [package("a", "1", &["x"]), package("b", "1", &["x"])];
        let after = [package("a", "1", &["x"]), package("b", "2", &["x"])];
        assert_eq!(changes(&before, &after), ["- b 1 (x)", "+ b 2 (x)"]);
    }
}
