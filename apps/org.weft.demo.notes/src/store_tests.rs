//! Two instances over one folder, and what a folder may hold besides notes.

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("weft-notes-store-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn names(&self) -> Vec<String> {
        fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn one_file_a_note_whatever_was_saved() {
    let folder = Folder::new("one");
    let mut store = Store::new(&folder.0);
    let id = store.create().unwrap().id;
    for revision in 1..5 {
        assert_eq!(store.save(&id, revision, &format!("text {revision}")).unwrap().revision, revision + 1);
    }
    assert_eq!(folder.names(), [note::file_name(&id, 5)]);
    assert_eq!(store.save(&id, 5, "text 4").unwrap().revision, 5, "nothing new, nothing written");
}

#[test]
fn an_old_revision_is_saved_as_a_copy_and_never_over_the_newer_one() {
    let folder = Folder::new("old");
    let (mut one, mut other) = (Store::new(&folder.0), Store::new(&folder.0));
    let id = one.create().unwrap().id;
    one.save(&id, 1, "a").unwrap();
    one.save(&id, 2, "b").unwrap();
    let saved = other.save(&id, 1, "c").unwrap();
    assert!(saved.conflict && saved.id != id);
    assert_eq!(other.note(&id).unwrap().text, "b");
    assert!(other.note(&saved.id).unwrap().copy);
}

#[test]
fn of_two_that_save_at_the_same_moment_neither_loses_a_text() {
    let folder = Folder::new("race");
    let id = Store::new(&folder.0).create().unwrap().id;
    let write = |name: &'static str| {
        let (path, mut at) = (folder.0.clone(), (id.clone(), 1));
        move || {
            let mut store = Store::new(&path);
            for number in 0..40 {
                let saved = store.save(&at.0, at.1, &format!("{name} {number}")).unwrap();
                at = (saved.id, saved.revision);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(write("one"));
        scope.spawn(write("other"));
    });
    let mut store = Store::new(&folder.0);
    store.refresh();
    let texts: Vec<_> = store.notes().into_iter().map(|(_, note)| note.text.clone()).collect();
    assert!(texts.contains(&"one 39".to_owned()) && texts.contains(&"other 39".to_owned()), "{texts:?}");
}

#[test]
fn only_the_revision_that_was_seen_is_deleted() {
    let folder = Folder::new("delete");
    let (mut one, mut other) = (Store::new(&folder.0), Store::new(&folder.0));
    let id = one.create().unwrap().id;
    other.save(&id, 1, "typed just now").unwrap();
    assert!(one.delete(&id, 1).is_err());
    assert_eq!(one.note(&id).unwrap().text, "typed just now");
    one.delete(&id, 2).unwrap();
    assert_eq!(folder.names(), Vec::<String>::new());
    assert_eq!(other.save(&id, 2, "still typing").unwrap().id, id);
}

#[test]
fn broken_and_foreign_files_are_named_and_left_alone() {
    let folder = Folder::new("broken");
    let mut store = Store::new(&folder.0);
    let id = store.create().unwrap().id;
    store.save(&id, 1, "whole").unwrap();
    let other = "00000000000000aa";
    fs::write(folder.0.join(note::file_name(other, 1)), "weft-note 1 1 9 note\ncut").unwrap();
    fs::write(folder.0.join(note::file_name(other, 2)), [0xff; 9]).unwrap();
    fs::write(folder.0.join(note::file_name(other, 3)), "x".repeat(1 << 20)).unwrap();
    fs::write(folder.0.join("holiday.jpg"), "x").unwrap();
    fs::create_dir(folder.0.join(note::file_name(other, 4))).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", folder.0.join(note::file_name(other, 5))).unwrap();
    assert!(store.refresh());
    assert_eq!(store.problems().len(), 6, "{:?}", store.problems());
    assert_eq!(store.notes().len(), 1);
    assert!(!store.refresh(), "nothing changed since");
    assert_eq!(folder.names().len(), 7);
}

#[test]
fn a_revision_that_was_cut_does_not_hide_the_one_before() {
    let folder = Folder::new("cut");
    let mut store = Store::new(&folder.0);
    let id = store.create().unwrap().id;
    fs::write(folder.0.join(note::file_name(&id, 2)), "weft-note 1 2 99 note\nfour").unwrap();
    store.refresh();
    assert_eq!(store.note(&id).unwrap().revision, 1);
    assert!(store.save(&id, 1, "new").unwrap().conflict);
}

#[test]
fn what_a_power_cut_left_unfinished_is_removed_when_it_is_old() {
    let folder = Folder::new("unfinished");
    for (name, age) in [("a.new", 3600), ("b.new", 0)] {
        let file = File::create(folder.0.join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }
    let mut store = Store::new(&folder.0);
    store.refresh();
    assert_eq!((folder.names(), store.problems().len()), (vec!["b.new".to_owned()], 0));
}
