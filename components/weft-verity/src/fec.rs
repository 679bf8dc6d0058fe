//! Forward error correction: the parity by which the kernel repairs blocks that do not match their hashes.
//!
//! The code is RS(255, 253) over GF(2^8) with the polynomial 0x11d and the generator's roots 1 and 2. Byte for byte, data and tree are laid
//! out in 253 rows of as many blocks as it takes; what is missing of the last rows counts as zeros. A column of bytes is the message of one
//! code word, whose two parity bytes follow those of the column before. So neighbouring blocks are in different code words, and one rotten
//! block costs each of its code words one byte, which is what two parity bytes repair without being told where it is; a second block of the
//! same column is repaired where its hash tells that it is wrong.

use crate::geometry::{BLOCK_SIZE, FEC_ROWS, Geometry};
use crate::tree::{Error, read_full};
use std::io::Read;

const WORD: usize = size_of::<u64>();
const WORDS: usize = BLOCK_SIZE / WORD;

/// The parity over data and tree, [`Geometry::fec_bytes`] long. It reads the data's blocks and nothing behind them.
pub fn parity(geometry: &Geometry, mut data: impl Read, tree: &[u8]) -> Result<Vec<u8>, Error> {
    let expected = geometry.tree_blocks() * BLOCK_SIZE as u64;
    if tree.len() as u64 != expected {
        return Err(Error::TreeSize { blocks: geometry.data_blocks(), found: tree.len(), expected });
    }
    let mut encoder = Encoder::new(geometry.fec_columns() as usize);
    let mut block = [0; BLOCK_SIZE];
    for number in 0..geometry.data_blocks() {
        match read_full(&mut data, &mut block).map_err(Error::Read)? {
            BLOCK_SIZE => encoder.push(&block),
            part => return Err(Error::Short(number * BLOCK_SIZE as u64 + part as u64)),
        }
    }
    tree.chunks(BLOCK_SIZE).for_each(|block| encoder.push(block));
    let padding = geometry.fec_columns() * FEC_ROWS - geometry.fec_covered_blocks();
    (0..padding).for_each(|_| encoder.push(&[0; BLOCK_SIZE]));
    Ok(encoder.finish())
}

/// The remainder of each column's message so far, divided by the generator (x - 1)(x - 2) = x² + 3x + 2. Eight bytes, of eight code words,
/// are one word.
struct Encoder {
    high: Vec<u64>,
    low: Vec<u64>,
    /// Of the next block, in words.
    position: usize,
}

impl Encoder {
    fn new(columns: usize) -> Self {
        Self { high: vec![0; columns * WORDS], low: vec![0; columns * WORDS], position: 0 }
    }

    fn push(&mut self, block: &[u8]) {
        let lanes = self.high.iter_mut().zip(&mut self.low).skip(self.position);
        for ((high, low), word) in lanes.zip(block.as_chunks::<WORD>().0) {
            let feedback = u64::from_le_bytes(*word) ^ *high;
            let doubled = double(feedback);
            *high = *low ^ doubled ^ feedback;
            *low = doubled;
        }
        self.position = (self.position + WORDS) % self.high.len();
    }

    fn finish(self) -> Vec<u8> {
        let pairs = self.high.into_iter().zip(self.low);
        pairs.flat_map(|(high, low)| interleave(high.to_le_bytes(), low.to_le_bytes())).collect()
    }
}

fn interleave(high: [u8; WORD], low: [u8; WORD]) -> impl Iterator<Item = u8> {
    high.into_iter().zip(low).flat_map(|(high, low)| [high, low])
}

/// Multiplies eight elements of the field by two.
fn double(elements: u64) -> u64 {
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    let overflowed = (elements & HIGHEST) >> 7;
    ((elements & !HIGHEST) << 1) ^ (overflowed * 0x1d)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The whole code word as a polynomial, at a point.
    fn evaluate(word: impl Iterator<Item = u8>, times: impl Fn(u8) -> u8) -> u8 {
        word.fold(0, |value, byte| times(value) ^ byte)
    }

    #[test]
    fn every_code_word_is_zero_at_the_roots_of_the_generator() {
        let blocks = 300;
        let data: Vec<u8> = (0..blocks * BLOCK_SIZE).map(|at| (at * 7 + at / 255) as u8).collect();
        let (_, tree) = crate::build(&*data, b"salt").unwrap();
        let geometry = Geometry::new(blocks as u64);
        let parity = parity(&geometry, &*data, &tree).unwrap();
        assert_eq!(parity.len() as u64, geometry.fec_bytes());
        let covered = [data, tree].concat();
        let stride = geometry.fec_columns() as usize * BLOCK_SIZE;
        for (column, pair) in parity.chunks(2).enumerate() {
            let message =
                (0..FEC_ROWS as usize).map(|row| covered.get(column + row * stride).copied().unwrap_or(0));
            let word = || message.clone().chain(pair.iter().copied());
            let twice = |value: u8| double(u64::from(value)) as u8;
            assert_eq!((evaluate(word(), |value| value), evaluate(word(), twice)), (0, 0), "column {column}");
        }
    }

    #[test]
    fn data_and_tree_of_another_size_are_refused() {
        let geometry = Geometry::new(2);
        let data = [0; 2 * BLOCK_SIZE];
        assert!(matches!(parity(&geometry, &data[..], &[]), Err(Error::TreeSize { expected: 4096, .. })));
        assert!(matches!(parity(&geometry, &data[..5000], &[0; BLOCK_SIZE]), Err(Error::Short(5000))));
    }
}
