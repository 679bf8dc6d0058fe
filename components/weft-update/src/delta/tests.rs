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
