//! Commands that make something out of a folder.

use super::package::{folder_of, unpacked};
use crate::cli::New;
use crate::report::Answer;
use crate::{Error, Result, template};
use serde_json::json;
use std::path::{Path, PathBuf};
use weft_package::key::{self, SecretKey};
use weft_package::{archive, check, image, signature};

pub fn new(arguments: &New) -> Result {
    let folder = arguments.out.clone().unwrap_or_else(|| PathBuf::from(arguments.id.as_str()));
    let name = arguments.name.clone().unwrap_or_else(|| template::name_from(&arguments.id));
    let files = template::write(arguments.template, &arguments.id, &name, &folder)?;
    let shown = folder.display();
    let lines = vec![format!("made {shown}: read {shown}/README.md for how to build and install it")];
    Ok(Answer::new(lines, json!({ "folder": folder, "files": files })))
}

pub fn generate_key(folder: &Path) -> Result {
    std::fs::create_dir_all(folder).map_err(|source| Error::Create { path: folder.to_owned(), source })?;
    let files = key::generate(folder)?;
    let public = SecretKey::read(&files.secret)?.public().to_hex();
    let lines = vec![
        format!(
            "secret key: {} (keep it to yourself; whoever has it publishes in your name)",
            files.secret.display()
        ),
        format!("public key: {} ({public})", files.public.display()),
    ];
    Ok(Answer::new(lines, json!({ "secret": files.secret, "public": files.public, "key": public })))
}

pub fn sign(package: &Path, key: &Path) -> Result {
    let folder = folder_of(package);
    let key = SecretKey::read(key)?;
    let id = check::contents(&folder, &folder)?.manifest.id;
    signature::sign(&folder, &key)?;
    let public = key.public().to_hex();
    let line = format!("signed {id} as {public}");
    Ok(Answer::line(
        line,
        json!({ "id": id.as_str(), "key": public, "signature": folder.join(weft_package::SIGNATURE_NAME) }),
    ))
}

pub fn bundle(package: &Path, out: Option<&Path>) -> Result {
    let folder = folder_of(package);
    let id = check::contents(&folder, &folder)?.manifest.id;
    let to = named(out, &format!("{id}{}", archive::SUFFIX));
    archive::pack(&folder, &to)?;
    Ok(Answer::line(
        format!("packed {id} into {}", to.display()),
        json!({ "id": id.as_str(), "archive": to }),
    ))
}

pub fn unbundle(from: &Path, out: Option<&Path>) -> Result {
    let to = match out {
        Some(out) => out.to_owned(),
        None => PathBuf::from(unpacked(from)?.manifest.id.as_str()),
    };
    archive::unbundle(from, &to)?;
    Ok(Answer::line(format!("unpacked {} into {}", from.display(), to.display()), json!({ "folder": to })))
}

pub fn image(package: &Path, out: Option<&Path>, key: Option<&Path>) -> Result {
    let folder = folder_of(package);
    let id = check::contents(&folder, &folder)?.manifest.id;
    let key = key.map(SecretKey::read).transpose()?;
    let to = named(out, &format!("{id}{}", image::SUFFIX));
    let files = image::build(&folder, &to, key.as_ref())?;
    let root_hash = weft_package::hex::encode(&files.root_hash()?);
    let signed = if key.is_some() { "signed" } else { "not signed; sign it with --key" };
    let lines = vec![
        format!("packed {id} into {}", files.image.display()),
        format!("root hash {root_hash} ({signed})"),
        format!(
            "check it with: veritysetup verify {} {} {root_hash}",
            files.image.display(),
            files.hash.display()
        ),
    ];
    let json = json!({
        "id": id.as_str(), "image": files.image, "hash": files.hash, "roothash_file": files.root_hash,
        "root_hash": root_hash, "signature": key.as_ref().map(|_| &files.signature),
    });
    Ok(Answer::new(lines, json))
}

/// The file that is asked for: by its own name, or in the folder that is named.
fn named(out: Option<&Path>, name: &str) -> PathBuf {
    match out {
        Some(out) if out.is_dir() => out.join(name),
        Some(out) => out.to_owned(),
        None => PathBuf::from(name),
    }
}
