//! Bounded logs on the state partition.

mod kernel;
mod lines;
mod store;

pub use kernel::{Record, parse_record};
pub use lines::{Lines, stamp};
pub use store::Store;
