//! Bounded logs on the state partition.

mod kernel;
mod lines;
mod store;

pub use kernel::parse_record;
pub use lines::{Lines, stamp};
pub use store::Store;
