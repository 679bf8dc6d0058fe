//! The state partition: found, filled from the template where it is blank, grown, mounted; never written over when it is merely damaged.

pub mod disk;
mod prepare;
mod superblock;
mod template;

pub use prepare::{Report, parse_report, prepare};
