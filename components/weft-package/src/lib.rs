//! Packages of apps, from the publisher's folder to the moment of launch.
//!
//! A package is a folder (`wapp.toml`, the component, `ui/`, `signature.sig`), the same in an archive `<id>.app.tar.zst`, or the same in
//! an EROFS image `<id>.app.img` with its dm-verity tree. Whatever form it comes in, it is hostile until it was checked here.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let places = weft_package::Places::from_env()?;
//! let app = weft_package::launch::open(&places, &"org.example.clock".parse()?)?;
//! // `app.package.folder` is the revision to run; keep `app.lock` until the session is over.
//! # Ok(())
//! # }
//! ```
//!
//! **Invariant:** nothing here follows a link inside a package, and nothing but an installation writes into a store.

pub mod approval;
pub mod archive;
pub mod audit;
mod bounds;
pub mod check;
pub mod component;
pub mod disk;
pub mod hex;
pub mod image;
mod inventory;
pub mod key;
pub mod launch;
pub mod limits;
mod lock;
mod output;
pub mod places;
pub mod reach;
pub mod record;
pub mod signature;
pub mod store;
mod trust;
pub mod words;

pub use bounds::Fault;
pub use inventory::{Digest, Entry, Error as InventoryError, Inventory, SIGNATURE_NAME};
pub use lock::SessionLock;
pub use output::Scratch;
pub use places::Places;
pub use store::Store;
pub use trust::TrustStore;
