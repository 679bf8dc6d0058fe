//! Repositories of releases, read as a device reads them: from a trusted root, by the TUF client alone.

use jiff::{Timestamp, ToSpan};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tough::{ExpirationEnforcement, RepositoryLoader, TargetName};
use url::Url;
use weft_image::release::diff::{Difference, Side, difference};
use weft_image::release::{
    Contents, Error, Keyring, Lifetimes, Repository, Terms, planned_epoch, publish, refresh, roots,
};
use weft_release::{Index, Parts, Release, product};
use weft_verity::{BLOCK_SIZE, Geometry, Superblock, build, parity};

const SALT: &[u8] = b"salt";

/// A folder with keys, a repository, and files that stand for an image.
struct World {
    folder: TempDir,
}

impl World {
    fn new(sizes: &[&str]) -> Self {
        let world = Self { folder: tempfile::tempdir().unwrap() };
        let sizes: Vec<_> = sizes.iter().map(|size| size.parse().unwrap()).collect();
        roots::create(&world.keys(), &sizes, 100, now()).unwrap();
        world
    }

    fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn ring(&self) -> Keyring {
        Keyring::read(&[self.keys()]).unwrap()
    }

    /// A release whose root image is so many blocks of this byte.
    fn contents(&self, version: &str, blocks: &[u8]) -> Contents {
        let file = |name: &str, contents: &[u8]| {
            let path = self.folder.path().join(format!("{version}-{name}"));
            std::fs::write(&path, contents).unwrap();
            path
        };
        let image: Vec<u8> = blocks.iter().flat_map(|byte| [*byte; BLOCK_SIZE]).collect();
        let (root_hash, tree) = build(&*image, SALT).unwrap();
        let superblock = Superblock { uuid: [0; 16], data_blocks: blocks.len() as u64, salt: SALT.to_vec() };
        let parity = parity(&Geometry::new(blocks.len() as u64), &*image, &tree).unwrap();
        let verity = [superblock.to_block().unwrap(), tree, parity].concat();
        Contents {
            product: product("kiosk"),
            version: version.parse().unwrap(),
            state_format: 1,
            root_hash,
            salt: SALT.to_vec(),
            root: file("root", &image),
            verity: file("verity", &verity),
            uki_a: file("a", format!("uki a of {version}").as_bytes()),
            uki_b: file("b", format!("uki b of {version}").as_bytes()),
            sbom: file("sbom", b"{}"),
            notes: file("notes", format!("notes of {version}").as_bytes()),
        }
    }

    fn publish(&self, contents: &Contents, terms: &Terms) -> Result<Release, Error> {
        let repository = Repository::open(&self.out()).unwrap();
        publish(&repository, &self.ring(), contents, terms, Lifetimes::default(), now())
            .map(|published| published.release)
    }
}

fn now() -> Timestamp {
    Timestamp::now()
}

/// The names and contents of all targets, as a device sees them that trusts this root.
fn read(out: &Path, root: &Path) -> Result<BTreeMap<String, Vec<u8>>, Box<tough::error::Error>> {
    let url = |part: &str| Url::from_directory_path(out.join(part).canonicalize().unwrap()).unwrap();
    let root = std::fs::read(root).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let loader = RepositoryLoader::new(&root, url("metadata"), url("targets"));
        let repository = loader.expiration_enforcement(ExpirationEnforcement::Safe).load().await?;
        let names: Vec<TargetName> = repository.all_targets().map(|(name, _)| name.clone()).collect();
        let mut contents = BTreeMap::new();
        for name in names {
            let saved = tempfile::tempdir().unwrap();
            repository.save_target(&name, saved.path(), tough::Prefix::None).await?;
            contents.insert(name.raw().to_owned(), std::fs::read(saved.path().join(name.raw())).unwrap());
        }
        Ok(contents)
    })
}

/// Names of all files below a folder, with the time they were last written.
fn files(folder: &Path) -> BTreeMap<PathBuf, std::time::SystemTime> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.insert(entry.path(), entry.metadata().unwrap().modified().unwrap());
        }
    }
    found
}

#[test]
fn a_device_finds_every_release_with_all_its_files() {
    let world = World::new(&[]);
    let first = world.contents("1.0.0", &[1, 2, 3]);
    let release = world.publish(&first, &Terms::default()).unwrap();
    let before = files(&world.out().join("targets"));
    world.publish(&world.contents("1.1.0", &[1, 2, 4, 5]), &Terms::default()).unwrap();
    let found = read(&world.out(), &world.keys().join("1.root.json")).unwrap();
    assert_eq!(found.len(), 12);
    assert_eq!(found["weft-kiosk-1.0.0/uki-b.efi"], b"uki b of 1.0.0");
    assert_eq!(found["weft-kiosk-1.1.0/notes.md"], b"notes of 1.1.0");
    assert_eq!(release.parts, Parts::of("weft-kiosk", &release.version));
    let tree = &found[&release.parts.verity];
    let index = Index::read(tree, release.data_blocks, &release.root_hash, &release.salt).unwrap();
    assert!(index.holds(2, &[3; BLOCK_SIZE]));
    let after = files(&world.out().join("targets"));
    assert!(before.iter().all(|(path, time)| after.get(path) == Some(time)), "a file was written again");
}

#[test]
fn a_release_never_changes_but_its_terms_may() {
    let world = World::new(&[]);
    let contents = world.contents("1.0.0", &[1, 2, 3]);
    world.publish(&contents, &Terms::default()).unwrap();
    let waves = vec![weft_release::Wave { after: now(), percent: 5 }];
    std::fs::write(&contents.uki_a, "signed again").unwrap();
    std::fs::write(&contents.notes, "corrected").unwrap();
    let release = world.publish(&contents, &Terms { waves: waves.clone(), ..Terms::default() }).unwrap();
    assert_eq!(release.waves, waves);
    let found = read(&world.out(), &world.keys().join("1.root.json")).unwrap();
    assert_eq!(found["weft-kiosk-1.0.0/uki-a.efi"], b"uki a of 1.0.0");
    assert_eq!(found["weft-kiosk-1.0.0/notes.md"], b"corrected");
    let error = world.publish(&world.contents("1.0.0", &[9]), &Terms::default()).unwrap_err();
    assert!(matches!(error, Error::Taken { .. }), "{error}");
}

#[test]
fn epochs_do_not_fall_by_accident() {
    let world = World::new(&[]);
    let publish = |version: &str, terms: &Terms| world.publish(&world.contents(version, &[1]), terms);
    let epoch = |epoch| Terms { epoch: Some(epoch), ..Terms::default() };
    let planned = |version: &str, asked| {
        let repository = Repository::open(&world.out()).unwrap();
        let version = version.parse().unwrap();
        planned_epoch(&repository, &world.ring(), &product("kiosk"), &version, asked).unwrap()
    };
    assert_eq!((planned("1.0.0", None), planned("1.0.0", Some(2))), (0, 2), "the first release");
    publish("1.0.0", &Terms::default()).unwrap();
    publish("1.1.0", &epoch(3)).unwrap();
    assert_eq!((planned("1.2.0", None), planned("1.0.0", None)), (3, 0), "what the image will carry");
    assert_eq!(publish("1.2.0", &Terms::default()).unwrap().epoch, 3);
    assert_eq!(publish("1.0.0", &Terms::default()).unwrap().epoch, 0, "what is released stays as it is");
    let error = publish("1.3.0", &epoch(2)).unwrap_err().to_string();
    assert!(error.contains("--epoch 3"), "{error}");
    let back = Terms { allow_downgrade_from: vec!["1.2.0".parse().unwrap()], ..epoch(0) };
    assert_eq!(publish("1.0.1", &back).unwrap().epoch, 0);
    let late = Terms { minimum_version: Some("2.0.0".parse().unwrap()), ..Terms::default() };
    assert!(matches!(publish("1.3.0", &late).unwrap_err(), Error::Minimum { .. }));
}

#[test]
fn offline_keys_are_needed_for_a_release_but_not_to_refresh() {
    let world = World::new(&["root=2/3", "targets=2/2"]);
    let contents = world.contents("1.0.0", &[1]);
    world.publish(&contents, &Terms::default()).unwrap();
    let vault = world.folder.path().join("vault");
    std::fs::create_dir(&vault).unwrap();
    for name in ["root-1", "root-2", "root-3", "targets-1"] {
        let name = format!("{name}.pem");
        std::fs::rename(world.keys().join(&name), vault.join(&name)).unwrap();
    }
    let error = world.publish(&world.contents("1.1.0", &[2]), &Terms::default()).unwrap_err().to_string();
    assert!(error.contains("2 keys of the role targets must sign, and 1 are in"), "{error}");
    assert!(
        !files(&world.out()).keys().any(|path| path.to_string_lossy().contains("1.1.0")),
        "files of no release"
    );
    let timestamp = || std::fs::read_to_string(world.out().join("metadata/timestamp.json")).unwrap();
    let before = timestamp();
    refresh(&Repository::open(&world.out()).unwrap(), &world.ring(), Lifetimes::default(), now()).unwrap();
    assert!(timestamp() != before && timestamp().contains("\"version\": 2"));
    assert!(world.out().join("metadata/1.targets.json").exists());
    assert!(!world.out().join("metadata/2.targets.json").exists(), "the targets were signed again");
    assert_eq!(read(&world.out(), &world.keys().join("1.root.json")).unwrap().len(), 6);
    let both = Keyring::read(&[world.keys(), vault]).unwrap();
    let repository = Repository::open(&world.out()).unwrap();
    let next = world.contents("1.1.0", &[2]);
    publish(&repository, &both, &next, &Terms::default(), Lifetimes::default(), now()).unwrap();
    assert_eq!(read(&world.out(), &world.keys().join("1.root.json")).unwrap().len(), 12);
}

#[test]
fn a_device_follows_new_keys_and_the_old_ones_sign_nothing_any_more() {
    let world = World::new(&[]);
    world.publish(&world.contents("1.0.0", &[1]), &Terms::default()).unwrap();
    let first = world.folder.path().join("device-root.json");
    std::fs::copy(world.keys().join("1.root.json"), &first).unwrap();
    let old_keys = world.folder.path().join("old");
    std::fs::create_dir(&old_keys).unwrap();
    for entry in std::fs::read_dir(world.keys()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, old_keys.join(path.file_name().unwrap())).unwrap();
    }
    for role in ["timestamp", "snapshot", "targets=1/2", "root=2/2"] {
        let size = role.parse().unwrap();
        roots::rotate(&world.keys(), &world.ring(), Some(&size), 100, now()).unwrap();
    }
    roots::rotate(&world.keys(), &world.ring(), None, 200, now()).unwrap();
    refresh(&Repository::open(&world.out()).unwrap(), &world.ring(), Lifetimes::default(), now()).unwrap();
    assert_eq!(read(&world.out(), &first).unwrap().len(), 6);
    assert!(world.out().join("metadata/6.root.json").exists());
    // Who has the old keys can neither publish with them nor give himself a new root.
    let stolen = Keyring::read(std::slice::from_ref(&old_keys)).unwrap();
    let repository = Repository::open(&world.out()).unwrap();
    let error = refresh(&repository, &stolen, Lifetimes::default(), now()).unwrap_err();
    assert!(matches!(error, Error::OlderRoot { repository: 6, keys: 1 }), "{error}");
    drop(repository);
    for version in 2..=6 {
        let name = format!("{version}.root.json");
        std::fs::copy(world.keys().join(&name), old_keys.join(name)).unwrap();
    }
    let repository = Repository::open(&world.out()).unwrap();
    let error = refresh(&repository, &stolen, Lifetimes::default(), now()).unwrap_err();
    assert!(matches!(error, Error::KeysMissing { .. }), "{error}");
    let error = roots::rotate(&old_keys, &stolen, None, 100, now()).unwrap_err();
    assert!(matches!(error, Error::KeysMissing { .. }), "{error}");
}

#[test]
fn repositories_of_other_keys_and_in_use_are_left_alone() {
    let world = World::new(&[]);
    world.publish(&world.contents("1.0.0", &[1]), &Terms::default()).unwrap();
    let other = World::new(&[]);
    let repository = Repository::open(&world.out()).unwrap();
    let contents = world.contents("1.1.0", &[1]);
    let terms = Terms::default();
    let error =
        publish(&repository, &other.ring(), &contents, &terms, Lifetimes::default(), now()).unwrap_err();
    assert!(matches!(error, Error::OtherRoot { .. }), "{error}");
    assert!(matches!(Repository::open(&world.out()).unwrap_err(), Error::InUse(_)));
    let error = roots::create(&world.keys(), &[], 1, now()).unwrap_err().to_string();
    assert!(error.contains("keys rotate"), "{error}");
    std::fs::write(world.keys().join("broken.pem"), "no key").unwrap();
    assert!(matches!(Keyring::read(&[world.keys()]).unwrap_err(), Error::NotAKey { .. }));
}

/// A release that is interrupted before `timestamp.json` is there shows nothing of itself, and the next one is not in its way.
#[test]
fn an_interrupted_release_is_not_seen() {
    let world = World::new(&[]);
    world.publish(&world.contents("1.0.0", &[1]), &Terms::default()).unwrap();
    let timestamp = world.out().join("metadata/timestamp.json");
    let before = std::fs::read(&timestamp).unwrap();
    world.publish(&world.contents("1.1.0", &[2]), &Terms::default()).unwrap();
    std::fs::write(&timestamp, before).unwrap();
    std::fs::write(world.out().join("targets/.making-left"), "half").unwrap();
    assert_eq!(read(&world.out(), &world.keys().join("1.root.json")).unwrap().len(), 6);
    world.publish(&world.contents("1.2.0", &[3]), &Terms::default()).unwrap();
    let found = read(&world.out(), &world.keys().join("1.root.json")).unwrap();
    assert!(
        found.contains_key("weft-kiosk-1.2.0/root.erofs")
            && !found.contains_key("weft-kiosk-1.1.0/root.erofs")
    );
    assert!(!world.out().join("targets/.making-left").exists());
}

#[test]
fn a_difference_is_what_the_trees_say() {
    let world = World::new(&[]);
    let missing = Repository::open_existing(&world.out()).unwrap_err();
    assert!(matches!(missing, Error::NoRepository { .. }) && !world.out().exists(), "{missing}");
    let old = world.contents("1.0.0", &[1, 2, 3]);
    world.publish(&old, &Terms::default()).unwrap();
    world.publish(&world.contents("1.1.0", &[1, 9, 2, 7, 7]), &Terms::default()).unwrap();
    let repository = Repository::open_existing(&world.out()).unwrap();
    let new = Side::of_release(&repository, "weft-kiosk-1.1.0").unwrap();
    let difference = difference(&Side::of_file(&old.root, SALT).unwrap(), &new);
    let block = BLOCK_SIZE as u64;
    let expected = Difference {
        blocks: 5,
        fetched_blocks: 3,
        fetched_bytes: 3 * block,
        ranges: 2,
        tree_bytes: 4 * block,
    };
    assert_eq!(difference, expected);
    let error = Side::of_release(&repository, "1.2.0").unwrap_err().to_string();
    assert!(error.contains("weft-kiosk-1.0.0"), "{error}");
}

#[test]
fn metadata_expires() {
    let world = World::new(&[]);
    let repository = Repository::open(&world.out()).unwrap();
    let long_ago = now().checked_sub((24 * 95).hours()).unwrap();
    let contents = world.contents("1.0.0", &[1]);
    publish(&repository, &world.ring(), &contents, &Terms::default(), Lifetimes::default(), long_ago)
        .unwrap();
    let error = read(&world.out(), &world.keys().join("1.root.json")).unwrap_err();
    assert!(error.to_string().contains("xpired"), "{error}");
    refresh(&repository, &world.ring(), Lifetimes::default(), now()).unwrap();
    assert_eq!(read(&world.out(), &world.keys().join("1.root.json")).unwrap().len(), 6);
}
