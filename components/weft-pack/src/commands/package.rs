//! Commands that look at a package of any form.

use crate::report::{Answer, capability};
use crate::{Error, Result};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use weft_package::check::{self, Report};
use weft_package::image::{self, ImageFiles};
use weft_package::key::PublicKey;
use weft_package::store::Form;
use weft_package::{Inventory, Places, Scratch, TrustStore, archive, disk, hex, signature, words};

/// The package itself, where a project made by `weft-pack new` is named.
pub fn folder_of(named: &Path) -> PathBuf {
    let inner = named.join("package");
    let is_project = !named.join(weft_manifest::MANIFEST_NAME).exists()
        && inner.join(weft_manifest::MANIFEST_NAME).exists();
    if is_project { inner } else { named.to_owned() }
}

/// A package as a folder, whatever form it has.
struct Opened {
    form: Form,
    folder: PathBuf,
    /// What was named.
    name: PathBuf,
    _scratch: Option<Scratch>,
}

fn open(named: &Path) -> std::result::Result<Opened, Error> {
    let form = Form::of(named)?;
    if form == Form::Folder {
        let folder = folder_of(named);
        return Ok(Opened { form, name: folder.clone(), folder, _scratch: None });
    }
    let scratch = Scratch::create().map_err(Error::Scratch)?;
    let folder = scratch.path().join("package");
    match form {
        Form::Archive => archive::unbundle(named, &folder)?,
        _ => {
            disk::Disk::create_folder(&disk::Host, &folder).map_err(weft_package::store::Error::Disk)?;
            image::unpack(&disk::Host, named, &folder)?;
        }
    }
    Ok(Opened { form, folder, name: named.to_owned(), _scratch: Some(scratch) })
}

/// What an archive or image has in it.
pub fn unpacked(named: &Path) -> std::result::Result<Report, Error> {
    let opened = open(named)?;
    Ok(check::contents(&opened.folder, &opened.name)?)
}

pub fn check(named: &Path) -> Result {
    let report = unpacked(named)?;
    let manifest = &report.manifest;
    let (files, bytes) = (report.inventory.entries().len(), report.inventory.bytes());
    let mut lines =
        vec![format!("{} {} is a good package: {files} files, {bytes} bytes", manifest.id, manifest.version)];
    lines.extend(report.warnings.iter().map(|warning| format!("warning: {warning}")));
    let json = json!({
        "id": manifest.id.as_str(), "version": manifest.version.to_string(), "files": files, "bytes": bytes,
        "warnings": report.warnings,
    });
    Ok(Answer::new(lines, json))
}

pub fn info(named: &Path) -> Result {
    let opened = open(named)?;
    let report = check::contents(&opened.folder, &opened.name)?;
    let signed_by = signed_by(&opened, &report.inventory);
    let manifest = &report.manifest;
    let mut lines = vec![format!("{} {} ({})", manifest.id, manifest.version, manifest.name)];
    lines.extend(manifest.description.iter().map(|text| format!("  {text}")));
    lines.extend(manifest.author.iter().map(|text| format!("  by {text}")));
    lines.push(format!("  signature: {}", signed_by.0));
    lines.push(format!(
        "  contents: {} files, {} bytes, digest {}",
        report.inventory.entries().len(),
        report.inventory.bytes(),
        hex::encode(&report.inventory.signed_digest())
    ));
    if manifest.capabilities.is_empty() {
        lines.push("  asks for nothing".to_owned());
    }
    lines
        .extend(manifest.capabilities.iter().map(|item| format!("  may {} ({item})", words::describe(item))));
    let json = json!({
        "id": manifest.id.as_str(), "name": manifest.name, "version": manifest.version.to_string(),
        "description": manifest.description, "author": manifest.author,
        "module": manifest.module.as_str(), "entry": manifest.ui.as_ref().map(|ui| ui.entry.as_str()),
        "capabilities": manifest.capabilities.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "meanings": manifest.capabilities.iter().map(capability).collect::<Value>(),
        "imports": report.reach.imports.iter().map(|import| import.name.as_str()).collect::<Vec<_>>(),
        "form": match opened.form { Form::Folder => "folder", Form::Archive => "archive", Form::Image => "image" },
        "signed": signed_by.1.is_some(), "publisher": signed_by.2,
        "digest": hex::encode(&report.inventory.signed_digest()),
        "files": report.inventory.entries().iter().map(|entry| {
            json!({ "path": entry.path, "bytes": entry.bytes, "sha256": hex::encode(&entry.sha256) })
        }).collect::<Value>(),
    });
    Ok(Answer::new(lines, json))
}

/// In words, whether there is a signature, and the trusted publisher that made it.
fn signed_by(opened: &Opened, inventory: &Inventory) -> (String, Option<()>, Option<String>) {
    let trust = Places::from_env().map(|places| TrustStore::read(&places.trusted_keys)).unwrap_or_default();
    match signature::find_signer(&opened.folder, inventory, trust.keys()) {
        Ok(Some(key)) => (format!("of the trusted publisher {key}"), Some(()), Some(key.to_hex())),
        Ok(None) => ("of no trusted publisher, or not over these files".to_owned(), Some(()), None),
        Err(signature::Error::NotSigned(_)) => ("none".to_owned(), None, None),
        Err(error) => (error.to_string(), Some(()), None),
    }
}

pub fn verify(named: &Path, key: Option<&Path>) -> Result {
    let keys = match key {
        Some(path) => vec![PublicKey::read(path)?],
        None => TrustStore::read(&Places::from_env()?.trusted_keys).keys().to_vec(),
    };
    let opened = open(named)?;
    let report = check::contents(&opened.folder, &opened.name)?;
    let id = &report.manifest.id;
    let signer = if opened.form == Form::Image {
        ImageFiles::beside(named).signer(&keys)?.clone()
    } else {
        let found = signature::find_signer(&opened.folder, &report.inventory, &keys)
            .map_err(|error| error.of(&opened.name))?;
        found.cloned().ok_or_else(|| match keys.as_slice() {
            [only] if key.is_some() => {
                signature::Error::Wrong { folder: opened.name.clone(), key: only.to_hex() }
            }
            _ => signature::Error::Untrusted {
                folder: opened.name.clone(),
                keys: Places::from_env()
                    .map(|places| TrustStore::read(&places.trusted_keys).describe())
                    .unwrap_or_default(),
            },
        })?
    };
    let line = format!("{id} is signed by {signer}, every file of it");
    Ok(Answer::line(line, json!({ "id": id.as_str(), "publisher": signer.to_hex() })))
}
