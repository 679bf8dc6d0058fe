//! The EFI system partition: FAT32 with the first program, systemd-boot and one unified kernel image.

use crate::fat::{self, Node};

/// Boots what is there at once, without a menu; a key that is held shows it, without the first program, which is no choice. By itself it
/// starts only what has a release's name: never the factory reset, whatever becomes of the slots.
const LOADER_CONF: &[u8] = b"timeout 0\neditor no\nauto-entries no\ndefault weft-*\n";
/// The first program, started once more: it knows this option (`components/weft-boot`).
const FACTORY_RESET: &[u8] =
    b"title Factory reset: erase all data\nefi /EFI/BOOT/BOOTX64.EFI\noptions factory-reset\n";
const VOLUME_ID: u32 = 0x5745_4654;

/// The settings of systemd-boot, for keys.
pub fn settings() -> String {
    [LOADER_CONF, FACTORY_RESET].map(String::from_utf8_lossy).concat()
}

/// What the firmware starts, before any kernel.
#[derive(Clone, Copy, Debug)]
pub struct Loaders<'a> {
    /// `components/weft-boot`.
    pub first: &'a [u8],
    pub systemd_boot: &'a [u8],
}

/// The whole partition, `mib` MiB long.
pub fn build(mib: u64, loaders: Loaders<'_>, uki_name: &str, uki: &[u8]) -> Result<Vec<u8>, fat::Error> {
    let boot = Node::Folder(vec![("BOOTX64.EFI", Node::File(loaders.first))]);
    let linux = Node::Folder(vec![(uki_name, Node::File(uki))]);
    let systemd = Node::Folder(vec![("systemd-bootx64.efi", Node::File(loaders.systemd_boot))]);
    let efi = Node::Folder(vec![("BOOT", boot), ("Linux", linux), ("systemd", systemd)]);
    let entries = Node::Folder(vec![("factory-reset.conf", Node::File(FACTORY_RESET))]);
    let loader = Node::Folder(vec![("loader.conf", Node::File(LOADER_CONF)), ("entries", entries)]);
    fat::build(mib, b"ESP        ", VOLUME_ID, &[("EFI", efi), ("loader", loader)])
}
