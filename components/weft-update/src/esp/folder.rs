//! A folder of the volume: its files, and changes of it that are one sector each.

use super::Error;
use super::record::{DELETED, LongName, Own, RECORD, Record};
use super::volume::Volume;
use crate::device::{BlockDevice, SECTOR};

const PER_SECTOR: usize = SECTOR / RECORD;
/// A folder has at most 2 MiB.
const MAX_RECORDS: usize = 65_536;

/// A file or folder in it.
#[derive(Debug, Clone)]
pub struct Item {
    pub name: String,
    pub own: Own,
    /// Index of its first record, counted from the folder's start.
    first: usize,
    /// Index of its own record.
    last: usize,
}

/// What is in a folder.
#[derive(Debug)]
pub struct Folder {
    /// Its last cluster.
    tail: u32,
    /// Where its sectors lie, in bytes.
    sectors: Vec<u64>,
    records: Vec<Record>,
    /// Index of the record that ends the folder; the number of all records if none does.
    end: usize,
    /// Sectors behind the one of the end that hold anything. FAT leaves open what is in them; it must not become part of the folder.
    stale: Vec<usize>,
    pub items: Vec<Item>,
}

impl Folder {
    pub fn read<D: BlockDevice>(volume: &Volume<D>, first: u32) -> Result<Self, Error> {
        let chain = volume.chain(first)?;
        let tail = *chain.last().ok_or(Error::Corrupt("a folder has no cluster"))?;
        let mut folder = Self {
            tail,
            sectors: Vec::new(),
            records: Vec::new(),
            end: 0,
            stale: Vec::new(),
            items: Vec::new(),
        };
        let mut sector = [0; SECTOR];
        for at in chain.iter().flat_map(|cluster| {
            let start = volume.offset(*cluster);
            (0..volume.cluster_bytes as u64).step_by(SECTOR).map(move |offset| start + offset)
        }) {
            if folder.records.len() >= MAX_RECORDS {
                return Err(Error::Corrupt("a folder is longer than FAT allows"));
            }
            volume.device.read(at, &mut sector).map_err(Error::Read)?;
            folder.sectors.push(at);
            folder.records.extend(sector.as_chunks::<RECORD>().0);
        }
        folder.parse();
        Ok(folder)
    }

    fn parse(&mut self) {
        self.end = self.records.iter().position(|record| record[0] == 0).unwrap_or(self.records.len());
        let behind = self.records.chunks(PER_SECTOR).enumerate().skip(self.end / PER_SECTOR + 1);
        let is_stale = |sector: &[Record]| sector.as_flattened().iter().any(|byte| *byte != 0);
        self.stale = behind.filter(|(_, sector)| is_stale(sector)).map(|(index, _)| index).collect();
        // What shares a sector with the end goes as soon as the sector is written.
        self.records.iter_mut().skip(self.end).for_each(|record| *record = [0; RECORD]);
        let mut long = LongName::default();
        for (index, record) in self.records.iter().enumerate().take(self.end) {
            if let Some(own) = Own::parse(record) {
                let (parts, name) = long.finish(&own.short).unwrap_or_else(|| (0, own.short_text()));
                self.items.push(Item { name, own, first: index - parts, last: index });
            }
            long.take(record);
        }
    }

    /// FAT does not tell capitals from small letters.
    pub fn find(&self, name: &str) -> Option<&Item> {
        self.items.iter().find(|item| item.name.eq_ignore_ascii_case(name))
    }

    /// Takes a file's records away. The file is gone with the first write; what is left of a long name no reader takes for a file.
    pub fn remove<D: BlockDevice>(&mut self, volume: &Volume<D>, item: &Item) -> Result<(), Error> {
        for index in item.first..=item.last {
            self.records[index][0] = DELETED;
        }
        let (first, last) = (item.first / PER_SECTOR, item.last / PER_SECTOR);
        for sector in (first..=last).rev() {
            self.write(volume, sector)?;
            volume.flush()?;
        }
        self.items.retain(|other| other.last != item.last);
        Ok(())
    }

    /// Gives a file another name by one write, where its records lie in one sector and the new name needs no more of them.
    /// Otherwise nothing is done and `false` comes back.
    pub fn rename_in_place<D: BlockDevice>(
        &mut self,
        volume: &Volume<D>,
        item: &Item,
        name: &str,
    ) -> Result<bool, Error> {
        let records = item.own.records(name);
        let room = item.last - item.first + 1;
        if item.first / PER_SECTOR != item.last / PER_SECTOR || records.len() > room {
            return Ok(false);
        }
        for index in item.first..=item.last {
            self.records[index][0] = DELETED;
        }
        let start = item.last + 1 - records.len();
        self.records[start..=item.last].copy_from_slice(&records);
        self.write(volume, item.last / PER_SECTOR)?;
        volume.flush()?;
        Ok(true)
    }

    /// Adds records, all in one sector, by one write; `cluster` is one that the folder may grow by.
    pub fn insert<D: BlockDevice>(
        &mut self,
        volume: &mut Volume<D>,
        records: &[Record],
        grow: impl FnOnce(&mut Volume<D>) -> Result<u32, Error>,
    ) -> Result<(), Error> {
        self.clear_stale(volume)?;
        if let Some(start) = self.gap(records.len()) {
            self.records[start..start + records.len()].copy_from_slice(records);
            self.write(volume, start / PER_SECTOR)?;
            return volume.flush();
        }
        let next = self.end.div_ceil(PER_SECTOR);
        if next < self.sectors.len() {
            // The sector behind the folder's end is filled first; it is part of the folder when the end is taken away.
            let start = next * PER_SECTOR;
            self.records[start..start + records.len()].copy_from_slice(records);
            self.write(volume, next)?;
            volume.flush()?;
            return self.take_end_away(volume);
        }
        self.grow(volume, records, grow)
    }

    /// Before the end moves: with it, what lies behind it would become part of the folder.
    fn clear_stale<D: BlockDevice>(&mut self, volume: &Volume<D>) -> Result<(), Error> {
        if self.stale.is_empty() {
            return Ok(());
        }
        for sector in std::mem::take(&mut self.stale) {
            self.write(volume, sector)?;
        }
        volume.flush()
    }

    /// The start of so many unused records in one sector, none of them behind the folder's end but the first there.
    fn gap(&self, count: usize) -> Option<usize> {
        let unused = |index: usize| {
            let record = self.records.get(index)?;
            Some(record[0] == DELETED || index >= self.end)
        };
        (0..self.records.len()).find(|start| {
            *start <= self.end
                && start % PER_SECTOR + count <= PER_SECTOR
                && (*start..start + count).all(|index| unused(index) == Some(true))
        })
    }

    fn grow<D: BlockDevice>(
        &mut self,
        volume: &mut Volume<D>,
        records: &[Record],
        grow: impl FnOnce(&mut Volume<D>) -> Result<u32, Error>,
    ) -> Result<(), Error> {
        let cluster = grow(volume)?;
        let mut bytes = records.concat();
        bytes.resize(volume.cluster_bytes, 0);
        volume.device.write(volume.offset(cluster), &bytes).map_err(Error::Write)?;
        volume.write_table()?;
        if self.end < self.records.len() {
            self.take_end_away(volume)?;
        }
        volume.flush()?;
        volume.set(self.tail, cluster);
        volume.write_table()?;
        volume.flush()
    }

    fn take_end_away<D: BlockDevice>(&mut self, volume: &Volume<D>) -> Result<(), Error> {
        let sector = self.end / PER_SECTOR;
        for record in self.records.iter_mut().take((sector + 1) * PER_SECTOR).skip(self.end) {
            record[0] = DELETED;
        }
        self.write(volume, sector)?;
        volume.flush()
    }

    fn write<D: BlockDevice>(&self, volume: &Volume<D>, sector: usize) -> Result<(), Error> {
        let records = self.records.iter().skip(sector * PER_SECTOR).take(PER_SECTOR);
        let bytes: Vec<u8> = records.flatten().copied().collect();
        match self.sectors.get(sector) {
            Some(at) => volume.device.write(*at, &bytes).map_err(Error::Write),
            None => Err(Error::Corrupt("a folder ends before its records")),
        }
    }
}
