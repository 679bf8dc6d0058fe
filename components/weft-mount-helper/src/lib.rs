//! Mounts package images: signature, loop device, dm-verity, EROFS.
//!
//! An image is a file that somebody less privileged may have written and may go on writing. What vouches for it is a signature over the
//! root hash of its tree; the kernel compares every block that is read with that hash (dm-verity,
//! Documentation/admin-guide/device-mapper/verity.rst), so that nothing that was not signed is ever seen, also not later.
//!
//! **Invariant:** two verbs and no others; an image lies in a store, a mountpoint in the one folder for them; everything that was set up
//! is taken down again when a later step fails.

mod activate;
mod error;
mod image;
mod loop_device;
mod mapper;
mod places;
mod serve;
mod sys;
pub mod udev;

pub use activate::{Unmounted, mount, umount};
pub use error::Error;
pub use places::Places;
pub use serve::serve;
