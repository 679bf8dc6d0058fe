//! How a system is chosen at boot: the names of the unified kernel images in `EFI/Linux` of the ESP, and the rules of systemd-boot over them.
//!
//! The boot loader knows nothing of slots. It sorts all entries, takes the first, counts its tries down in the file name and starts it. So
//! every decision of an update (try the new one, keep it, give it up, go back) is a rename, and the simulator and the device ask the
//! same function what a state of the ESP boots.
//!
//! Sources: UAPI.1 *Boot Loader Specification* (type 2 entries, sorting, boot counting), UAPI.10 *Version Format*, systemd's *Automatic Boot
//! Assessment*; where they leave things open, what systemd-boot 257 does, which is the one in the image.
//!
//! One thing the rules do not cover: an entry that the firmware cannot load (no PE image, or refused by Secure Boot) is counted down too, but
//! systemd-boot then returns to the firmware, which need not reset the machine by itself.

mod entry;
mod loader;
mod version;

pub use entry::{Assessment, Entry, FOLDER, TRIES, os_release};
pub use loader::{Candidate, Tries, choose, is_considered, sort};
pub use version::compare_versions;
