//! Which package a file comes from.

use super::lock::Package;
use super::store;
use crate::cache::Cache;
use crate::tool::{self, query};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

/// For every file of the packages: its path without a leading slash, and `name version` of its package.
pub fn owners(cache: &Cache, packages: &[Package]) -> Result<BTreeMap<PathBuf, String>, tool::Error> {
    let mut owners = BTreeMap::new();
    for package in packages {
        let mut command = Command::new("dpkg-deb");
        let listing = query("listing a package", command.arg("--contents").arg(store::path(cache, package)))?;
        for path in listing.lines().filter_map(listed_path) {
            owners.insert(path, format!("{} {}", package.name, package.version));
        }
    }
    Ok(owners)
}

/// The path in a line of `dpkg-deb --contents`, which is `tar -tv`'s: `mode owner size date time ./path [-> target]`.
fn listed_path(line: &str) -> Option<PathBuf> {
    let (_, path) = line.split_once(" ./")?;
    let path = path.split(" -> ").next()?;
    (!path.is_empty() && !path.ends_with('/')).then(|| PathBuf::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_links_are_listed_and_folders_are_not() {
        let file = "-rw-r--r-- root/root  88232 2025-01-02 10:00 ./usr/lib/x86_64-linux-gnu/libz.so.1.3.1";
        assert_eq!(listed_path(file), Some(PathBuf::from("usr/lib/x86_64-linux-gnu/libz.so.1.3.1")));
        let link = "lrwxrwxrwx root/root 0 2025-01-02 10:00 ./usr/lib/libz.so.1 -> libz.so.1.3.1";
        assert_eq!(listed_path(link), Some(PathBuf::from("usr/lib/libz.so.1")));
        assert_eq!(listed_path("drwxr-xr-x root/root 0 2025-01-02 10:00 ./usr/lib/"), None);
    }
}
