//! Blocks from the source: ranges over several connections, or one whole file where the source knows no ranges.

use super::{Error, Writer};
use crate::device::BlockDevice;
use crate::source::{self, Source};
use crate::state::Progress;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use weft_release::{Index, Work};
use weft_verity::BLOCK_SIZE;

/// The root image at the source.
#[derive(Debug)]
pub struct Target<'a> {
    pub source: &'a dyn Source,
    pub path: &'a str,
}

/// Why the first worker gave up, and the ranges that nobody has finished.
type Failure = Option<(Error, Vec<Range<u32>>)>;

pub struct Fetch<'a> {
    index: &'a Index,
    device: &'a (dyn BlockDevice + Sync),
    target: &'a Target<'a>,
    report: &'a (dyn Fn(Progress) + Sync),
    done: AtomicU64,
    fetched: AtomicU64,
}

impl<'a> Fetch<'a> {
    pub fn new(
        index: &'a Index,
        device: &'a (dyn BlockDevice + Sync),
        target: &'a Target<'a>,
        work: &Work,
        report: &'a (dyn Fn(Progress) + Sync),
    ) -> Self {
        let done = (index.blocks() - work.missing.len() as u64) * BLOCK_SIZE as u64;
        Self { index, device, target, report, done: AtomicU64::new(done), fetched: AtomicU64::new(0) }
    }

    fn progress(&self) -> Progress {
        Progress {
            done: self.done.load(Ordering::Relaxed),
            total: self.index.blocks() * BLOCK_SIZE as u64,
            fetched: self.fetched.load(Ordering::Relaxed),
        }
    }

    /// Fetches all ranges; the first failure ends it.
    pub fn run(&self, ranges: Vec<Range<u32>>, connections: usize) -> Result<Progress, Error> {
        (self.report)(self.progress());
        let waiting = Mutex::new(VecDeque::from(ranges));
        let failed = Mutex::new(None);
        std::thread::scope(|scope| {
            let workers = connections.clamp(1, 16);
            for _ in 1..workers {
                scope.spawn(|| self.work(&waiting, &failed));
            }
            self.work(&waiting, &failed);
        });
        match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
            None => Ok(self.progress()),
            Some((Error::Source(source::Error::NoRanges), mut rest)) => {
                rest.extend(waiting.into_inner().unwrap_or_else(PoisonError::into_inner));
                rest.sort_unstable_by_key(|range| range.start);
                self.whole(&rest)?;
                Ok(self.progress())
            }
            Some((error, _)) => Err(error),
        }
    }

    /// Takes ranges until there are none, or until anybody failed.
    fn work(&self, waiting: &Mutex<VecDeque<Range<u32>>>, failed: &Mutex<Failure>) {
        let lock = || failed.lock().unwrap_or_else(PoisonError::into_inner);
        while lock().is_none() {
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(range) = next else { return };
            if let Err(error) = self.range(&range) {
                let mut failed = lock();
                match failed.as_mut() {
                    Some((_, rest)) => rest.push(range),
                    None => *failed = Some((error, vec![range])),
                }
                return;
            }
            (self.report)(self.progress());
        }
    }

    fn range(&self, range: &Range<u32>) -> Result<(), Error> {
        let bytes = u64::from(range.start) * BLOCK_SIZE as u64..u64::from(range.end) * BLOCK_SIZE as u64;
        let mut reader = self.target.source.range(self.target.path, bytes)?;
        let mut writer = Writer::new(self.device);
        let mut block = [0; BLOCK_SIZE];
        for number in range.clone() {
            self.read(&mut reader, number, &mut block)?;
            self.keep(&mut writer, number, &block)?;
        }
        writer.finish().map_err(Error::Write)
    }

    /// Reads the file from its start to the last block that is wanted.
    fn whole(&self, ranges: &[Range<u32>]) -> Result<(), Error> {
        let limit = self.index.blocks() * BLOCK_SIZE as u64;
        let mut reader = self.target.source.whole(self.target.path, limit)?;
        let mut writer = Writer::new(self.device);
        let mut block = [0; BLOCK_SIZE];
        let mut at = 0;
        for range in ranges {
            for number in at..range.end {
                self.read(&mut reader, number, &mut block)?;
                if range.contains(&number) {
                    self.keep(&mut writer, number, &block)?;
                }
            }
            at = range.end;
            (self.report)(self.progress());
        }
        writer.finish().map_err(Error::Write)
    }

    fn read(&self, reader: &mut impl Read, number: u32, block: &mut [u8]) -> Result<(), Error> {
        let read = reader.read_exact(block);
        self.fetched.fetch_add(block.len() as u64, Ordering::Relaxed);
        read.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => Error::Short { block: number.into() },
            _ => source::Error::reading(self.target.path, error).into(),
        })
    }

    fn keep(&self, writer: &mut Writer<'_>, number: u32, block: &[u8]) -> Result<(), Error> {
        if !self.index.holds(number.into(), block) {
            return Err(Error::Block { block: number.into() });
        }
        writer.put(number.into(), block).map_err(Error::Write)?;
        self.done.fetch_add(block.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}
