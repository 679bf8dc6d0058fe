use super::*;
use std::path::PathBuf;
use weft_package::key::{self, SecretKey};

/// A store with one image of three blocks, signed by a trusted key.
struct World {
    folder: tempfile::TempDir,
    places: Places,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["store", "keys", "other"] {
            std::fs::create_dir(path(name)).unwrap();
        }
        key::generate(&path("keys")).unwrap();
        key::generate(&path("other")).unwrap();
        let places =
            Places { stores: vec![path("store")], trusted_keys: vec![path("keys")], mounts: path("mounts") };
        let world = Self { folder, places };
        world.write("keys");
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the image and its companions, signed by the key of a folder.
    fn write(&self, signer: &str) {
        let data = [vec![1; BLOCK_SIZE], vec![2; BLOCK_SIZE], vec![3; BLOCK_SIZE]].concat();
        let (root, tree) = weft_verity::build(&*data, b"salt").unwrap();
        let superblock = Superblock { uuid: [0; 16], data_blocks: 3, salt: b"salt".to_vec() };
        let key = SecretKey::read(&self.path(signer).join(key::SECRET_NAME)).unwrap();
        let hashes = [superblock.to_block().unwrap(), tree].concat();
        let (hash, signature) = SignedRootHash::sign(&root, &key).texts();
        for (name, bytes) in [
            ("a.app.img", &*data),
            ("a.app.hash", &hashes),
            ("a.app.roothash", hash.as_bytes()),
            ("a.app.roothash.sig", signature.as_bytes()),
        ] {
            std::fs::write(self.path("store").join(name), bytes).unwrap();
        }
    }

    fn open(&self) -> Result<Image, Error> {
        Image::open(&self.places, &self.path("store/a.app.img"))
    }
}

#[test]
fn a_signed_image_is_opened_with_its_table() {
    let world = World::new();
    let image = world.open().unwrap();
    assert_eq!((image.superblock.data_blocks, &*image.superblock.salt), (3, &b"salt"[..]));
    let public = std::fs::read_to_string(world.path("keys").join(key::PUBLIC_NAME)).unwrap();
    assert_eq!(image.publisher, public.trim());
}

#[test]
fn foreign_missing_and_garbled_signatures_are_refused() {
    let world = World::new();
    world.write("other");
    assert!(matches!(world.open(), Err(Error::Untrusted(..))));
    world.write("keys");
    std::fs::write(world.path("store/a.app.roothash"), "0".repeat(64)).unwrap();
    assert!(matches!(world.open(), Err(Error::Untrusted(..))));
    for (name, contents) in [("a.app.roothash", "\u{ff}"), ("a.app.roothash.sig", "")] {
        world.write("keys");
        std::fs::write(world.path("store").join(name), contents).unwrap();
        assert!(matches!(world.open(), Err(Error::NotSigned(_))), "{name}");
        std::fs::remove_file(world.path("store").join(name)).unwrap();
        assert!(matches!(world.open(), Err(Error::NotSigned(_))), "{name}");
    }
    world.write("keys");
    std::fs::remove_file(world.path("keys").join(key::PUBLIC_NAME)).unwrap();
    assert!(matches!(world.open(), Err(Error::Untrusted(..))), "the key is not trusted any more");
}

#[test]
fn links_are_refused_for_the_image_and_all_its_companions() {
    for name in ["a.app.img", "a.app.hash", "a.app.roothash", "a.app.roothash.sig"] {
        let world = World::new();
        std::fs::rename(world.path("store").join(name), world.path("moved")).unwrap();
        std::os::unix::fs::symlink(world.path("moved"), world.path("store").join(name)).unwrap();
        assert!(matches!(world.open(), Err(Error::Open { .. })), "{name}");
    }
    let world = World::new();
    std::fs::rename(world.path("store"), world.path("elsewhere")).unwrap();
    std::fs::create_dir(world.path("store")).unwrap();
    std::os::unix::fs::symlink(world.path("elsewhere"), world.path("store/folder")).unwrap();
    let image = world.path("store/folder/a.app.img");
    assert!(matches!(Image::open(&world.places, &image), Err(Error::Open { .. })));
}

#[test]
fn lengths_that_do_not_fit_the_tree_are_refused() {
    let world = World::new();
    for (name, length) in [("a.app.img", 2), ("a.app.img", 4), ("a.app.img", 0), ("a.app.hash", 1)] {
        world.write("keys");
        let file = File::options().write(true).open(world.path("store").join(name)).unwrap();
        file.set_len(length * BLOCK_SIZE as u64).unwrap();
        assert!(matches!(world.open(), Err(Error::Length { .. })), "{name} {length}");
    }
    std::fs::write(world.path("store/a.app.hash"), "").unwrap();
    assert!(matches!(world.open(), Err(Error::Superblock { .. })));
}
