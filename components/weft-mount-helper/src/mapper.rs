//! dm-verity devices (Documentation/admin-guide/device-mapper/verity.rst).

use crate::Error;
use crate::image::Image;
use crate::loop_device::LoopDevice;
use devicemapper::{DM, DevId, DmError, DmFlags, DmNameBuf, DmOptions, DmUuidBuf};
use std::fmt::Write;
use std::path::PathBuf;
use weft_verity::BLOCK_SIZE;

const PREFIX: &str = "weft-package-";
const SECTORS_PER_BLOCK: u64 = BLOCK_SIZE as u64 / 512;

/// A verified device over an image; gone when this is dropped, unless it is [`kept`](Mapping::keep).
pub struct Mapping {
    mapper: DM,
    name: DmNameBuf,
    minor: u32,
    kept: bool,
}

/// What the kernel found while a device was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    Intact,
    /// At least one block was not the one of the tree; its reader got EIO.
    Corrupted,
}

impl Mapping {
    /// Sets up the device of the mountpoint of this name.
    pub fn new(name: &str, image: &Image, data: &LoopDevice, hashes: &LoopDevice) -> Result<Self, Error> {
        let mapper = DM::new()?;
        let name = device_name(name)?;
        let uuid = DmUuidBuf::new(format!("WEFT-{}", &*name))?;
        let read_only = DmOptions::default().set_flags(DmFlags::DM_READONLY);
        let minor = mapper.device_create(&name, Some(&uuid), read_only)?.device().minor;
        // From here on, dropping it takes the device away.
        let mapping = Self { mapper, name, minor, kept: false };
        let sectors = image.superblock.data_blocks * SECTORS_PER_BLOCK;
        let table = [(0, sectors, "verity".to_owned(), parameters(image, data, hashes))];
        mapping.mapper.table_load(&DevId::Name(&mapping.name), &table, read_only)?;
        // Resumes: a device begins suspended.
        mapping.mapper.device_suspend(&DevId::Name(&mapping.name), DmOptions::default())?;
        Ok(mapping)
    }

    /// The device of a mountpoint that was mounted before; `None` where there is none.
    pub fn find(name: &str) -> Result<Option<Self>, Error> {
        let mapper = DM::new()?;
        let name = device_name(name)?;
        let devices = mapper.list_devices()?;
        let device = devices.into_iter().find(|(found, ..)| *found == name);
        Ok(device.map(|(_, device, _)| Self { mapper, name, minor: device.minor, kept: true }))
    }

    /// The device node, which the kernel makes itself (devtmpfs).
    pub fn node(&self) -> PathBuf {
        PathBuf::from(format!("/dev/dm-{}", self.minor))
    }

    pub fn keep(mut self) {
        self.kept = true;
    }

    /// Unknown devices count as intact: there is nothing to say about them.
    pub fn health(&self) -> Health {
        let status = self.mapper.table_status(&DevId::Name(&self.name), DmOptions::default());
        let corrupted =
            status.is_ok_and(|(_, targets)| targets.iter().any(|(.., text)| text.starts_with('C')));
        if corrupted { Health::Corrupted } else { Health::Intact }
    }

    /// Takes the device away as soon as nobody uses it.
    pub fn remove(&self) -> Result<(), Error> {
        let later = DmOptions::default().set_flags(DmFlags::DM_DEFERRED_REMOVE);
        Ok(self.mapper.device_remove(&DevId::Name(&self.name), later).map(drop)?)
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = self.remove()
        {
            tracing::error!("cannot take the device {} away: {error}", &*self.name);
        }
    }
}

fn device_name(name: &str) -> Result<DmNameBuf, DmError> {
    DmNameBuf::new(format!("{PREFIX}{name}"))
}

/// `<version> <data device> <hash device> <data block size> <hash block size> <data blocks> <first hash block> <algorithm> <root> <salt>`.
/// Without further words the kernel answers EIO for a block that does not fit, and goes on.
fn parameters(image: &Image, data: &LoopDevice, hashes: &LoopDevice) -> String {
    let superblock = &image.superblock;
    format!(
        "1 {} {} {BLOCK_SIZE} {BLOCK_SIZE} {} 1 sha256 {} {}",
        data.numbers(),
        hashes.numbers(),
        superblock.data_blocks,
        hexadecimal(&image.root_hash),
        if superblock.salt.is_empty() { "-".to_owned() } else { hexadecimal(&superblock.salt) },
    )
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
