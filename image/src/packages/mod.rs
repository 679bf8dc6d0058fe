//! Debian packages: which ones (`packages.toml`), pinned to what (`packages.lock`), and how they are fetched.

pub mod apt;
pub mod files;
pub mod lock;
pub mod sets;
pub mod sources;
pub mod store;
