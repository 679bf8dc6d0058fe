//! The pipeline behind `cargo weft`: builds the device image from pinned sources and runs it.

pub mod cli;
pub mod commands;
pub mod flash;
pub mod image_info;
pub mod pipeline;
pub mod vm;
pub mod workspace;
