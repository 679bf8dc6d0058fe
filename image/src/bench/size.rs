//! Sizes of built images.

use super::{Bound, Figure};
use crate::image_info::ImageInfo;

const MIB: f64 = 1024.0 * 1024.0;
const COMMAND: &str = "cargo weft bench image";

/// The root images of the two profiles that ship.
pub fn size(kiosk: &ImageInfo, core: &ImageInfo) -> Vec<Figure> {
    let figure = |name, info: &ImageInfo, limit| Figure {
        name,
        value: info.root_bytes as f64 / MIB,
        unit: "MiB",
        bound: Bound::AtMost,
        limit,
        command: COMMAND,
        note: format!(
            "with {:.2} MiB of hash tree and parity, and a kernel image of {:.1} MiB",
            info.verity_bytes as f64 / MIB,
            info.uki_bytes as f64 / MIB
        ),
    };
    vec![figure("kiosk root image", kiosk, 72.0), figure("core root image", core, 24.0)]
}
