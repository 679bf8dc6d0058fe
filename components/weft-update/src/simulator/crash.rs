//! Which bytes a power cut leaves.

use super::Storage;
use crate::device::SECTOR;
use crate::model::{Disk, Event, Log, Records, Sectors, put};
use std::fmt;

/// A state that storage may be found in.
pub struct Crash<'a> {
    /// What surely is on the disk, in order.
    durable: Vec<&'a Event>,
    /// Sectors that reached it besides: disk, byte offset, contents.
    lucky: Vec<(usize, u64, &'a [u8])>,
    moment: usize,
    name: String,
}

impl<'a> Crash<'a> {
    /// States with the power gone before event `moment`: nothing unflushed arrived, all of it, all but the last sectors, only the last,
    /// each sector alone where they are few, and `seeds` random subsets.
    pub fn all_at(log: &'a [Event], moment: usize, seeds: u64) -> Vec<Self> {
        let (durable, pending) = divide(&log[..moment]);
        let state = |name: String, lucky: Vec<(usize, u64, &'a [u8])>| Self {
            durable: durable.clone(),
            lucky,
            moment,
            name,
        };
        let mut states = vec![state("nothing unflushed".to_owned(), Vec::new())];
        if pending.is_empty() {
            return states;
        }
        states.push(state("everything".to_owned(), pending.clone()));
        if pending.len() <= 64 {
            for index in 0..pending.len() {
                states.push(state(format!("only sector {index}"), vec![pending[index]]));
                let mut others = pending.clone();
                others.remove(index);
                states.push(state(format!("all but sector {index}"), others));
                states.push(state(format!("the first {index}"), pending[..index].to_vec()));
            }
        }
        for seed in 0..seeds {
            let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (moment as u64 + 1));
            // Some seeds take nearly all, some nearly nothing.
            let part = random.next() % 17;
            let lucky = pending.iter().copied().filter(|_| random.next() % 16 < part).collect();
            states.push(state(format!("seed {seed}"), lucky));
        }
        states
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
        write!(formatter, "power cut before event {}, {}", self.moment, self.name)
    }
}

/// What is certain, and the sectors that are not, both in order. A flush makes certain what its own disk was given.
fn divide(log: &[Event]) -> (Vec<&Event>, Vec<(usize, u64, &[u8])>) {
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
