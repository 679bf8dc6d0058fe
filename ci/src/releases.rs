//! The repository of releases that `cargo weft test` makes with the tests' keys, for machines to update from.

use crate::images;
use crate::web::WebServer;
use anyhow::Context;
use serde_json::Value;
use std::path::PathBuf;
use weft_image::vm::network;
use weft_release::{Release, Slot};

/// The repository's root.
pub fn folder() -> PathBuf {
    images::checkout().join("build/releases")
}

/// The newest release of a profile.
pub fn newest(profile: &str) -> anyhow::Result<Release> {
    let product = weft_release::product(profile);
    let metadata = folder().join("metadata");
    let mut found = Vec::new();
    let files = std::fs::read_dir(&metadata).context("there are no releases: run `cargo weft test`")?;
    for file in files {
        let path = file?.path();
        if !path.to_string_lossy().ends_with(".targets.json") {
            continue;
        }
        let targets: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        for (name, target) in targets["signed"]["targets"].as_object().into_iter().flatten() {
            let length = target["length"].as_u64().unwrap_or_default();
            if let Some(custom) = target.get("custom").and_then(|custom| custom.get("weft")) {
                found.push(Release::from_custom(name, length, Some(custom))?);
            }
        }
    }
    let of_product = found.into_iter().filter(|release| release.product == product);
    of_product
        .max_by(|one, other| one.version.cmp(&other.version))
        .with_context(|| format!("no release of {product}"))
}

/// The kernel image of a release for a slot.
pub fn kernel_image(release: &Release, slot: Slot) -> anyhow::Result<Vec<u8>> {
    Ok(std::fs::read(file(release.parts.uki(slot))?)?)
}

/// Where the file of a target lies.
pub fn file(target: &str) -> anyhow::Result<PathBuf> {
    // `weft_release::location`: the digest of the contents, a point, the name.
    for place in std::fs::read_dir(folder().join("targets"))? {
        let place = place?.file_name().into_string().unwrap_or_default();
        let path =
            place.split_once('.').map(|(digest, _)| folder().join(format!("targets/{digest}.{target}")));
        if let Some(path) = path.filter(|path| path.is_file()) {
            return Ok(path);
        }
    }
    anyhow::bail!("{} has no {target}", folder().display())
}

/// As [`serve`], by https, with the authority's certificate in PEM besides.
pub fn serve_secure(profile: &str) -> anyhow::Result<(WebServer, String, String)> {
    let (server, authority) = WebServer::start_secure(&folder(), network::ROUTER)?;
    let configuration = configuration("https", &server, profile);
    Ok((server, configuration, authority))
}

/// Serves the repository to machines on QEMU's network, with what they have to be told of it (`update.toml`).
pub fn serve(profile: &str) -> anyhow::Result<(WebServer, String)> {
    let server = WebServer::start(&folder())?;
    let configuration = configuration("http", &server, profile);
    Ok((server, configuration))
}

fn configuration(scheme: &str, server: &WebServer, profile: &str) -> String {
    let (address, port, product) = (network::ROUTER, server.port, weft_release::product(profile));
    format!("source = \"{scheme}://{address}:{port}\"\nproduct = \"{product}\"\n")
}
