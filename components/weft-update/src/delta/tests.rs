use super::*;
use crate::device::FileDevice;
use crate::fixture;
use crate::source::Folder;

fn image(numbers: &[u8]) -> Vec<u8> {
    numbers.iter().flat_map(|number| vec![*number; BLOCK_SIZE]).collect()
}

fn device(folder: &std::path::Path, name: &str, contents: &[u8]) -> FileDevice {
    std::fs::write(folder.join(name), contents).unwrap();
    FileDevice::open(&folder.join(name), true).unwrap()
}

/// Fills a slot that holds `other` beside one that holds `running`; the blocks that were fetched.
fn fetched(new: &[u8], other: &[u8], running: &[u8], served: &[u8]) -> Result<u64, Error> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("root"), image(served)).unwrap();
    let (tree, root) = fixture::hash_device(&image(new));
    let index = Index::read(&tree, new.len() as u64, &root, fixture::SALT).unwrap();
    let other = device(folder.path(), "other", &image(other));
    let running = device(folder.path(), "running", &image(running));
    let source = Folder::open(folder.path()).unwrap();
    let target = RootTarget { source: &source, path: "root" };
    let slots = Slots { running: &running, other: &other };
    let progress = fill(&slots, &index, fixture::SALT, &target, 3, &|_| {})?;
    let mut filled = vec![0; new.len() * BLOCK_SIZE];
    other.read(0, &mut filled).unwrap();
    assert_eq!(filled, image(new));
    assert_eq!((progress.done, progress.total), (filled.len() as u64, filled.len() as u64));
    Ok(progress.fetched / BLOCK_SIZE as u64)
}

#[test]
fn only_what_neither_slot_has_is_fetched() {
    let new = [1, 2, 3, 4, 5, 9];
    assert_eq!(fetched(&new, &[0; 6], &[1, 2, 3], &new).unwrap(), 3);
    assert_eq!(fetched(&new, &[9, 9, 3, 4, 0, 0], &[1, 2], &new).unwrap(), 2, "5, and the overwritten 9");
    assert_eq!(fetched(&new, &new, &[0; 6], &new).unwrap(), 0);
}

#[test]
fn a_foreign_block_is_named_and_never_written() {
    let error = fetched(&[1, 2, 3], &[0; 3], &[1], &[1, 7, 3]).unwrap_err();
    assert!(matches!(error, Error::Block { block: 1 }), "{error}");
    let error = fetched(&[1, 2, 3], &[0; 3], &[1], &[1, 2]).unwrap_err();
    assert!(matches!(error, Error::Short { block: 2 }), "{error}");
    let error = fetched(&[1, 2, 3], &[0; 2], &[1], &[1, 2, 3]).unwrap_err();
    assert!(matches!(error, Error::TooLarge { needed: 12_288, room: 8192 }), "{error}");
}

/// A slot with a file system of two blocks, of which the first is its superblock, and with more behind it.
#[test]
fn what_a_file_system_leaves_of_its_slot_is_not_read() {
    let mut superblock = vec![0; BLOCK_SIZE];
    superblock[1024..1028].copy_from_slice(&[0xe2, 0xe1, 0xf5, 0xe0]);
    superblock[1024 + 12] = 12;
    superblock[1024 + 36] = 2;
    let blocks = |superblock: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        image_blocks(&device(folder.path(), "slot", &[superblock, &image(&[2, 3, 4])].concat()))
    };
    assert_eq!(blocks(&superblock), Some(2));
    for (at, other) in [(1024, 0), (1024 + 12, 13)] {
        let mut superblock = superblock.clone();
        superblock[at] = other;
        assert_eq!(blocks(&superblock), None, "no EROFS, or one of other blocks, at {at}");
    }
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
    let progress = fill(&slots, &index, fixture::SALT, &target, 1, &|_| {}).unwrap();
    assert_eq!(progress.fetched / BLOCK_SIZE as u64, 3, "2 and 4, which cannot be read, and 6");
    let again = rotten("other", &[1, 2, 3, 4, 5, 6], 5);
    let error = check(&again, &index, fixture::SALT).unwrap_err();
    assert!(matches!(error, Error::Storage { block: 5 }), "the whole slot must be readable: {error}");
}
