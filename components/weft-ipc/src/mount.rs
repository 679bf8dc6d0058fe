//! What appd asks the mount helper, on `mount.sock` as [`crate::frame`]s: each request is answered once, in order.

use serde::{Deserialize, Serialize};

/// To the mount helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Checks who signed the image, and mounts it: a file `<id>.app.img` in one of the stores, on `/run/weft/packages/<name>`, which the
    /// helper makes.
    Mount { image: String, mountpoint: String },
    /// Takes a mounted image away, and its folder.
    Umount { mountpoint: String },
}

/// From the mount helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    Mounted {
        /// The public key of the one who signed the root hash, 64 hexadecimal digits.
        publisher: String,
    },
    Unmounted {
        /// While it was mounted, a block was read that is not the one that was signed, and the reader got EIO.
        corrupted: bool,
    },
    Error {
        reason: String,
    },
}
