//! The services of the image: what its files say, and what should be there but cannot be started.

use crate::order;
use crate::service_file::{self, Service};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use weft_state::health;

/// What was found.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// In start order.
    pub services: Vec<Service>,
    /// Those that cannot be started, as they are told to whoever decides about a release on trial.
    pub broken: Vec<health::Service>,
    /// One sentence each.
    pub problems: Vec<String>,
}

/// Reads every `*.toml` of the folder. `expected` is the image's list of services, one name a line: a file that is missing is told like one
/// that says nonsense.
pub fn read(folder: &Path, expected: &Path) -> Catalogue {
    let mut problems = Vec::new();
    let mut parsed = Vec::new();
    let mut names = expected_names(expected, &mut problems);
    for (name, path) in files(folder, &mut problems) {
        match read_service(&path) {
            Ok(service) => parsed.push(service),
            Err(problem) => problems.push(problem),
        }
        names.insert(name);
    }
    let required: BTreeMap<String, bool> =
        parsed.iter().map(|service| (service.name.clone(), service.required)).collect();
    let (services, unresolved) = order::resolve(parsed);
    problems.extend(unresolved);
    for service in &services {
        names.remove(&service.name);
    }
    let broken = names.into_iter().map(|name| health::Service {
        // Nobody can say of a file that cannot be read that it does not matter.
        required: required.get(&name).copied().unwrap_or(true),
        state: "broken".to_owned(),
        restarts: 0,
        name,
    });
    Catalogue { broken: broken.collect(), services, problems }
}

fn expected_names(list: &Path, problems: &mut Vec<String>) -> BTreeSet<String> {
    let text = fs::read_to_string(list).unwrap_or_else(|error| {
        problems.push(format!(
            "which services should be there is not known: cannot read {}: {error}",
            list.display()
        ));
        String::new()
    });
    text.split_ascii_whitespace().map(str::to_owned).collect()
}

fn files(folder: &Path, problems: &mut Vec<String>) -> BTreeMap<String, std::path::PathBuf> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(format!("cannot read {}: {error}", folder.display()));
            return BTreeMap::new();
        }
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.map(|path| (stem(&path), path)).collect()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn read_service(path: &Path) -> Result<Service, String> {
    let file = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|error| format!("cannot read {file}: {error}"))?;
    service_file::parse(&file, &stem(path), &text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(files: &[(&str, &str)], expected: &str) -> Catalogue {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("expected");
        fs::write(&list, expected).unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
        }
        read(folder.path(), &list)
    }

    fn broken(catalogue: &Catalogue) -> Vec<(&str, bool)> {
        assert!(catalogue.broken.iter().all(|service| !service.works()));
        catalogue.broken.iter().map(|service| (service.name.as_str(), service.required)).collect()
    }

    const GOOD: &str = "exec = ['/x']";

    #[test]
    fn what_cannot_be_started_is_told_as_broken() {
        let files = [
            ("compositor", "exce = ['/x']"),
            ("appd", "exec = ['/x']\nafter = ['gone']"),
            ("spare", "exec = ['/x']\nafter = ['gone']\nrequired = false"),
            ("netd", GOOD),
        ];
        let found = catalogue(&files, "appd\ncompositor\nnetd\nspare\n");
        assert_eq!(found.services.iter().map(|service| service.name.as_str()).collect::<Vec<_>>(), ["netd"]);
        assert_eq!(broken(&found), [("appd", true), ("compositor", true), ("spare", false)]);
        assert_eq!(found.problems.len(), 3, "{:?}", found.problems);
    }

    #[test]
    fn a_service_of_the_image_whose_file_is_missing_is_told_as_broken() {
        let found = catalogue(&[("netd", GOOD)], "compositor\nnetd\n");
        assert_eq!(broken(&found), [("compositor", true)]);
        let whole = catalogue(&[("netd", GOOD), ("compositor", GOOD)], "compositor\nnetd\n");
        assert!(whole.broken.is_empty() && whole.problems.is_empty(), "{:?}", whole.problems);
    }

    #[test]
    fn an_image_without_a_list_says_so_and_starts_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("netd.toml"), GOOD).unwrap();
        let found = read(folder.path(), &folder.path().join("expected"));
        assert_eq!((found.services.len(), found.problems.len()), (1, 1));
    }
}
