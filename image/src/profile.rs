//! Image profiles: what goes into an image, as TOML in `image/profiles/` (and `ci/profiles/` for test images).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Folders with profiles, relative to the checkout.
const FOLDERS: [&str; 2] = ["image/profiles", "ci/profiles"];

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no profile {name}; known profiles: {}", .known.join(", "))]
    Unknown { name: String, known: Vec<String> },
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a valid profile: {message}")]
    Parse { path: PathBuf, message: String },
    #[error("{path}: the profile inherits itself")]
    Circle { path: PathBuf },
    #[error("{path}: `{field}` must be set, here or in a profile that this one inherits")]
    Unset { path: PathBuf, field: &'static str },
    #[error("{path}: `{field}` holds {value:?}, which is not a plain relative path")]
    BadPath { path: PathBuf, field: &'static str, value: String },
}

/// A validated profile, with everything that it inherits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    pub name: String,
    pub description: String,
    /// Programs of `components/` and `ci/`, by package name. `weft-web` is the engine.
    pub programs: Vec<String>,
    /// Those of them that are linked statically.
    pub static_programs: Vec<String>,
    /// Links in the root image: path to target.
    pub links: BTreeMap<String, String>,
    /// Service files, without `.toml`.
    pub services: Vec<String>,
    /// App folders of `apps/`, by app id.
    pub apps: Vec<String>,
    /// Folders and files of `rootfs-overlay/` that are copied as they are.
    pub overlay: Vec<String>,
    /// Those of them, SVG pictures, that are in the image as PNG: path to widths in pixels. `sky.svg` becomes `sky-1280.png`.
    pub pictures: BTreeMap<String, Vec<u32>>,
    /// Files of packages of the set `files`: package to paths in it; a folder stands for everything below it.
    pub packages: BTreeMap<String, Vec<String>>,
    /// Whether the Mozilla certificate authorities are put in place.
    pub certificates: bool,
    /// Files of publishers' public keys, relative to the checkout: whose apps the device installs and launches.
    pub trusted_keys: Vec<String>,
    /// The root metadata by which the device trusts updates, relative to the checkout; without it the device takes none.
    pub update_root: Option<String>,
    pub sizes: Sizes,
}

/// Sizes of partitions in MiB.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    pub esp: u64,
    /// Each of the two root slots.
    pub root: u64,
    pub state: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    description: String,
    inherits: Option<String>,
    #[serde(default)]
    programs: Vec<String>,
    #[serde(default)]
    static_programs: Vec<String>,
    #[serde(default)]
    links: BTreeMap<String, String>,
    #[serde(default)]
    services: Vec<String>,
    #[serde(default)]
    apps: Vec<String>,
    #[serde(default)]
    overlay: Vec<String>,
    #[serde(default)]
    pictures: BTreeMap<String, Vec<u32>>,
    #[serde(default)]
    packages: BTreeMap<String, Vec<String>>,
    certificates: Option<bool>,
    #[serde(default)]
    trusted_keys: Vec<String>,
    update_root: Option<String>,
    sizes: Option<Sizes>,
}

impl Profile {
    /// Reads the profile of that name and those it inherits.
    pub fn read(checkout: &Path, name: &str) -> Result<Self, Error> {
        let mut chain = vec![read_raw(checkout, name)?];
        while let Some(parent) = chain.last().and_then(|(_, raw)| raw.inherits.clone()) {
            let (path, raw) = read_raw(checkout, &parent)?;
            if chain.iter().any(|(known, _)| *known == path) {
                return Err(Error::Circle { path });
            }
            chain.push((path, raw));
        }
        let path = chain.first().map(|(path, _)| path.clone()).unwrap_or_default();
        let mut merged = chain.into_iter().rev().map(|(_, raw)| raw).reduce(merge);
        let raw = merged.take().ok_or(Error::Unset { path: path.clone(), field: "description" })?;
        validate(path, name, raw)
    }

    /// Whether the image has the web engine.
    pub fn has_engine(&self) -> bool {
        self.programs.iter().any(|program| program == ENGINE)
    }

    /// The profile as text, for keys.
    pub fn key_text(&self) -> String {
        format!("{self:?}")
    }
}

/// The package name of the engine's crate.
pub const ENGINE: &str = "weft-web";

fn validate(path: PathBuf, name: &str, raw: Raw) -> Result<Profile, Error> {
    let unset = |field| Error::Unset { path: path.clone(), field };
    let sizes = raw.sizes.ok_or_else(|| unset("sizes"))?;
    let paths: [(&'static str, Vec<&String>); 8] = [
        ("overlay", raw.overlay.iter().collect()),
        ("pictures", raw.pictures.keys().collect()),
        ("links", raw.links.keys().collect()),
        ("packages", raw.packages.values().flatten().collect()),
        ("services", raw.services.iter().collect()),
        ("apps", raw.apps.iter().collect()),
        ("trusted_keys", raw.trusted_keys.iter().collect()),
        ("update_root", raw.update_root.iter().collect()),
    ];
    for (field, values) in paths {
        if let Some(value) = values.into_iter().find(|value| !plain(value)) {
            return Err(Error::BadPath { path, field, value: value.clone() });
        }
    }
    Ok(Profile {
        name: name.to_owned(),
        description: raw.description,
        programs: sorted(raw.programs),
        static_programs: sorted(raw.static_programs),
        links: raw.links,
        services: sorted(raw.services),
        apps: sorted(raw.apps),
        overlay: sorted(raw.overlay),
        pictures: raw.pictures,
        packages: raw.packages,
        certificates: raw.certificates.unwrap_or(false),
        trusted_keys: sorted(raw.trusted_keys),
        update_root: raw.update_root,
        sizes,
    })
}

/// `child` over `parent`: lists are added up, single values replaced.
fn merge(parent: Raw, child: Raw) -> Raw {
    let add = |mut one: Vec<String>, other: Vec<String>| {
        one.extend(other);
        one
    };
    let mut links = parent.links;
    links.extend(child.links);
    let mut pictures = parent.pictures;
    pictures.extend(child.pictures);
    let mut packages = parent.packages;
    packages.extend(child.packages);
    Raw {
        description: child.description,
        inherits: child.inherits,
        programs: add(parent.programs, child.programs),
        static_programs: add(parent.static_programs, child.static_programs),
        links,
        services: add(parent.services, child.services),
        apps: add(parent.apps, child.apps),
        overlay: add(parent.overlay, child.overlay),
        pictures,
        packages,
        certificates: child.certificates.or(parent.certificates),
        trusted_keys: add(parent.trusted_keys, child.trusted_keys),
        update_root: child.update_root.or(parent.update_root),
        sizes: child.sizes.or(parent.sizes),
    }
}

fn sorted(mut values: Vec<String>) -> Vec<String> {
    values.sort();
    values.dedup();
    values
}

fn plain(path: &str) -> bool {
    !path.is_empty()
        && Path::new(path).components().all(|part| matches!(part, std::path::Component::Normal(_)))
}

fn read_raw(checkout: &Path, name: &str) -> Result<(PathBuf, Raw), Error> {
    let known = known(checkout);
    let Some((_, path)) = known.iter().find(|(known, _)| known == name) else {
        let known = known.into_iter().map(|(name, _)| name).collect();
        return Err(Error::Unknown { name: name.to_owned(), known });
    };
    let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.clone(), source })?;
    let raw = toml::from_str(&text)
        .map_err(|error: toml::de::Error| Error::Parse { path: path.clone(), message: error.to_string() })?;
    Ok((path.clone(), raw))
}

/// Every profile with its file, sorted by folder and name.
fn known(checkout: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let Ok(entries) = std::fs::read_dir(checkout.join(folder)) else { continue };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        for path in
            paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        {
            if let Some(name) = path.file_stem() {
                found.push((name.to_string_lossy().into_owned(), path.clone()));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str =
        "description = 'base'\nprograms = ['weft-init']\n[sizes]\nesp = 64\nroot = 32\nstate = 64\n";

    fn checkout(profiles: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("image/profiles")).unwrap();
        for (name, text) in profiles {
            std::fs::write(folder.path().join(format!("image/profiles/{name}.toml")), text).unwrap();
        }
        folder
    }

    #[test]
    fn a_profile_adds_to_the_one_it_inherits() {
        let child = "description = 'child'\ninherits = 'base'\nprograms = ['weft-appd']\n";
        let folder = checkout(&[("base", BASE), ("child", child)]);
        let profile = Profile::read(folder.path(), "child").unwrap();
        assert_eq!(profile.programs, ["weft-appd", "weft-init"]);
        assert_eq!((profile.description.as_str(), profile.sizes.root), ("child", 32));
    }

    #[test]
    fn a_wrong_name_lists_the_right_ones() {
        let folder = checkout(&[("core", BASE), ("kiosk", BASE)]);
        let error = Profile::read(folder.path(), "kisok").unwrap_err().to_string();
        assert_eq!(error, "there is no profile kisok; known profiles: core, kiosk");
    }

    #[test]
    fn an_unknown_key_is_named_with_line_and_column() {
        let folder = checkout(&[("x", "description = 'x'\nprogrammes = []\n")]);
        let error = Profile::read(folder.path(), "x").unwrap_err().to_string();
        assert!(error.contains("x.toml") && error.contains("line 2, column 1"), "{error}");
        assert!(error.contains("programmes"), "{error}");
    }

    #[test]
    fn circles_missing_values_and_paths_that_climb_are_refused() {
        let circle = "description = 'x'\ninherits = 'x'\n";
        let climbing = format!("overlay = ['../secret']\n{BASE}");
        let key = format!("trusted_keys = ['/etc/passwd']\n{BASE}");
        let folder = checkout(&[
            ("x", circle),
            ("bare", "description = 'x'\n"),
            ("climbing", &climbing),
            ("key", &key),
        ]);
        let error = |name| Profile::read(folder.path(), name).unwrap_err();
        assert!(matches!(error("x"), Error::Circle { .. }));
        assert!(matches!(error("bare"), Error::Unset { field: "sizes", .. }));
        assert!(matches!(error("climbing"), Error::BadPath { field: "overlay", .. }));
        assert!(matches!(error("key"), Error::BadPath { field: "trusted_keys", .. }));
    }

    #[test]
    fn every_committed_profile_is_valid() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        for (name, _) in known(&checkout) {
            Profile::read(&checkout, &name).unwrap();
        }
    }
}
