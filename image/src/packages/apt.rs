//! APT with a root of its own: the pinned suite's packages, signatures checked by APT, nothing of the host's system touched.

use super::lock::{Package, UPDATE};
use super::sources;
use crate::tool::{self, Tools};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

/// How old the package lists may be before they are fetched again.
const LISTS_MAX_AGE: Duration = Duration::from_secs(6 * 3600);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Sources(#[from] sources::Error),
    #[error(transparent)]
    Tool(#[from] tool::Error),
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot read /etc/os-release")]
    OsRelease(#[source] std::io::Error),
    #[error(
        "the mirror no longer has {package}, which image/packages.lock pins: run `{command}` and build again"
    )]
    Gone { package: String, command: String },
    #[error("the suite {suite} has no package {package}: correct image/packages.toml")]
    NoPackage { suite: String, package: String },
}

/// A private APT root.
pub struct Apt {
    folder: PathBuf,
    suite: String,
}

impl Apt {
    /// Prepares the root for a suite below the cache.
    pub fn open(cache: &Path, suite: &str) -> Result<Self, Error> {
        let folder = cache.join("apt").join(suite);
        let apt = Self { folder, suite: suite.to_owned() };
        for sub in
            ["state/lists/partial", "cache/archives/partial", "etc/sources.list.d", "etc/preferences.d"]
        {
            let path = apt.folder.join(sub);
            std::fs::create_dir_all(&path).map_err(|source| Error::Write { path, source })?;
        }
        let os_release = std::fs::read_to_string("/etc/os-release").map_err(Error::OsRelease)?;
        let codename =
            os_release.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME=")).unwrap_or("stable");
        apt.write(
            "etc/sources.list.d/suite.sources",
            &sources::for_suite(Path::new("/etc/apt"), codename, suite)?,
        )?;
        apt.write("status", "")?;
        apt.write("apt.conf", &configuration(&apt.folder))?;
        Ok(apt)
    }

    /// Fetches the package lists, unless those here are recent.
    pub fn update(&self, tools: &Tools<'_>, force: bool) -> Result<(), Error> {
        let stamp = self.folder.join("updated");
        let age = stamp.metadata().and_then(|metadata| metadata.modified()).ok();
        let recent = age
            .is_some_and(|then| SystemTime::now().duration_since(then).is_ok_and(|age| age < LISTS_MAX_AGE));
        if recent && !force {
            return Ok(());
        }
        tools.run("fetching the package lists", self.command("apt-get").arg("update"))?;
        self.write("updated", "")
    }

    /// Downloads exactly the pinned versions into `folder`, under the names that APT gives the files.
    pub fn download(&self, tools: &Tools<'_>, packages: &[&Package], folder: &Path) -> Result<(), Error> {
        let mut command = self.command("apt-get");
        command.arg("download").current_dir(folder);
        command.args(packages.iter().map(|package| format!("{}={}", package.name, package.version)));
        match tools.run("fetching packages", &mut command) {
            Err(tool::Error::Failed { tail, .. }) if gone(&tail).is_some() => {
                let gone = gone(&tail).unwrap_or_default();
                let name = gone.split(' ').next().unwrap_or_default();
                let pinned = packages.iter().find(|package| package.name == name);
                let command = pinned.map_or_else(|| UPDATE.to_owned(), |package| package.update_command());
                Err(Error::Gone { package: gone, command })
            }
            other => Ok(other?),
        }
    }

    /// The newest version of each package in the suite, without its sets.
    pub fn newest(&self, names: &[&str]) -> Result<BTreeMap<String, Package>, Error> {
        let mut command = self.command("apt-cache");
        let text =
            tool::query("looking packages up", command.args(["show", "--no-all-versions"]).args(names))?;
        let found: BTreeMap<String, Package> = text
            .split("\n\n")
            .filter_map(parse_stanza)
            .map(|package| (package.name.clone(), package))
            .collect();
        match names.iter().find(|name| !found.contains_key(**name)) {
            Some(missing) => {
                Err(Error::NoPackage { suite: self.suite.clone(), package: (*missing).to_owned() })
            }
            None => Ok(found),
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", self.folder.join("apt.conf")).env("LC_ALL", "C.UTF-8");
        command
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.folder.join(name);
        std::fs::write(&path, text).map_err(|source| Error::Write { path, source })
    }
}

/// `apt.conf(5)` of the private root. Only amd64 and no recommended packages, whatever the machine's own settings are.
fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "Dir::State \"{folder}/state\";\nDir::State::status \"{folder}/status\";\nDir::Cache \"{folder}/cache\";\n\
         Dir::Etc \"{folder}/etc\";\nDir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"{folder}/etc/sources.list.d\";\n\
         Dir::Etc::Preferences \"/dev/null\";\nDir::Etc::PreferencesParts \"{folder}/etc/preferences.d\";\n\
         APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\nAPT::Install-Recommends \"false\";\n\
         APT::Sandbox::User \"root\";\nAcquire::Languages \"none\";\nAcquire::Retries \"3\";\n"
    )
}

/// The package and version that APT says it cannot find.
fn gone(output: &str) -> Option<String> {
    for line in output.lines() {
        if let Some(name) = line.strip_prefix("E: Unable to locate package ") {
            return Some(name.trim().to_owned());
        }
        if let Some(rest) = line.strip_prefix("E: Version '") {
            let (version, rest) = rest.split_once("' for '")?;
            let (name, _) = rest.split_once('\'')?;
            return Some(format!("{name} {version}"));
        }
    }
    output.contains("404  Not Found").then(|| "a package file".to_owned())
}

fn parse_stanza(stanza: &str) -> Option<Package> {
    let field = |name: &str| {
        stanza
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .map(|value| value.trim().to_owned())
    };
    Some(Package {
        name: field("Package")?,
        version: field("Version")?,
        sha256: field("SHA256")?,
        size: field("Size")?.parse().ok()?,
        sets: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_says_which_pinned_version_is_gone() {
        let output = "Reading package lists...\nE: Version '2.41-11' for 'libc6' was not found\n";
        assert_eq!(gone(output).unwrap(), "libc6 2.41-11");
        assert_eq!(gone("E: Unable to locate package libold\n").unwrap(), "libold");
        assert_eq!(gone("W: something else"), None);
    }

    #[test]
    fn a_stanza_of_apt_cache_gives_a_pin() {
        let stanza = "Package: libc6\nSource: glibc\nVersion: 2.41-12\nSize: 2847\nSHA256: abcd\nDescription: C library";
        let package = parse_stanza(stanza).unwrap();
        assert_eq!(
            (package.name.as_str(), package.version.as_str(), package.size),
            ("libc6", "2.41-12", 2847)
        );
        assert!(parse_stanza("Package: virtual\n").is_none());
    }
}
