//! The pipeline behind `cargo weft`: builds the device image from pinned sources and runs it.

pub mod bench;
pub mod cache;
pub mod cli;
pub mod commands;
pub mod elf;
pub mod fat;
mod fat_name;
pub mod flash;
pub mod image_info;
pub mod key;
pub mod packages;
pub mod partitions;
pub mod pe;
pub mod picture;
pub mod pipeline;
pub mod profile;
pub mod progress;
pub mod release;
pub mod rootfs_tree;
pub mod stages;
pub mod tool;
pub mod vm;
pub mod workspace;
