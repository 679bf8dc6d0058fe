//! Blocks that are at hand: read and checked by all processors, written in order.

use super::{Error, READ_BLOCKS, Slots, Writer, threads};
use std::sync::mpsc::{SyncSender, sync_channel};
use weft_release::{Copy, Index, Work};
use weft_verity::BLOCK_SIZE;

/// Blocks that are read before the ones before them are written.
const AHEAD: usize = 4 * READ_BLOCKS;

/// Copies what is at hand. What turns out to be something else, or cannot be read, is left to be fetched.
pub fn copy(slots: Slots<'_>, index: &Index, work: &mut Work) -> Result<(), Error> {
    let copies = std::mem::take(&mut work.copies);
    let mut writer = Writer::new(slots.other);
    let (sender, pieces) = sync_channel(0);
    std::thread::scope(|scope| {
        scope.spawn(|| read(slots, index, &copies, sender));
        for piece in pieces.into_iter().flatten() {
            for (copy, block) in piece.blocks() {
                match block {
                    Some(block) => writer.put(copy.block.into(), block).map_err(Error::Write)?,
                    None => work.missing.push(copy.block),
                }
            }
        }
        Ok::<(), Error>(())
    })?;
    writer.finish().map_err(Error::Write)?;
    work.missing.sort_unstable();
    Ok(())
}

/// Reads all copies in order, until nobody wants them any more. Reading early is always right: a copy's source is written only after the
/// copy, if at all.
fn read<'a>(slots: Slots<'_>, index: &Index, copies: &'a [Copy], pieces: SyncSender<Vec<Piece<'a>>>) {
    let threads = threads();
    let mut runs = copies.chunk_by(Copy::is_before).flat_map(|run| run.chunks(READ_BLOCKS));
    loop {
        let (mut next, mut blocks) = (Vec::new(), 0);
        while blocks < AHEAD
            && let Some(run) = runs.next()
        {
            blocks += run.len();
            next.push(run);
        }
        if next.is_empty() {
            return;
        }
        let piece = |run: &&'a [Copy]| Piece::read(slots, index, run);
        let read = std::thread::scope(|scope| {
            let parts = next.chunks(next.len().div_ceil(threads));
            let readers: Vec<_> =
                parts.map(|part| scope.spawn(move || part.iter().map(piece).collect::<Vec<_>>())).collect();
            let joined = readers.into_iter().map(|reader| reader.join());
            joined.flat_map(|read| read.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        if pieces.send(read).is_err() {
            return;
        }
    }
}

/// What was read of one run of blocks.
struct Piece<'a> {
    run: &'a [Copy],
    bytes: Vec<u8>,
    /// Whether each block is the one that it was taken for.
    is_good: Vec<bool>,
}

impl<'a> Piece<'a> {
    fn read(slots: Slots<'_>, index: &Index, run: &'a [Copy]) -> Self {
        let mut bytes = vec![0; run.len() * BLOCK_SIZE];
        let device = match run.first() {
            Some(first) if first.from_running => slots.running,
            _ => slots.other,
        };
        let at = |copy: &Copy| u64::from(copy.from) * BLOCK_SIZE as u64;
        let is_read = run.first().is_some_and(|first| device.read(at(first), &mut bytes).is_ok());
        // One bad sector costs no more than its own block.
        let good = |(copy, block): (&Copy, &mut [u8])| {
            (is_read || device.read(at(copy), block).is_ok()) && index.holds(copy.block.into(), block)
        };
        let is_good = run.iter().zip(bytes.chunks_mut(BLOCK_SIZE)).map(good).collect();
        Self { run, bytes, is_good }
    }

    /// Each block, `None` where it is not the one that it was taken for.
    fn blocks(&self) -> impl Iterator<Item = (&Copy, Option<&[u8]>)> {
        let blocks = self.bytes.chunks(BLOCK_SIZE).zip(&self.is_good);
        self.run.iter().zip(blocks.map(|(block, is_good)| is_good.then_some(block)))
    }
}
