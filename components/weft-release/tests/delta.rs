//! The verity tree as an index: what is taken from an image at hand, and what is fetched.

use proptest::prelude::*;
use weft_release::{Index, IndexError, Plan};
use weft_verity::{BLOCK_SIZE, Superblock, build};

const SALT: &[u8] = b"one salt for all";

/// An image whose blocks are filled with these bytes.
fn image(blocks: &[u8]) -> Vec<u8> {
    blocks.iter().flat_map(|byte| [*byte; BLOCK_SIZE]).collect()
}

fn index(blocks: &[u8]) -> Index {
    let (root, device) = hash_device(blocks);
    Index::read(&device, blocks.len() as u64, &root, SALT).unwrap()
}

fn hash_device(blocks: &[u8]) -> ([u8; 32], Vec<u8>) {
    let (root, tree) = build(&*image(blocks), SALT).unwrap();
    let superblock = Superblock { uuid: [0; 16], data_blocks: blocks.len() as u64, salt: SALT.to_vec() };
    let mut device = superblock.to_block().unwrap();
    device.extend(tree);
    (root, device)
}

#[test]
fn a_tree_is_checked_before_it_is_believed() {
    let blocks: Vec<u8> = (0..200).collect();
    let (root, device) = hash_device(&blocks);
    let read = |device: &[u8], root: &[u8; 32]| Index::read(device, 200, root, SALT);
    let good = read(&[&device[..], &[1; 5000]].concat(), &root).unwrap();
    assert!(good.holds(7, &[7; BLOCK_SIZE]) && !good.holds(7, &[8; BLOCK_SIZE]));
    assert!(!good.holds(200, &[200; BLOCK_SIZE]) && !good.holds(7, &[7; 100]));
    for at in [BLOCK_SIZE, 2 * BLOCK_SIZE + 3, device.len() - 1] {
        let mut bad = device.clone();
        bad[at] ^= 1;
        assert!(matches!(read(&bad, &root), Err(IndexError::Tree(weft_verity::Error::RootHash))), "{at}");
    }
    assert!(matches!(read(&device, &[0; 32]), Err(IndexError::Tree(_))));
    assert!(matches!(read(&device[..device.len() - 1], &root), Err(IndexError::Tree(_))));
    assert!(matches!(read(&device[4096..], &root), Err(IndexError::Superblock(_))));
    assert!(matches!(Index::read(&device, 201, &root, SALT), Err(IndexError::DataBlocks { .. })));
    assert!(matches!(Index::read(&device, 200, &root, b"other"), Err(IndexError::Salt)));
    assert!(matches!(read(&[], &root), Err(IndexError::Superblock(_))));
}

#[test]
fn only_unknown_blocks_are_fetched_and_each_once() {
    let (new, a, b) = (index(&[1, 2, 9, 9, 4, 8]), index(&[1, 4, 5]), index(&[6, 2]));
    let plan = Plan::new(&new, &[&a, &b]);
    let copies: Vec<(u64, usize, u64)> =
        plan.copies.iter().map(|copy| (copy.block, copy.image, copy.from)).collect();
    assert_eq!(copies, [(0, 0, 0), (1, 1, 1), (4, 0, 1)]);
    assert_eq!((plan.fetches.clone(), plan.repeats.clone()), (vec![2, 5], vec![(3, 2)]));
    assert_eq!(plan.ranges(0), [2..3, 5..6]);
    assert_eq!(plan.ranges(1), [2..3, 5..6]);
    assert_eq!(plan.ranges(3), plan.ranges(2));
    assert_eq!(plan.ranges(2).first(), Some(&(2..6)));
    assert_eq!(Plan::new(&a, &[&a]).ranges(9), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_plan_makes_the_new_image(
        new in prop::collection::vec(0u8..40, 1..150),
        at_hand in prop::collection::vec(prop::collection::vec(0u8..40, 1..150), 0..3),
        gap in 0u64..5,
    ) {
        let indexes: Vec<Index> = at_hand.iter().map(|blocks| index(blocks)).collect();
        let plan = Plan::new(&index(&new), &indexes.iter().collect::<Vec<_>>());
        let mut made = vec![None; new.len()];
        for copy in &plan.copies {
            prop_assert!(made[copy.block as usize].is_none());
            made[copy.block as usize] = Some(at_hand[copy.image][copy.from as usize]);
        }
        for block in &plan.fetches {
            prop_assert!(made[*block as usize].is_none());
            prop_assert!(plan.ranges(gap).iter().any(|range| range.contains(block)));
            made[*block as usize] = Some(new[*block as usize]);
        }
        for (block, first) in &plan.repeats {
            prop_assert!(made[*block as usize].is_none());
            made[*block as usize] = made[*first as usize];
        }
        prop_assert_eq!(made, new.into_iter().map(Some).collect::<Vec<_>>());
    }
}
