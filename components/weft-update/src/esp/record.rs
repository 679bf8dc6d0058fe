//! The records of a FAT folder, 32 bytes each: a file's own and those of its long name before it.

/// Bytes of a record.
pub const RECORD: usize = 32;
/// First byte of a record that holds nothing.
pub const DELETED: u8 = 0xe5;
pub const FOLDER: u8 = 0x10;
const VOLUME: u8 = 0x08;
const LONG_NAME: u8 = 0x0f;
const LAST_PART: u8 = 0x40;
/// UTF-16 units in one part of a long name, and where they are in it.
const UNITS: [usize; 13] = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
/// 1980-01-01, the first day that FAT knows: EDK II refuses to rename a file without a date.
const FIRST_DAY: [u8; 2] = [0x21, 0];

pub type Record = [u8; RECORD];

/// What a file's own record says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own {
    pub short: [u8; 11],
    pub attributes: u8,
    /// 0 for an empty file.
    pub cluster: u32,
    /// In bytes; 0 for a folder.
    pub size: u32,
}

impl Own {
    /// `None` for records that are no file's or folder's.
    pub fn parse(record: &Record) -> Option<Self> {
        let attributes = record[11];
        if matches!(record[0], 0 | DELETED) || attributes & VOLUME != 0 {
            return None;
        }
        let half = |at: usize| u32::from(u16::from_le_bytes([record[at], record[at + 1]]));
        let mut short = [0; 11];
        short.copy_from_slice(&record[..11]);
        Some(Self { short, attributes, cluster: half(20) << 16 | half(26), size: half(30) << 16 | half(28) })
    }

    pub fn is_folder(&self) -> bool {
        self.attributes & FOLDER != 0
    }

    /// `.` and `..`
    pub fn is_link(&self) -> bool {
        self.short[0] == b'.'
    }

    fn record(&self) -> Record {
        let mut record = [0; RECORD];
        record[..11].copy_from_slice(&self.short);
        record[11] = self.attributes;
        for date in [16, 18, 24] {
            record[date..date + 2].copy_from_slice(&FIRST_DAY);
        }
        let (cluster, size) = (self.cluster.to_le_bytes(), self.size.to_le_bytes());
        record[20..22].copy_from_slice(&cluster[2..]);
        record[26..28].copy_from_slice(&cluster[..2]);
        record[28..].copy_from_slice(&size);
        record
    }

    /// The short name as text, `BOOTX64.EFI`.
    pub fn short_text(&self) -> String {
        let part = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        match part(&self.short[8..]) {
            extension if extension.is_empty() => part(&self.short[..8]),
            extension => format!("{}.{extension}", part(&self.short[..8])),
        }
    }

    /// The records that give the file a long name, its own last.
    pub fn records(&self, name: &str) -> Vec<Record> {
        let units: Vec<u16> = name.encode_utf16().collect();
        let count = units.len().div_ceil(UNITS.len());
        let sum = checksum(&self.short);
        let part = |(index, part): (usize, &[u16])| {
            let mut record = [0; RECORD];
            record[0] = (index + 1) as u8 | if index + 1 == count { LAST_PART } else { 0 };
            record[11] = LONG_NAME;
            record[13] = sum;
            // A zero ends the name, ones fill what is left.
            let filled = part.iter().copied().chain([0]).chain(std::iter::repeat(0xffff));
            for (place, unit) in UNITS.into_iter().zip(filled) {
                record[place..place + 2].copy_from_slice(&unit.to_le_bytes());
            }
            record
        };
        let mut records: Vec<Record> = units.chunks(UNITS.len()).enumerate().map(part).collect();
        records.reverse();
        records.push(self.record());
        records
    }
}

/// A short name that nothing else in the folder has; it is for systems without long names, so it only has to be unique.
pub fn short_name(taken: &[[u8; 11]]) -> Option<[u8; 11]> {
    (1..100_000u32).find_map(|number| {
        let mut short = *b"WEFT       EFI";
        let text = format!("W~{number:06}");
        short.get_mut(..8)?.copy_from_slice(text.as_bytes());
        let short: [u8; 11] = [&short[..8], b"EFI"].concat().try_into().ok()?;
        (!taken.contains(&short)).then_some(short)
    })
}

/// Gathers the parts of a long name as a folder is read from its start.
#[derive(Debug, Default)]
pub struct LongName {
    /// Parts in the order of the disk: the name's end first.
    parts: Vec<Vec<u16>>,
    sum: u8,
    /// Number of the part that must come next.
    next: u8,
}

impl LongName {
    /// Takes a record; what is no part of a long name ends what was gathered.
    pub fn take(&mut self, record: &Record) {
        if record[11] != LONG_NAME || record[0] == DELETED {
            *self = Self::default();
            return;
        }
        let number = record[0] & !LAST_PART;
        if record[0] & LAST_PART != 0 {
            *self = Self { parts: Vec::new(), sum: record[13], next: number };
        }
        if number == 0 || number != self.next || record[13] != self.sum {
            *self = Self::default();
            return;
        }
        let units = UNITS.map(|place| u16::from_le_bytes([record[place], record[place + 1]]));
        self.parts.push(units.into_iter().take_while(|unit| *unit != 0).collect());
        self.next -= 1;
    }

    /// How many records the name fills, and the name, if it is whole and belongs to that short name.
    pub fn finish(&self, short: &[u8; 11]) -> Option<(usize, String)> {
        if self.parts.is_empty() || self.next != 0 || self.sum != checksum(short) {
            return None;
        }
        let units: Vec<u16> = self.parts.iter().rev().flatten().copied().collect();
        Some((self.parts.len(), String::from_utf16(&units).ok()?))
    }
}

fn checksum(short: &[u8; 11]) -> u8 {
    short.iter().fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_comes_back_with_its_own_short_name_only() {
        let own = Own { short: short_name(&[]).unwrap(), attributes: 0, cluster: 70_000, size: 5 };
        let name = "weft-b_1.20.300-rc.1+3-0.efi";
        let records = own.records(name);
        assert_eq!(records.len(), 4);
        let mut long = LongName::default();
        records[..3].iter().for_each(|record| long.take(record));
        assert_eq!(Own::parse(&records[3]), Some(own));
        assert_eq!(long.finish(&own.short), Some((3, name.to_owned())));
        assert_eq!(long.finish(&short_name(&[own.short]).unwrap()), None, "another file's");
        let mut torn = LongName::default();
        records[1..3].iter().for_each(|record| torn.take(record));
        assert_eq!(torn.finish(&own.short), None, "its first part is gone");
    }
}
