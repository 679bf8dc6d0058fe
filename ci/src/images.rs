//! Where the images under test are.

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
