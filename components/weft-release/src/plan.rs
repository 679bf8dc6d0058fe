//! Which blocks of a new root image a device has already, and which it must fetch.

use crate::Index;
use std::collections::HashMap;
use std::ops::Range;
use weft_verity::Digest;

/// A block that is copied from an image at hand. Trees tell what an image ought to hold, so the copy must still be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The block in the new image.
    pub block: u64,
    /// Which of the images at hand.
    pub image: usize,
    /// The block there.
    pub from: u64,
}

/// How a new image is put together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// In order of [`Copy::block`].
    pub copies: Vec<Copy>,
    /// Blocks that no image at hand has, in order; each digest once.
    pub fetches: Vec<u64>,
    /// Blocks that equal one of [`Plan::fetches`]: (block, the fetched block), in order of the first.
    pub repeats: Vec<(u64, u64)>,
}

impl Plan {
    /// Compares the leaves. Among equal blocks at hand the one at the same place is taken, else the first.
    ///
    /// All images must have one salt: leaves of different salts never compare, and everything is fetched.
    pub fn new(new: &Index, at_hand: &[&Index]) -> Self {
        let mut known: HashMap<&Digest, (usize, u64)> = HashMap::new();
        for (image, index) in at_hand.iter().enumerate() {
            for (from, leaf) in (0..).zip(index.leaves()) {
                known.entry(leaf).or_insert((image, from));
            }
        }
        let in_place = |block: u64, leaf: &Digest| {
            let same = |index: &&Index| index.leaves().get(block as usize) == Some(leaf);
            at_hand.iter().position(same).map(|image| (image, block))
        };
        let mut plan = Self::default();
        let mut fetched: HashMap<&Digest, u64> = HashMap::new();
        for (block, leaf) in (0..).zip(new.leaves()) {
            if let Some((image, from)) = in_place(block, leaf).or_else(|| known.get(leaf).copied()) {
                plan.copies.push(Copy { block, image, from });
            } else if let Some(first) = fetched.get(leaf) {
                plan.repeats.push((block, *first));
            } else {
                fetched.insert(leaf, block);
                plan.fetches.push(block);
            }
        }
        plan
    }

    /// The fetches as ranges of blocks. Two that lie at most `gap` blocks apart are one range: the blocks between are fetched for nothing,
    /// which costs less than another request.
    pub fn ranges(&self, gap: u64) -> Vec<Range<u64>> {
        let mut ranges: Vec<Range<u64>> = Vec::new();
        for block in self.fetches.iter().copied() {
            match ranges.last_mut() {
                Some(last) if block - last.end <= gap => last.end = block + 1,
                _ => ranges.push(block..block + 1),
            }
        }
        ranges
    }
}
