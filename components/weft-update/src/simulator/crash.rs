//! Which bytes a power cut leaves.

use super::Storage;
use crate::device::SECTOR;
use crate::model::{Disk, Event, Log, Records, Sectors, put};
use std::collections::BTreeSet;
use std::fmt;

/// Disk, byte offset, contents.
type Sector<'a> = (usize, u64, &'a [u8]);

/// A state that storage may be found in.
pub struct Crash<'a> {
    /// What surely is on the disk, in order.
    durable: Vec<&'a Event>,
    /// Sectors that reached it besides.
    lucky: Vec<Sector<'a>>,
    moment: usize,
    /// How many sectors were not flushed.
    pending: usize,
}

/// Up to so many sectors, every subset is a state; beyond, some are drawn.
const EXHAUSTIVE: usize = 10;

impl<'a> Crash<'a> {
    /// The different states with the power gone before event `moment`, where of the sectors that were not flushed any may have arrived:
    /// every subset where they are few; else none, all, each part from the start, and `seeds` random subsets.
    pub fn all_at(log: &'a [Event], moment: usize, seeds: u64) -> Vec<Self> {
        let (durable, pending) = divide(&log[..moment]);
        let mut subsets = BTreeSet::new();
        if pending.len() <= EXHAUSTIVE {
            let subset = |bits: u32| (0..pending.len()).map(|index| bits >> index & 1 == 1).collect();
            subsets.extend((0..1 << pending.len()).map(subset));
        } else {
            let first = |count: usize| (0..pending.len()).map(|index| index < count).collect::<Vec<bool>>();
            subsets.extend((0..=pending.len()).step_by(1 + pending.len() / 64).map(first));
            subsets.insert(first(pending.len()));
            let drawn = |seed: u64| {
                let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (moment as u64 + 1));
                // Some seeds take nearly all, some nearly nothing.
                let part = random.next() % 17;
                pending.iter().map(|_| random.next() % 16 < part).collect()
            };
            subsets.extend((0..seeds).map(drawn));
        }
        let state = |subset: Vec<bool>| Self {
            durable: durable.clone(),
            lucky: pending
                .iter()
                .zip(subset)
                .filter(|(_, arrived)| *arrived)
                .map(|(sector, _)| *sector)
                .collect(),
            moment,
            pending: pending.len(),
        };
        subsets.into_iter().map(state).collect()
    }

    /// The storage as it is found.
    pub fn apply(&self, start: &Storage) -> Storage {
        let mut sectors: Vec<Sectors> = start.disks.iter().map(Disk::sectors).collect();
        let mut records = start.records.contents();
        for event in &self.durable {
            match event {
                Event::Write { disk, offset, data } => put(&mut sectors[*disk], *offset, data),
                Event::Save { name, contents: Some(contents) } => {
                    records.insert(name.clone(), contents.clone());
                }
                Event::Save { name, contents: None } => {
                    records.remove(name);
                }
                Event::Flush { .. } => {}
            }
        }
        for (disk, offset, data) in &self.lucky {
            put(&mut sectors[*disk], *offset, data);
        }
        let log = Log::default();
        let disks = start.disks.iter().zip(sectors).enumerate();
        let disks =
            disks.map(|(number, (disk, sectors))| Disk::with(number, disk.base(), sectors, log.clone()));
        Storage { disks: disks.collect(), records: Records::with(records, log.clone()), log }
    }
}

impl fmt::Display for Crash<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (moment, arrived, pending) = (self.moment, self.lucky.len(), self.pending);
        write!(formatter, "power cut before event {moment}, {arrived} of {pending} unflushed sectors arrived")
    }
}

/// What is certain, and the sectors that are not, both in order. A flush makes certain what its own disk was given.
fn divide(log: &[Event]) -> (Vec<&Event>, Vec<Sector<'_>>) {
    let last_flush = |number: usize| log.iter().rposition(|event| *event == Event::Flush { disk: number });
    let (mut durable, mut pending) = (Vec::new(), Vec::new());
    for (index, event) in log.iter().enumerate() {
        match event {
            Event::Write { disk, offset, data } if last_flush(*disk).is_none_or(|flush| flush < index) => {
                let sectors = data.chunks(SECTOR).zip((*offset..).step_by(SECTOR));
                pending.extend(sectors.map(|(sector, offset)| (*disk, offset, sector)));
            }
            event => durable.push(event),
        }
    }
    (durable, pending)
}

/// A small generator whose numbers are the same in every run (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32
    }
}
