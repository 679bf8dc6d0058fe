//! Devices without a device manager: owners of nodes, the udev database that libinput reads, and hotplug.

pub mod capabilities;
pub mod monitor;
pub mod netlink;
pub mod registry;
pub mod rules;
pub mod uevent;
