//! The partition table of a device: fixed when it is flashed, never changed by an update.
//!
//! Types are those of the UAPI group's *Discoverable Partitions Specification*.

use crate::image_info::Partition;
use crate::profile::Sizes;
use gpt::partition_types::{EFI, LINUX_FS, LINUX_ROOT_X64, OperatingSystem, Type};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use uuid::{Uuid, uuid};
use weft_verity::{BLOCK_SIZE, Geometry};

const MIB: u64 = 1 << 20;
const SECTOR: u64 = 512;
/// Room for the table before the first partition and for its copy behind the last.
const MARGIN: u64 = MIB;
const ROOT_VERITY_X64: Uuid = uuid!("2c7357ed-ebd2-46d9-aec1-23d437ec2bf5");

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot write the partition table")]
    Gpt(#[from] gpt::GptError),
    #[error("cannot write the protective MBR")]
    Mbr(#[from] gpt::mbr::MBRError),
    #[error("cannot write the disk image")]
    Write(#[from] std::io::Error),
}

/// Where every partition lies, in order, and the size of the disk, in bytes.
pub fn layout(sizes: &Sizes) -> (Vec<Partition>, u64) {
    let root = sizes.root * MIB;
    // The hash device of a slot is large enough for any image that the slot can hold, with its parity.
    let largest = Geometry::new(root / BLOCK_SIZE as u64);
    let verity = largest.repairable_hash_device_bytes().next_multiple_of(MIB);
    let wanted = [
        ("esp", sizes.esp * MIB),
        ("root-a", root),
        ("verity-a", verity),
        ("root-b", root),
        ("verity-b", verity),
        ("state", sizes.state * MIB),
    ];
    let mut offset = MARGIN;
    let mut partitions = Vec::new();
    for (label, size) in wanted {
        partitions.push(Partition { label: label.to_owned(), offset, size });
        offset += size;
    }
    (partitions, offset + MARGIN)
}

/// Writes protective MBR and both copies of the table to a disk of `disk_bytes`.
pub fn write(mut disk: File, partitions: &[Partition], disk_bytes: u64) -> Result<File, Error> {
    let sectors = u32::try_from(disk_bytes / SECTOR - 1).unwrap_or(u32::MAX);
    gpt::mbr::ProtectiveMBR::with_lb_size(sectors).overwrite_lba0(&mut disk)?;
    let config = gpt::GptConfig::new().writable(true).logical_block_size(gpt::disk::LogicalBlockSize::Lb512);
    let mut table = config.create_from_device(disk, Some(fixed_guid("disk")))?;
    let mut entries = BTreeMap::new();
    for (id, partition) in (1..).zip(partitions) {
        entries.insert(
            id,
            gpt::partition::Partition {
                part_type_guid: kind(&partition.label),
                part_guid: fixed_guid(&partition.label),
                first_lba: partition.offset / SECTOR,
                last_lba: (partition.offset + partition.size) / SECTOR - 1,
                flags: 0,
                name: partition.label.clone(),
            },
        );
    }
    table.update_partitions(entries)?;
    let mut disk = table.write()?;
    disk.flush()?;
    Ok(disk)
}

fn kind(label: &str) -> Type {
    match label {
        "esp" => EFI,
        "root-a" | "root-b" => LINUX_ROOT_X64,
        "verity-a" | "verity-b" => Type { guid: ROOT_VERITY_X64, os: OperatingSystem::Linux },
        _ => LINUX_FS,
    }
}

/// The same name has the same identity in every image, so that two builds are alike.
fn fixed_guid(name: &str) -> Uuid {
    let digest = Sha256::new().chain_update("weft partition ").chain_update(name).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes { esp: 64, root: 32, state: 64 };

    #[test]
    fn partitions_follow_each_other_and_hash_devices_fit_their_slots() {
        let (partitions, end) = layout(&SIZES);
        for pair in partitions.windows(2) {
            assert_eq!(pair[0].offset + pair[0].size, pair[1].offset);
        }
        assert_eq!(partitions[2].size, MIB, "32 MiB of data need 264 KiB of hashes and 264 KiB of parity");
        assert_eq!(end, partitions[5].offset + 64 * MIB + MIB);
        let large = layout(&Sizes { root: 128, ..SIZES }).0;
        assert_eq!(large[2].size, 3 * MIB, "128 MiB need 1040 KiB of hashes and 1048 KiB of parity");
    }

    #[test]
    fn sgdisk_finds_no_fault_with_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk.img");
        let disk = File::options().create_new(true).read(true).write(true).open(&path).unwrap();
        let (partitions, end) = layout(&SIZES);
        disk.set_len(end).unwrap();
        drop(write(disk, &partitions, end).unwrap());
        let first = std::fs::read(&path).unwrap();
        let Ok(output) = std::process::Command::new("/sbin/sgdisk").arg("-v").arg(&path).output() else {
            eprintln!("skipped: sgdisk is not installed (package gdisk)");
            return;
        };
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("No problems found"), "{said}");
        let disk = File::options().read(true).write(true).open(&path).unwrap();
        drop(write(disk, &partitions, end).unwrap());
        assert!(first == std::fs::read(&path).unwrap(), "the table differs between two builds");
    }
}
