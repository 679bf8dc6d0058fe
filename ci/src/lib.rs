//! The VM test harness: one machine a test, driven by what it says and shows, with everything kept when the test fails.

pub mod agent;
pub mod device;
pub mod digits;
pub mod disk;
pub mod disk_log;
pub mod evidence;
pub mod images;
pub mod machine;
pub mod package;
pub mod prepared;
pub mod releases;
pub mod second;
pub mod stick;
pub mod verified;
pub mod wait;
pub mod web;
pub mod window;

pub use machine::{Options, TestVm};
