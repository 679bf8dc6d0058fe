//! Attacks on an update, by the names of the TUF specification (section 1.5.2), and servers with bad manners. After each one the
//! running slot and its boot entry are as they were, and a good server brings the update.

mod input;
mod patience;
mod server;

use crate::activate::activate;
use crate::device::{BlockDevice, FileDevice};
use crate::esp::{BootEntries, Esp};
use crate::fixture::{Key, Maker, PAST, PRODUCT, hash_device, image, sign, uki};
use crate::machine::Machine;
use crate::model::esp_image;
use crate::records::Standing;
use crate::repository::Repository;
use crate::source::{Http, Limits, Source};
use crate::stage::{self, Choice};
use crate::state::{Folder, Progress};
use server::{Manner, Server};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use weft_release::Slot;

const BLOCKS: usize = 300;
static ESP_IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
const LIMITS: Limits = Limits {
    connect: Duration::from_secs(10),
    answer: Duration::from_secs(30),
    least_speed: 4096,
    window: Duration::from_secs(30),
};

/// A device in files, version 1.0.0 in slot a, and the root of trust that it was made with.
struct Target {
    folder: tempfile::TempDir,
    root: Vec<u8>,
}

impl Target {
    fn new(maker: &Maker) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let kernel = uki("1.0.0", Slot::A, &image(5, BLOCKS));
        for (name, contents) in [
            ("esp", ESP_IMAGE.get_or_init(|| esp_image(&[("weft-a_1.0.0.efi", &kernel)])).clone()),
            ("root-a", image(5, BLOCKS)),
            ("verity-a", hash_device(&image(5, BLOCKS)).0),
            ("root-b", vec![0; 2 << 20]),
            ("verity-b", vec![0; 64 << 10]),
        ] {
            write_sparse(&folder.path().join(name), &contents);
        }
        std::fs::create_dir(folder.path().join("state")).unwrap();
        Self { folder, root: maker.root() }
    }

    fn machine(&self) -> Machine {
        let store = Box::new(Folder::new(&self.folder.path().join("state")));
        Machine::of_folder(self.folder.path(), Slot::A, "1.0.0".parse().unwrap(), store).unwrap()
    }

    fn look(&self, source: Arc<dyn Source>) -> Result<Repository, String> {
        Repository::load(source, &*self.machine().store, &self.root).map_err(|error| text(&error))
    }

    fn take(&self, source: Arc<dyn Source>) -> Result<Progress, String> {
        let (machine, repository) = (self.machine(), self.look(source)?);
        let standing = Standing::load(&*machine.store).unwrap();
        let choice =
            stage::choose(&repository, &machine, PRODUCT, &standing).map_err(|error| text(&error))?;
        let Choice::Take(release, _) = choice else { return Err("current".to_owned()) };
        stage::download(&machine, &repository, &release, 4).map_err(|error| text(&error))
    }

    fn take_from(&self, url: &str) -> Result<Progress, String> {
        self.take(Arc::new(Http::new(url, Path::new("/nowhere"), LIMITS).unwrap()))
    }

    fn file(&self, name: &str) -> FileDevice {
        FileDevice::open(&self.folder.path().join(name), false).unwrap()
    }

    /// What runs is as it was.
    fn is_untouched(&self) -> bool {
        let mut root = vec![0; BLOCKS * 4096];
        self.file("root-a").read(0, &mut root).unwrap();
        let names = Esp::open(self.file("esp")).unwrap().names().unwrap();
        root == image(5, BLOCKS) && names == ["weft-a_1.0.0.efi"]
    }

    /// The attack failed with those words, harmed nothing, and does not keep a good server's update away.
    fn resists(&self, outcome: Result<Progress, String>, words: &str, maker: &Maker) {
        let error = outcome.expect_err("the attack went through");
        assert!(error.contains(words), "{error:?} does not say {words:?}");
        assert!(self.is_untouched());
        let good = Server::new(maker.folder(), Manner::Good);
        self.take_from(&good.url).unwrap();
        activate(&self.machine()).unwrap();
        let mut names = Esp::open(self.file("esp")).unwrap().names().unwrap();
        names.sort();
        assert_eq!(names, ["weft-a_1.0.0.efi", "weft-b_1.1.0+3.efi"]);
    }
}

/// Leaves holes for zeros.
fn write_sparse(path: &Path, contents: &[u8]) {
    let file = std::fs::File::create(path).unwrap();
    file.set_len(contents.len() as u64).unwrap();
    let parts = contents.chunks(1 << 16).zip((0..).step_by(1 << 16));
    for (part, at) in parts.filter(|(part, _)| part.iter().any(|byte| *byte != 0)) {
        file.write_all_at(part, at).unwrap();
    }
}

fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn repository() -> Maker {
    let mut maker = Maker::new();
    maker.release("1.1.0", &image(9, BLOCKS), |_| {});
    maker.publish();
    maker
}

/// A copy of a repository, as a mirror has it.
pub fn mirror(maker: &Maker) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(maker.folder(), copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn attack(maker: &Maker, folder: &Path, manner: Manner, words: &str) {
    let target = Target::new(maker);
    let server = Server::new(folder, manner);
    target.resists(target.take_from(&server.url), words, maker);
}

fn root_image(folder: &Path) -> std::path::PathBuf {
    let targets = std::fs::read_dir(folder.join("targets")).unwrap().map(|entry| entry.unwrap().path());
    targets.map(|release| release.join("root.erofs")).find(|path| path.exists()).unwrap()
}

#[test]
fn arbitrary_install() {
    let maker = repository();
    let changed = mirror(&maker);
    let mut bytes = std::fs::read(root_image(changed.path())).unwrap();
    bytes[123_456] ^= 1;
    std::fs::write(root_image(changed.path()), bytes).unwrap();
    attack(&maker, changed.path(), Manner::Good, "block 30 of the root image");
    let foreign = repository();
    attack(&maker, foreign.folder(), Manner::Good, "not signed as this device demands");
}

#[test]
fn rollback() {
    let mut maker = repository();
    let old = mirror(&maker);
    maker.version = 2;
    maker.publish();
    let target = Target::new(&maker);
    target.look(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap();
    let server = Server::new(old.path(), Manner::Good);
    target.resists(target.take_from(&server.url), "older timestamp metadata", &maker);
}

#[test]
fn fast_forward() {
    let mut maker = repository();
    let target = Target::new(&maker);
    maker.version = 1_000_000;
    maker.publish();
    target.look(Arc::new(crate::source::Folder::open(maker.folder()).unwrap())).unwrap();
    // The stolen key is replaced; counting goes on where it was.
    (maker.version, maker.root_version, maker.online_key) = (3, 2, Key::new());
    maker.publish();
    target.take_from(&Server::new(maker.folder(), Manner::Good).url).unwrap();
}

#[test]
fn freeze() {
    let mut maker = repository();
    maker.expires = PAST;
    maker.publish();
    let frozen = mirror(&maker);
    maker.expires = crate::fixture::FAR;
    maker.version = 2;
    maker.publish();
    attack(&maker, frozen.path(), Manner::Good, "expired");
}

#[test]
fn endless_data() {
    let maker = repository();
    for name in ["timestamp.json", "1.snapshot.json", "root.verity", "uki-b.efi"] {
        attack(&maker, maker.folder(), Manner::Endless(name), "longer than it may be");
    }
}

#[test]
fn extraneous_dependencies() {
    let mut maker = repository();
    maker.add("weft-test-1.1.0/extra.efi", b"not asked for", None);
    maker.version = 2;
    maker.publish();
    let target = Target::new(&maker);
    let server = Server::new(maker.folder(), Manner::Good);
    target.take_from(&server.url).unwrap();
    let asked = server.asked();
    assert!(asked.iter().any(|path| path.ends_with("root.erofs")), "{asked:?}");
    assert!(!asked.iter().any(|path| path.contains("extra") || path.contains("uki-a")), "{asked:?}");
}

#[test]
fn mix_and_match() {
    let mut maker = repository();
    let mixed = mirror(&maker);
    let old = std::fs::read(mixed.path().join("metadata/1.targets.json")).unwrap();
    maker.version = 2;
    maker.release("1.1.0", &image(9, BLOCKS), |_| {});
    maker.publish();
    copy_folder(maker.folder(), mixed.path());
    std::fs::write(mixed.path().join("metadata/2.targets.json"), old).unwrap();
    attack(&maker, mixed.path(), Manner::Good, "not the one that was signed");
}

#[test]
fn wrong_software() {
    let mut maker = Maker::new();
    maker.release("1.1.0", &image(9, BLOCKS), |release| release.product = "weft-other".to_owned());
    maker.publish();
    let other = mirror(&maker);
    maker.targets.clear();
    maker.version = 2;
    maker.release("1.1.0", &image(9, BLOCKS), |_| {});
    maker.publish();
    attack(&maker, other.path(), Manner::Good, "for the product weft-other");
}

#[test]
fn malicious_mirror() {
    let maker = repository();
    attack(&maker, maker.folder(), Manner::Page, "the update source is not in order");
    let empty = tempfile::tempdir().unwrap();
    attack(&maker, empty.path(), Manner::Good, "the update source has no metadata/timestamp.json");
}

#[test]
fn key_compromise() {
    let mut maker = repository();
    // The online key was stolen, and one targets key of the two that must sign.
    maker.version = 2;
    let signed = sign(maker.targets_metadata(), &[&maker.targets_keys[0], &maker.targets_keys[0]]);
    maker.publish_targets(&signed);
    let forged = mirror(&maker);
    maker.version = 3;
    maker.publish();
    attack(&maker, forged.path(), Manner::Good, "the targets metadata of the update source is not signed");
    // A root that only one of the two root keys signed changes nothing.
    let mut rogue = maker.root_version_two(1);
    attack(&maker, rogue.path(), Manner::Good, "the root metadata of the update source is not signed");
    rogue = maker.root_version_two(2);
    let target = Target::new(&maker);
    target.take_from(&Server::new(rogue.path(), Manner::Good).url).unwrap();
}

#[test]
fn truncating_server_loses_nothing_that_came() {
    let maker = repository();
    let target = Target::new(&maker);
    let server = Server::new(maker.folder(), Manner::Truncates(100 * 4096));
    target.take_from(&server.url).expect_err("half of it");
    assert!(target.is_untouched());
    let good = Server::new(maker.folder(), Manner::Good);
    let progress = target.take_from(&good.url).unwrap();
    let total = (BLOCKS * 4096) as u64;
    assert!(progress.done == total && progress.fetched < total, "{progress:?}: it began anew");
}

#[test]
fn redirecting_server() {
    let maker = repository();
    attack(&maker, maker.folder(), Manner::RedirectsInACircle, "in a circle");
    attack(&maker, maker.folder(), Manner::RedirectsToFile, "to another protocol");
    let target = Target::new(&maker);
    let server = Server::new(maker.folder(), Manner::RedirectsOnce);
    target.take_from(&server.url).unwrap();
}

#[test]
fn server_without_ranges() {
    let maker = repository();
    let target = Target::new(&maker);
    let server = Server::new(maker.folder(), Manner::IgnoresRanges);
    let progress = target.take_from(&server.url).unwrap();
    assert_eq!(progress.done, progress.total);
    attack(&maker, maker.folder(), Manner::WrongPart, "another part");
}
