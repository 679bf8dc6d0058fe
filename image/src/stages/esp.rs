//! The EFI system partition: FAT32 with systemd-boot and one unified kernel image.

use crate::fat::{self, Node};

/// Boots what is there at once, without a menu.
const LOADER_CONF: &[u8] = b"timeout 0\neditor no\n";
const VOLUME_ID: u32 = 0x5745_4654;

/// The whole partition, `mib` MiB long.
pub fn build(mib: u64, boot_loader: &[u8], uki_name: &str, uki: &[u8]) -> Result<Vec<u8>, fat::Error> {
    let boot = Node::Folder(vec![("BOOTX64.EFI", Node::File(boot_loader))]);
    let linux = Node::Folder(vec![(uki_name, Node::File(uki))]);
    let efi = Node::Folder(vec![("BOOT", boot), ("Linux", linux)]);
    let loader = Node::Folder(vec![("loader.conf", Node::File(LOADER_CONF))]);
    fat::build(mib, b"ESP        ", VOLUME_ID, &[("EFI", efi), ("loader", loader)])
}
