//! Releases of the system: the part that the build and the device must agree on.
//!
//! - [`Release`]: what is signed about a root image, as `custom.weft` of its TUF target.
//! - [`admit`] and [`Release::turn`]: whether a device may install a release, and when its wave is due.
//! - [`Index`] and [`Work`]: the dm-verity tree as the index of a root image, and what of it a device lacks.
//! - [`boot`]: the names of unified kernel images on the ESP, and what systemd-boot makes of them.
//!
//! Everything here is plain data and plain functions: no clock, no file, no network.

pub mod boot;
mod description;
mod index;
mod names;
mod plan;
mod rules;
mod slot;
mod waves;

pub use description::{ARCHITECTURE, Error, FORMAT, KEY, Release};
pub use index::{Index, IndexError};
pub use names::{Parts, ROOT, location, product, target};
pub use plan::{Copy, Work};
pub use rules::{Admission, Device, Refusal, admit};
pub use slot::{Slot, UnknownSlot};
pub use waves::{Place, Turn, Wave, WaveError};
