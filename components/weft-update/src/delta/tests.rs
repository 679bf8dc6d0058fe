use super::*;
use crate::device::FileDevice;
use crate::fixture;
use crate::source::Folder;
use weft_verity::Superblock;

fn image(numbers: &[u8]) -> Vec<u8> {
    numbers.iter().flat_map(|number| vec![*number; BLOCK_SIZE]).collect()
}

fn device(folder: &std::path::Path, name: &str, contents: &[u8]) -> FileDevice {
    std::fs::write(folder.join(name), contents).unwrap();
    FileDevice::open(&folder.join(name), true).unwrap()
}

/// What a slot holds, and the hash tree that says so.
struct Slot {
    image: Vec<u8>,
    tree: Vec<u8>,
}

fn slot(numbers: &[u8]) -> Slot {
    liar(numbers, numbers)
}

fn liar(numbers: &[u8], told: &[u8]) -> Slot {
    Slot { image: image(numbers), tree: fixture::hash_device(&image(told)).0 }
}

fn silent(numbers: &[u8]) -> Slot {
    Slot { image: image(numbers), tree: vec![0; 4 * BLOCK_SIZE] }
}

/// Fills a slot that holds `other` beside one that holds `running`; the blocks that were fetched.
fn fetched(new: &[u8], other: Slot, running: Slot, served: &[u8]) -> Result<u64, Error> {
    fetched_of(&image(new), other, running, &image(served))
}

fn fetched_of(new: &[u8], other: Slot, running: Slot, served: &[u8]) -> Result<u64, Error> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root"), served).unwrap();
    let (tree, root) = fixture::hash_device(new);
    let index = Index::read(&tree, (new.len() / BLOCK_SIZE) as u64, &root, fixture::SALT).unwrap();
    let make = |name: &str, contents: &[u8]| device(folder.path(), name, contents);
    let trees = (make("running tree", &running.tree), make("other tree", &other.tree));
    let (running, other) = (make("running", &running.image), make("other", &other.image));
    let slots = Slots { running: &running, other: &other };
    let held = Held::read(slots, Slots { running: &trees.0, other: &trees.1 }, &index, fixture::SALT);
    let source = Folder::open(folder.path()).unwrap();
    let target = RootTarget { source: &source, path: "root" };
    let progress = fill(slots, held, &index, &target, 3, &|_| {})?;
    let mut filled = vec![0; new.len()];
    other.read(0, &mut filled).unwrap();
    assert!(filled == new, "the slot holds another image");
    assert_eq!((progress.done, progress.total), (filled.len() as u64, filled.len() as u64));
    Ok(progress.fetched / BLOCK_SIZE as u64)
}

#[test]
fn only_what_neither_slot_has_is_fetched() {
    let new = [1, 2, 3, 4, 5, 9];
    let running = || slot(&[1, 2, 3]);
    assert_eq!(fetched(&new, slot(&[0; 6]), running(), &new).unwrap(), 3);
    let other = slot(&[9, 9, 3, 4, 0, 0]);
    assert_eq!(fetched(&new, other, slot(&[1, 2]), &new).unwrap(), 2, "5, and the overwritten 9");
    assert_eq!(fetched(&new, slot(&new), slot(&[0; 6]), &new).unwrap(), 0);
    assert_eq!(
        fetched(&new, silent(&[0; 6]), running(), &new).unwrap(),
        3,
        "a slot that nothing was ever put in"
    );
}

#[test]
fn an_interrupted_download_goes_on_where_it_stopped() {
    let new = [1, 2, 3, 4, 5, 9];
    // Its tree is there before the first block.
    let other = liar(&[1, 2, 3, 4, 0, 0], &new);
    assert_eq!(fetched(&new, other, slot(&[5]), &new).unwrap(), 1);
    // So it is when another release has come meanwhile.
    let other = liar(&[0; 6], &[1, 2, 3, 4, 5, 8]);
    assert_eq!(fetched(&new, other, slot(&[1, 2, 3, 4, 5]), &new).unwrap(), 1);
}

#[test]
fn a_tree_that_is_not_whole_says_nothing() {
    let new = [1, 2, 3, 4, 5, 9];
    let superblock = |data_blocks| {
        Superblock { uuid: [7; 16], data_blocks, salt: fixture::SALT.to_vec() }.to_block().unwrap()
    };
    for tree in [vec![0xff; 4 * BLOCK_SIZE], superblock(u64::MAX), superblock(1 << 40), superblock(6)] {
        let other = Slot { image: image(&[1, 2, 3, 4, 0, 0]), tree };
        assert_eq!(fetched(&new, other, slot(&[5]), &new).unwrap(), 1, "its bytes tell");
    }
}

#[test]
fn what_a_tree_says_wrongly_costs_no_more_than_a_fetch() {
    let new = [1, 2, 3, 4, 5, 9];
    let other = liar(&[1, 7, 3, 0, 0, 0], &[1, 2, 3, 0, 0, 0]);
    assert_eq!(fetched(&new, other, slot(&[0; 6]), &new).unwrap(), 4, "2, and what nobody says to have");
    let running = liar(&[1, 7, 3], &[1, 2, 3]);
    assert_eq!(fetched(&new, slot(&[0; 6]), running, &new).unwrap(), 4);
    let fetched = fetched(&new, slot(&[0; 6]), silent(&[1, 2, 3]), &new).unwrap();
    assert_eq!(fetched, 3, "what runs is read where its tree is lost");
}

#[test]
fn a_slot_whose_blocks_all_move_is_filled_from_itself() {
    // More than is read ahead by two processors.
    let new = fixture::image(1, 1500);
    let mut moved = new.clone();
    moved.rotate_right(BLOCK_SIZE);
    let other = Slot { tree: fixture::hash_device(&moved).0, image: moved };
    assert_eq!(
        fetched_of(&new, other, slot(&[0]), &new).unwrap(),
        1,
        "all but the last lie above their place"
    );
}

#[test]
fn a_foreign_block_is_named_and_never_written() {
    let error = fetched(&[1, 2, 3], slot(&[0; 3]), slot(&[1]), &[1, 7, 3]).unwrap_err();
    assert!(matches!(error, Error::Block { block: 1 }), "{error}");
    let error = fetched(&[1, 2, 3], slot(&[0; 3]), slot(&[1]), &[1, 2]).unwrap_err();
    assert!(matches!(error, Error::Short { block: 2 }), "{error}");
    let error = fetched(&[1, 2, 3], slot(&[0; 2]), slot(&[1]), &[1, 2, 3]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { needed: 12_288, room: 8192 }), "{error}");
}

/// A disk with one block that cannot be read until it is written.
struct Rotten {
    inner: FileDevice,
    block: u64,
    mended: std::sync::atomic::AtomicBool,
}

impl BlockDevice for Rotten {
    fn len(&self) -> u64 {
        self.inner.len()
    }
    fn read(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let at = self.block * BLOCK_SIZE as u64;
        let hit = offset < at + BLOCK_SIZE as u64 && at < offset + buffer.len() as u64;
        match hit && !self.mended.load(std::sync::atomic::Ordering::SeqCst) {
            true => Err(io::Error::from_raw_os_error(5)),
            false => self.inner.read(offset, buffer),
        }
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let at = self.block * BLOCK_SIZE as u64;
        if offset < at + BLOCK_SIZE as u64 && at < offset + data.len() as u64 {
            self.mended.store(true, std::sync::atomic::Ordering::SeqCst);
        }
        self.inner.write(offset, data)
    }
    fn flush(&self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[test]
fn a_block_that_cannot_be_read_is_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let new = image(&[1, 2, 3, 4, 5, 6]);
    std::fs::write(folder.path().join("root"), &new).unwrap();
    let (tree, root) = fixture::hash_device(&new);
    let index = Index::read(&tree, 6, &root, fixture::SALT).unwrap();
    let rotten = |name: &str, contents: &[u8], block| Rotten {
        inner: device(folder.path(), name, &image(contents)),
        block,
        mended: false.into(),
    };
    let running = rotten("running", &[1, 2, 3], 1);
    let other = rotten("other", &[0, 0, 0, 4, 5, 0], 3);
    let source = Folder::open(folder.path()).unwrap();
    let target = RootTarget { source: &source, path: "root" };
    let slots = Slots { running: &running, other: &other };
    let tree =
        |name: &str, contents: &[u8]| device(folder.path(), name, &fixture::hash_device(&image(contents)).0);
    let trees = (tree("running tree", &[1, 2, 3]), tree("other tree", &[0, 0, 0, 4, 5, 0]));
    let held = Held::read(slots, Slots { running: &trees.0, other: &trees.1 }, &index, fixture::SALT);
    let progress = fill(slots, held, &index, &target, 1, &|_| {}).unwrap();
    assert_eq!(progress.fetched / BLOCK_SIZE as u64, 3, "2 and 4, which cannot be read, and 6");
    let again = rotten("other", &[1, 2, 3, 4, 5, 6], 5);
    let error = check(&again, &index, fixture::SALT).unwrap_err();
    assert!(matches!(error, Error::Storage { block: 5 }), "the whole slot must be readable: {error}");
}
