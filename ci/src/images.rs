//! Where the images under test are.

use anyhow::Context;
use std::path::{Path, PathBuf};
use weft_image::image_info::ImageInfo;

/// The top folder of the checkout.
pub fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}

/// The built image of a profile, or why there is none to test.
pub fn find(profile: &str) -> Result<ImageInfo, String> {
    let path = checkout().join("build/images").join(format!("{profile}.json"));
    let missing =
        || format!("no image {profile}: run `cargo weft test`, or `cargo weft build --profile {profile}`");
    let text = std::fs::read_to_string(&path).map_err(|_| missing())?;
    let info: ImageInfo =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    if info.image.exists() { Ok(info) } else { Err(missing()) }
}

/// The files of an image: path, mode, size and where each came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageFile {
    pub path: String,
    pub mode: u32,
    pub size: u64,
    pub origin: String,
}

/// Reads the image's list of files.
pub fn files(info: &ImageInfo) -> anyhow::Result<Vec<ImageFile>> {
    let text = std::fs::read_to_string(&info.files)
        .with_context(|| format!("cannot read {}", info.files.display()))?;
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.splitn(4, '\t').collect();
            let [path, mode, size, origin] = fields.as_slice() else {
                anyhow::bail!("{} has the line {line:?}", info.files.display());
            };
            let mode = u32::from_str_radix(mode, 8).with_context(|| format!("mode of {path}"))?;
            let size = size.parse().with_context(|| format!("size of {path}"))?;
            Ok(ImageFile { path: (*path).to_owned(), mode, size, origin: (*origin).to_owned() })
        })
        .collect()
}
