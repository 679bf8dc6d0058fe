//! A FAT32 volume: its shape, its allocation table, its clusters. Format: Microsoft's *FAT: General Overview of On-Disk Format*, 1.03.

use super::Error;
use crate::device::{BlockDevice, SECTOR};
use std::collections::BTreeSet;

const ENTRIES_PER_SECTOR: usize = SECTOR / 4;
const MASK: u32 = 0x0fff_ffff;
const BAD: u32 = 0x0fff_fff7;
pub const END_OF_CHAIN: u32 = 0x0fff_ffff;
/// The first cluster there is.
const FIRST: u32 = 2;

/// The whole table is held in memory: 4 bytes a cluster.
#[derive(Debug)]
pub struct Volume<D> {
    pub device: D,
    pub root: u32,
    pub cluster_bytes: usize,
    table_start: u64,
    table_sectors: u64,
    tables: u64,
    data_start: u64,
    info_sector: u64,
    table: Vec<u32>,
    /// Sectors of the table that the disk does not have yet.
    changed: BTreeSet<usize>,
}

/// Which clusters files and folders have, by number.
#[derive(Debug)]
pub struct Used(Vec<bool>);

impl Used {
    pub fn take(&mut self, chain: &[u32]) {
        for cluster in chain {
            if let Some(used) = self.0.get_mut(*cluster as usize) {
                *used = true;
            }
        }
    }

    pub fn give(&mut self, chain: &[u32]) {
        for cluster in chain {
            if let Some(used) = self.0.get_mut(*cluster as usize) {
                *used = false;
            }
        }
    }

    pub fn has(&self, cluster: u32) -> bool {
        self.0.get(cluster as usize).copied().unwrap_or_default()
    }
}

impl<D: BlockDevice> Volume<D> {
    pub fn open(device: D) -> Result<Self, Error> {
        let mut boot = [0; SECTOR];
        device.read(0, &mut boot).map_err(Error::Read)?;
        let short = |at: usize| u64::from(u16::from_le_bytes([boot[at], boot[at + 1]]));
        let long = |at: usize| short(at + 2) << 16 | short(at);
        let (per_cluster, reserved, tables) = (u64::from(boot[13]), short(14), u64::from(boot[16]));
        let (total, table_sectors, root) = (long(32), long(36), long(44) as u32);
        let is_fat32 = boot[510..] == [0x55, 0xaa] && short(11) == SECTOR as u64 && short(22) == 0;
        let data_start = reserved + tables * table_sectors;
        if !is_fat32 || per_cluster == 0 || tables == 0 || total * SECTOR as u64 > device.len() {
            return Err(Error::NotFat32);
        }
        let clusters = total.checked_sub(data_start).ok_or(Error::NotFat32)? / per_cluster;
        let entries = clusters + u64::from(FIRST);
        if entries > table_sectors * ENTRIES_PER_SECTOR as u64 || entries > u64::from(BAD) {
            return Err(Error::NotFat32);
        }
        let mut volume = Self {
            device,
            root,
            cluster_bytes: per_cluster as usize * SECTOR,
            table_start: reserved * SECTOR as u64,
            table_sectors,
            tables,
            data_start: data_start * SECTOR as u64,
            info_sector: short(48),
            table: Vec::new(),
            changed: BTreeSet::new(),
        };
        volume.read_table(entries as usize)?;
        Ok(volume)
    }

    fn read_table(&mut self, entries: usize) -> Result<(), Error> {
        let mut bytes = vec![0; (entries * 4).next_multiple_of(SECTOR)];
        self.device.read(self.table_start, &mut bytes).map_err(Error::Read)?;
        let (words, _) = bytes.as_chunks::<4>();
        self.table = words.iter().take(entries).map(|word| u32::from_le_bytes(*word) & MASK).collect();
        Ok(())
    }

    pub fn unused(&self) -> Used {
        Used(vec![false; self.table.len()])
    }

    /// The clusters of a file or folder, in order.
    pub fn chain(&self, first: u32) -> Result<Vec<u32>, Error> {
        let mut chain = Vec::new();
        let mut cluster = first;
        while (FIRST..BAD).contains(&cluster) {
            let next =
                *self.table.get(cluster as usize).ok_or(Error::Corrupt("a chain leaves the volume"))?;
            if next == 0 || chain.len() >= self.table.len() {
                return Err(Error::Corrupt("a chain of clusters is cut or runs in a circle"));
            }
            chain.push(cluster);
            cluster = next;
        }
        Ok(chain)
    }

    /// Where a cluster lies, in bytes.
    pub fn offset(&self, cluster: u32) -> u64 {
        self.data_start + u64::from(cluster - FIRST) * self.cluster_bytes as u64
    }

    /// Clusters that no file has, in ascending order.
    pub fn free(&self, used: &Used) -> Vec<u32> {
        let free = |(index, value): (usize, &u32)| {
            let cluster = index as u32;
            (cluster >= FIRST && *value != BAD && !used.has(cluster)).then_some(cluster)
        };
        self.table.iter().enumerate().filter_map(free).collect()
    }

    /// Both in clusters.
    pub fn check_room(&self, needed: usize, room: usize) -> Result<(), Error> {
        let bytes = |clusters: usize| (clusters * self.cluster_bytes) as u64;
        match needed <= room {
            true => Ok(()),
            false => Err(Error::Full { needed: bytes(needed), room: bytes(room) }),
        }
    }

    /// Gives up every cluster that is not `used`, and takes `count` of them as one chain. Only clusters that no file has change
    /// their entries, so a table of which only some sectors reach the disk harms no file.
    pub fn allocate(&mut self, count: usize, used: &Used) -> Result<Vec<u32>, Error> {
        let free = self.free(used);
        self.check_room(count, free.len())?;
        let taken = free.get(..count).unwrap_or_default();
        for cluster in &free {
            self.set(*cluster, 0);
        }
        for (index, cluster) in taken.iter().enumerate() {
            self.set(*cluster, taken.get(index + 1).copied().unwrap_or(END_OF_CHAIN));
        }
        Ok(taken.to_vec())
    }

    pub fn set(&mut self, cluster: u32, value: u32) {
        let Some(entry) = self.table.get_mut(cluster as usize) else { return };
        if *entry != value {
            *entry = value;
            self.changed.insert(cluster as usize / ENTRIES_PER_SECTOR);
        }
    }

    /// Writes the changed sectors of every copy of the table. Readers look at the first copy.
    pub fn write_table(&mut self) -> Result<(), Error> {
        for sector in std::mem::take(&mut self.changed) {
            let entries = self.table.iter().skip(sector * ENTRIES_PER_SECTOR).take(ENTRIES_PER_SECTOR);
            let mut bytes: Vec<u8> = entries.flat_map(|entry| entry.to_le_bytes()).collect();
            bytes.resize(SECTOR, 0);
            for copy in 0..self.tables {
                let at = self.table_start + (copy * self.table_sectors + sector as u64) * SECTOR as u64;
                self.device.write(at, &bytes).map_err(Error::Write)?;
            }
        }
        self.forget_free_count()
    }

    /// Says in the information sector that the number of free clusters is unknown, which is always true.
    fn forget_free_count(&self) -> Result<(), Error> {
        if !(1..32).contains(&self.info_sector) {
            return Ok(());
        }
        let at = self.info_sector * SECTOR as u64;
        let mut sector = [0; SECTOR];
        self.device.read(at, &mut sector).map_err(Error::Read)?;
        let unknown = [0xff; 8];
        if sector[..4] == *b"RRaA" && sector[488..496] != unknown {
            sector[488..496].copy_from_slice(&unknown);
            self.device.write(at, &sector).map_err(Error::Write)?;
        }
        Ok(())
    }

    pub fn flush(&self) -> Result<(), Error> {
        self.device.flush().map_err(Error::Write)
    }
}
