//! The verity tree as the index of a root image.

use weft_release::{Index, IndexError};
use weft_verity::{BLOCK_SIZE, Superblock, build};

const SALT: &[u8] = b"one salt for all";

/// An image whose blocks are filled with these bytes.
fn image(blocks: &[u8]) -> Vec<u8> {
    blocks.iter().flat_map(|byte| [*byte; BLOCK_SIZE]).collect()
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
