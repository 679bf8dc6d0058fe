//! An upgrade and a rollback of a format change, cut off at every point.

use super::*;
use std::fs;
use std::path::Path;

/// A second layout that no release has: notes move into a folder, and the settings get another text.
fn second() -> Vec<Step> {
    let text = |text: &str| text.to_owned();
    vec![Step {
        to: 2,
        forward: vec![
            Operation::MakeFolder { path: text("notes") },
            Operation::Move { from: text("notes.txt"), to: text("notes/all.txt") },
            Operation::Keep { from: text("settings"), to: text("settings.1") },
            Operation::Write { path: text("settings"), contents: text("theme = 'dark'") },
        ],
        back: vec![
            Operation::Move { from: text("notes/all.txt"), to: text("notes.txt") },
            Operation::Remove { path: text("notes") },
            Operation::Move { from: text("settings.1"), to: text("settings") },
        ],
    }]
}

/// Cuts the power before a change, counted from 0.
struct Cut<'a> {
    disk: &'a mut Folder,
    left: usize,
}

const CUT: Error = Error::Number("the power was cut");

impl Cut<'_> {
    fn spend(&mut self) -> Result<(), Error> {
        self.left = self.left.checked_sub(1).ok_or(CUT)?;
        Ok(())
    }
}

impl Changes for Cut<'_> {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, Error> {
        self.disk.read(path)
    }
    fn write(&mut self, path: &str, contents: &[u8]) -> Result<(), Error> {
        self.spend()?;
        self.disk.write(path, contents)
    }
    fn rename(&mut self, from: &str, to: &str) -> Result<(), Error> {
        self.spend()?;
        self.disk.rename(from, to)
    }
    fn copy(&mut self, from: &str, to: &str) -> Result<(), Error> {
        self.spend()?;
        self.disk.copy(from, to)
    }
    fn remove(&mut self, path: &str) -> Result<(), Error> {
        self.spend()?;
        self.disk.remove(path)
    }
    fn make_folder(&mut self, path: &str) -> Result<(), Error> {
        self.spend()?;
        self.disk.make_folder(path)
    }
}

/// In memory where that is possible: every change is flushed.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn state() -> tempfile::TempDir {
    let state = folder();
    fs::write(state.path().join("notes.txt"), "milk").unwrap();
    fs::write(state.path().join("settings"), "theme = 'light'").unwrap();
    state
}

fn old(state: &Path) -> Result<u32, Error> {
    bring_to(1, &[], &mut Folder::open(state).unwrap())
}

fn new(state: &Path) -> Result<u32, Error> {
    bring_to(2, &second(), &mut Folder::open(state).unwrap())
}

fn cut_at(state: &Path, own: u32, steps: &[Step], left: usize) -> Result<u32, Error> {
    bring_to(own, steps, &mut Cut { disk: &mut Folder::open(state).unwrap(), left })
}

fn read(state: &Path, file: &str) -> String {
    fs::read_to_string(state.join(file)).unwrap_or_else(|error| format!("{file}: {error}"))
}

fn is_first(state: &Path) {
    assert_eq!(
        (read(state, "notes.txt"), read(state, "settings")),
        ("milk".into(), "theme = 'light'".into())
    );
    assert!(!state.join("notes").exists() && !state.join("settings.1").exists());
}

fn is_second(state: &Path) {
    assert_eq!(read(state, "notes/all.txt"), "milk");
    assert_eq!((read(state, "settings"), read(state, FILE)), ("theme = 'dark'".into(), "2".into()));
    assert!(!state.join("notes.txt").exists());
}

#[test]
fn an_upgrade_goes_forward_and_an_old_system_that_knows_nothing_of_it_goes_back() {
    let state = state();
    assert_eq!(new(state.path()).unwrap(), 1);
    is_second(state.path());
    fs::write(state.path().join("notes/all.txt"), "milk").unwrap();
    assert_eq!(new(state.path()).unwrap(), 2, "the next boot of the new system changes nothing");
    is_second(state.path());
    assert_eq!(old(state.path()).unwrap(), 2);
    is_first(state.path());
    assert_eq!(read(state.path(), FILE), "1");
    new(state.path()).unwrap();
    is_second(state.path());
}

#[test]
fn a_cut_at_any_point_ends_in_the_layout_of_whoever_boots_next() {
    let mut cuts = 0;
    for left in 0.. {
        let (first, second_boot) = (state(), state());
        for state in [&first, &second_boot] {
            if cut_at(state.path(), 2, &second(), left).is_ok() {
                assert!(cuts > 20, "only {cuts} cuts");
                return;
            }
        }
        cuts += cut_the_next(first, old, is_first) + cut_the_next(second_boot, new, is_second);
    }
}

/// After a first cut: the next boot is cut too, wherever that is, and the third one is not.
fn cut_the_next(state: tempfile::TempDir, boot: fn(&Path) -> Result<u32, Error>, check: fn(&Path)) -> usize {
    let mut cuts = 1;
    let steps = second();
    for (own, known, left) in (0..12).flat_map(|left| [(1, &[][..], left), (2, &steps[..], left)]) {
        if cut_at(state.path(), own, known, left).is_err() {
            cuts += 1;
        }
    }
    boot(state.path()).unwrap();
    check(state.path());
    cuts
}

#[test]
fn a_fresh_partition_gets_the_layout_without_anything_to_move() {
    let state = folder();
    assert_eq!(new(state.path()).unwrap(), 1);
    assert_eq!(read(state.path(), FILE), "2");
    let fresh = folder();
    assert_eq!(old(fresh.path()).unwrap(), 1);
    assert!(!fresh.path().join(FILE).exists(), "nothing is written where nothing changes");
}

#[test]
fn what_cannot_be_read_is_said_and_nothing_is_changed() {
    let state = state();
    fs::write(state.path().join(FILE), "seven").unwrap();
    assert!(old(state.path()).unwrap_err().to_string().contains("format is not a layout's number"));
    fs::write(state.path().join(FILE), "7").unwrap();
    let error = old(state.path()).unwrap_err().to_string();
    assert!(error.contains("layout 7") && error.contains("no way back"), "{error}");
    fs::write(state.path().join(FILE), "1").unwrap();
    let error = bring_to(3, &second(), &mut Folder::open(state.path()).unwrap()).unwrap_err().to_string();
    assert!(error.contains("no step to 3"), "{error}");
}

#[test]
fn links_that_a_service_left_are_not_followed() {
    let (state, outside) = (state(), folder());
    std::os::unix::fs::symlink(outside.path(), state.path().join("notes")).unwrap();
    assert!(new(state.path()).is_err());
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
}
