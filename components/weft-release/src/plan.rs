//! Which blocks are in place, which can be copied, which must come from the source.

use std::collections::HashMap;
use std::ops::Range;
use weft_verity::Digest;

/// Blocks of one request at most; several requests share the work, and an interrupted one loses little.
const MAX_RANGE: u32 = 256;

/// A block at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copy {
    /// Where it goes in the other slot.
    pub block: u32,
    /// Where it is.
    pub from: u32,
    /// In the running slot, else in the other one.
    pub from_running: bool,
}

impl Copy {
    /// Whether `next` continues this one, on both sides.
    pub fn is_before(&self, next: &Self) -> bool {
        let step = (self.block.checked_add(1), self.from.checked_add(1), self.from_running);
        step == (Some(next.block), Some(next.from), next.from_running)
    }
}

/// What is to be done. Blocks are counted in 32 bits, which is 16 TiB.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// In ascending order of `block`, which is the order to copy in.
    pub copies: Vec<Copy>,
    /// In ascending order.
    pub missing: Vec<u32>,
    /// Blocks that the other slot has in place.
    pub in_place: u64,
}

impl Work {
    /// Compares the leaves of the new image with what both slots are said to hold.
    ///
    /// Copying goes upwards through the other slot and overwrites it, so a block of its own is a source only where nothing has been
    /// written yet: above its destination, or where it stays.
    pub fn new(new: &[Digest], other: &[Digest], running: &[Digest]) -> Self {
        let running_at: HashMap<&Digest, u32> = (0..).zip(running).map(|(at, leaf)| (leaf, at)).collect();
        let stays = |at: u32| other.get(at as usize).is_some_and(|leaf| new.get(at as usize) == Some(leaf));
        let mut other_at: HashMap<&Digest, u32> = HashMap::new();
        for (at, leaf) in (0..).zip(other) {
            // One that stays is the best, else the last, which is overwritten latest.
            if !running_at.contains_key(leaf) && !other_at.get(leaf).is_some_and(|known| stays(*known)) {
                other_at.insert(leaf, at);
            }
        }
        let mut work = Self::default();
        for (block, leaf) in (0..).zip(new) {
            let own = || other_at.get(leaf).filter(|from| **from > block || stays(**from));
            if stays(block) {
                work.in_place += 1;
            } else if let Some(from) = running_at.get(leaf) {
                work.copies.push(Copy { block, from: *from, from_running: true });
            } else if let Some(from) = own() {
                work.copies.push(Copy { block, from: *from, from_running: false });
            } else {
                work.missing.push(block);
            }
        }
        work
    }

    /// The missing blocks as requests: those that lie together are one, up to a length.
    pub fn ranges(&self) -> Vec<Range<u32>> {
        let mut ranges: Vec<Range<u32>> = Vec::new();
        for block in self.missing.iter().copied() {
            match ranges.last_mut() {
                Some(last) if last.end == block && last.end - last.start < MAX_RANGE => last.end += 1,
                _ => ranges.push(block..block + 1),
            }
        }
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn leaves(numbers: &[u8]) -> Vec<Digest> {
        numbers.iter().map(|number| [*number; 32]).collect()
    }

    #[test]
    fn neighbours_are_one_request_up_to_a_length() {
        let work = Work { missing: [vec![1, 2, 5], (100..700).collect()].concat(), ..Work::default() };
        assert_eq!(work.ranges(), [1..3, 5..6, 100..356, 356..612, 612..700]);
    }

    proptest! {
        /// Done in order on a model, the copies give the new image, and nothing is fetched that was there and not in the way.
        #[test]
        fn copies_in_order_give_the_image(
            new in prop::collection::vec(0..12u8, 1..40),
            mut other in prop::collection::vec(0..12u8, 0..40),
            running in prop::collection::vec(0..6u8, 0..20),
        ) {
            other.resize(new.len(), 0);
            let work = Work::new(&leaves(&new), &leaves(&other), &leaves(&running));
            for copy in &work.copies {
                let source = if copy.from_running { &running } else { &other };
                other[copy.block as usize] = source[copy.from as usize];
            }
            for block in &work.missing {
                prop_assert!(!running.contains(&new[*block as usize]));
                other[*block as usize] = new[*block as usize];
            }
            prop_assert_eq!(other, new);
        }
    }
}
