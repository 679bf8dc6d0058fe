//! The state partition: found, filled from the template where it is blank or a reset is wanted, brought to this system's layout, grown,
//! mounted; never written over when it is merely damaged.

mod carried;
pub mod disk;
mod prepare;
mod superblock;
mod template;

pub use prepare::{Report, ask_for_reset, parse_report, prepare};
