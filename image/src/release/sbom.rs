//! The software bill of materials of a release: CycloneDX 1.6 as JSON, every file of the root image below the package or crate that it
//! comes from.

use crate::key::{hex, sha256_file};
use semver::Version;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A crate that is compiled into a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    pub name: String,
    pub version: String,
    /// An SPDX expression.
    pub license: Option<String>,
}

impl Crate {
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }
}

/// A Debian package that is not in the root image, but on the boot partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootPackage {
    pub name: String,
    pub version: String,
}

/// What a bill is made of.
pub struct Parts<'a> {
    /// `weft_release::product`.
    pub product: &'a str,
    pub version: &'a Version,
    /// Hex; names the bill too.
    pub root_hash: &'a str,
    /// The root file system as a folder.
    pub root: &'a Path,
    /// `path<TAB>mode<TAB>size<TAB>origin`, a line a file.
    pub files: &'a str,
    /// The crates of each program, by the program's name.
    pub programs: &'a BTreeMap<String, BTreeSet<Crate>>,
    pub boot: &'a [BootPackage],
}

/// The origin of the programs that are built here.
const BUILT: &str = "components";

/// The bill. The same image gives the same bill.
pub fn bill(parts: &Parts<'_>) -> Result<Value, crate::key::Error> {
    let mut groups: BTreeMap<(String, String), Vec<Value>> = BTreeMap::new();
    let mut dependencies = Vec::new();
    for line in parts.files.lines() {
        let mut fields = line.split('\t');
        let (Some(path), Some(mode), _, Some(origin)) =
            (fields.next(), fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let name = path.rsplit('/').next().unwrap_or_default();
        let group = if origin == BUILT { (BUILT.to_owned(), name.to_owned()) } else { source(origin) };
        groups.entry(group).or_default().push(file(parts.root, path, mode)?);
    }
    let mut components: Vec<Value> = Vec::new();
    for ((kind, name), files) in groups {
        let component = match kind.as_str() {
            BUILT => {
                let crates = parts.programs.get(&name).into_iter().flatten();
                let on: Vec<String> = crates.map(Crate::purl).collect();
                let component = own(&name, "application", parts.version, files);
                dependencies.push(json!({ "ref": component["bom-ref"], "dependsOn": on }));
                component
            }
            "" => own(&name, "data", parts.version, files),
            version => debian(&name, version, files),
        };
        components.push(component);
    }
    components.extend(parts.boot.iter().map(|package| debian(&package.name, &package.version, Vec::new())));
    let crates: BTreeSet<&Crate> = parts.programs.values().flatten().collect();
    components.extend(crates.into_iter().map(library));
    let system = format!("{}@{}", parts.product, parts.version);
    let direct: Vec<&Value> = components
        .iter()
        .filter(|part| part.get("components").is_some())
        .map(|part| &part["bom-ref"])
        .collect();
    dependencies.push(json!({ "ref": system, "dependsOn": direct }));
    Ok(json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": format!("urn:uuid:{}", uuid_of(parts.root_hash)),
        "version": 1,
        "metadata": { "component": {
            "type": "operating-system",
            "bom-ref": system,
            "name": parts.product,
            "version": parts.version.to_string(),
            "hashes": [{ "alg": "SHA-256", "content": parts.root_hash }],
        } },
        "components": components,
        "dependencies": dependencies,
    }))
}

/// Version and name of a Debian package, or no version and what else it is: `name version`, with a word and a colon for what is not Debian's.
fn source(origin: &str) -> (String, String) {
    match origin.split_once(' ') {
        Some((name, version))
            if !name.ends_with(':') && version.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            (version.to_owned(), name.to_owned())
        }
        _ => (String::new(), origin.to_owned()),
    }
}

fn file(root: &Path, path: &str, mode: &str) -> Result<Value, crate::key::Error> {
    let mut file = json!({ "type": "file", "name": path });
    match mode.strip_prefix("-> ") {
        Some(target) => file["description"] = format!("a link to {target}").into(),
        None => {
            let digest = sha256_file(&root.join(path.trim_start_matches('/')))?;
            file["hashes"] = json!([{ "alg": "SHA-256", "content": digest }]);
        }
    }
    Ok(file)
}

/// Something of this repository.
fn own(name: &str, kind: &str, version: &Version, files: Vec<Value>) -> Value {
    let mut reference: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    reference.insert_str(0, "weft-os/");
    json!({
        "type": kind,
        "bom-ref": reference,
        "name": name,
        "version": version.to_string(),
        "supplier": { "name": "WEFT OS" },
        "licenses": [{ "expression": "Apache-2.0 OR MIT" }],
        "components": files,
    })
}

fn debian(name: &str, version: &str, files: Vec<Value>) -> Value {
    // Package URL: what has a meaning in the syntax is written as its code.
    let encoded = version.replace('+', "%2B").replace(':', "%3A");
    let purl = format!("pkg:deb/debian/{}@{encoded}?arch=amd64", name.replace('+', "%2B"));
    json!({
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "supplier": { "name": "Debian" },
        "purl": purl,
        "components": files,
    })
}

fn library(library: &Crate) -> Value {
    let purl = library.purl();
    let mut component = json!({
        "type": "library",
        "bom-ref": purl,
        "name": library.name,
        "version": library.version,
        "purl": purl,
    });
    if let Some(license) = &library.license {
        // An old way to write `OR`.
        component["licenses"] = json!([{ "expression": license.replace('/', " OR ") }]);
    }
    component
}

/// A UUID of version 8 (RFC 9562 section 5.8) that the root hash gives.
fn uuid_of(root_hash: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::new().chain_update("weft sbom ").chain_update(root_hash).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_below_what_it_comes_from() {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in
            [("usr/bin/weft-init", "init"), ("usr/lib/libstdc++.so.6", "lib"), ("etc/hosts", "x")]
        {
            std::fs::create_dir_all(root.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(root.path().join(path), text).unwrap();
        }
        let files = "/bin\t-> usr/bin\t0\tpipeline: merged /usr\n\
                     /etc/hosts\t0644\t1\trootfs-overlay\n\
                     /usr/bin/weft-init\t0755\t4\tcomponents\n\
                     /usr/lib/libstdc++.so.6\t0644\t3\tlibstdc++6 14.2.0-19+b1\n";
        let serde =
            Crate { name: "serde".into(), version: "1.0.1".into(), license: Some("MIT/Apache-2.0".into()) };
        let programs = BTreeMap::from([("weft-init".to_owned(), BTreeSet::from([serde]))]);
        let boot = [BootPackage { name: "systemd-boot-efi".into(), version: "257.13-1~deb13u1".into() }];
        let version = "1.2.0".parse().unwrap();
        let root_hash = "ab".repeat(32);
        let parts = Parts {
            product: "weft-core",
            version: &version,
            root_hash: &root_hash,
            root: root.path(),
            files,
            programs: &programs,
            boot: &boot,
        };
        let bill = bill(&parts).unwrap();
        let components = bill["components"].as_array().unwrap();
        let owner = |file: &str| {
            let has = |part: &&Value| {
                part["components"]
                    .as_array()
                    .is_some_and(|files| files.iter().any(|entry| entry["name"] == file))
            };
            components.iter().find(has).unwrap()
        };
        assert_eq!(
            owner("/usr/lib/libstdc++.so.6")["purl"],
            "pkg:deb/debian/libstdc%2B%2B6@14.2.0-19%2Bb1?arch=amd64"
        );
        assert_eq!(owner("/usr/bin/weft-init")["type"], "application");
        assert_eq!(owner("/bin")["name"], "pipeline: merged /usr");
        let init = sha256_file(&root.path().join("usr/bin/weft-init")).unwrap();
        assert_eq!(owner("/usr/bin/weft-init")["components"][0]["hashes"][0]["content"], init);
        let attributed: usize =
            components.iter().filter_map(|part| part["components"].as_array()).map(Vec::len).sum();
        assert_eq!(attributed, 4, "a file is missing or there twice");
        let depends = &bill["dependencies"][0];
        assert_eq!(
            (&depends["ref"], &depends["dependsOn"][0]),
            (&json!("weft-os/weft-init"), &json!("pkg:cargo/serde@1.0.1"))
        );
        let serde = components.iter().find(|part| part["name"] == "serde").unwrap();
        assert_eq!(serde["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert!(components.iter().any(|part| part["name"] == "systemd-boot-efi"));
        assert_eq!(bill["serialNumber"].as_str().unwrap().len(), "urn:uuid:".len() + 36);
        let references: Vec<&Value> = components.iter().map(|part| &part["bom-ref"]).collect();
        let unique: BTreeSet<String> = references.iter().map(|reference| reference.to_string()).collect();
        assert_eq!(unique.len(), references.len());
    }
}
