//! The folder of notes, which other instances of the app change at the same time.
//!
//! A revision is written to a file of its own, synced, and then given its name in a way that never replaces a file: of two instances
//! that save the same revision one fails, and saves a copy. The revision before is removed last, so the note is there whenever the
//! power fails. No revision's file is ever written to again.

use crate::note::{self, MAX_FILE, Note};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Notes that a person may have; copies may be a few more, so that a conflict never loses a text.
const MAX_NOTES: usize = 128;
const MAX_COPIES: usize = MAX_NOTES + 16;
/// Files of the folder that are looked at.
const MAX_FILES: usize = 1024;
/// An unfinished file of that age belongs to nobody any more.
const LEFT_OVER: Duration = Duration::from_secs(60);

/// A file named as a note's, and what is in it.
#[derive(Debug, PartialEq)]
struct Known {
    length: u64,
    changed: SystemTime,
    content: Result<Note, String>,
}

/// What became of a text.
#[derive(Debug, PartialEq, Eq)]
pub struct Saved {
    pub id: String,
    pub revision: u64,
    /// The note had been changed elsewhere: the text is in a new note.
    pub conflict: bool,
}

#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
    files: BTreeMap<(String, u64), Known>,
    problems: Vec<String>,
}

impl Store {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), files: BTreeMap::new(), problems: Vec::new() }
    }

    /// Every note, the one that was changed last first.
    pub fn notes(&self) -> Vec<(&str, &Note)> {
        let mut notes: Vec<_> = self
            .files
            .iter()
            .filter_map(|((id, _), known)| Some((known.changed, id.as_str(), known.content.as_ref().ok()?)))
            .collect();
        notes.sort_by(|left, right| (right.0, left.1).cmp(&(left.0, right.1)));
        notes.into_iter().map(|(_, id, note)| (id, note)).take(MAX_COPIES).collect()
    }

    pub fn note(&self, id: &str) -> Option<&Note> {
        self.revisions(id).rev().find_map(|(_, known)| known.content.as_ref().ok())
    }

    /// One line for every file that is no note.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    fn revisions(&self, id: &str) -> impl DoubleEndedIterator<Item = (u64, &Known)> {
        let range = (id.to_owned(), 0)..=(id.to_owned(), u64::MAX);
        self.files.range(range).map(|((_, revision), known)| (*revision, known))
    }

    fn newest(&self, id: &str) -> Option<u64> {
        self.revisions(id).next_back().map(|(revision, _)| revision)
    }

    /// Reads what is new in the folder, and says whether anything was.
    pub fn refresh(&mut self) -> bool {
        let mut before = std::mem::take(&mut self.files);
        let told = std::mem::take(&mut self.problems);
        let earlier: Vec<_> = before.keys().cloned().collect();
        if let Err(error) = self.read_folder(&mut before) {
            self.problems.push(format!("The folder of notes cannot be read: {error}"));
        }
        let fresh = self.files.iter().any(|(key, known)| before.get(key).is_some_and(|old| old != known));
        self.remove_superseded();
        fresh || told != self.problems || !earlier.iter().eq(self.files.keys())
    }

    /// Unchanged files are moved over from `before`, so that only new ones are read.
    fn read_folder(&mut self, before: &mut BTreeMap<(String, u64), Known>) -> io::Result<()> {
        for (number, entry) in fs::read_dir(&self.folder)?.enumerate() {
            if number == MAX_FILES {
                self.problems.push(format!("There are more than {MAX_FILES} files; the rest is not shown"));
                break;
            }
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let facts = match entry.metadata() {
                Ok(facts) => facts,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            let changed = facts.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            if name.ends_with(".new") && facts.is_file() {
                self.remove_left_over(&name, changed);
                continue;
            }
            let Some((id, revision)) = note::parse_name(&name).filter(|_| facts.is_file()) else {
                self.problems.push(format!("{} is not a note and was left alone", shown(&name)));
                continue;
            };
            let key = (id.to_owned(), revision);
            let length = facts.len();
            let known = match before.remove(&key) {
                Some(known) if (known.length, known.changed) == (length, changed) => known,
                old => {
                    let known = Known { length, changed, content: self.read(&name, revision) };
                    // What was replaced is kept for the comparison.
                    old.map(|old| before.insert(key.clone(), old));
                    known
                }
            };
            if let Err(reason) = &known.content {
                self.problems.push(format!("{} {reason} and was left alone", shown(&name)));
            }
            self.files.insert(key, known);
        }
        self.problems.sort();
        Ok(())
    }

    fn read(&self, name: &str, revision: u64) -> Result<Note, String> {
        let mut bytes = Vec::new();
        File::open(self.folder.join(name))
            .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
            .map_err(|error| format!("cannot be read ({error})"))?;
        if bytes.len() as u64 > MAX_FILE {
            return Err("is too long for a note".to_owned());
        }
        Note::decode(&bytes, revision)
    }

    fn remove_left_over(&self, name: &str, changed: SystemTime) {
        if SystemTime::now().duration_since(changed).is_ok_and(|age| age > LEFT_OVER) {
            self.remove(name);
        }
    }

    fn remove_superseded(&mut self) {
        let keys: Vec<_> = self.files.keys().cloned().collect();
        for (id, revision) in keys {
            let newer = self.note(&id).is_some_and(|note| note.revision > revision);
            let whole = self.files.get(&(id.clone(), revision)).is_some_and(|known| known.content.is_ok());
            if newer && whole {
                self.remove(&note::file_name(&id, revision));
                self.files.remove(&(id, revision));
            }
        }
    }

    fn remove(&self, name: &str) {
        match fs::remove_file(self.folder.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                eprintln!("{name} cannot be removed: {error}")
            }
            _ => {}
        }
    }

    pub fn create(&mut self) -> Result<Saved, String> {
        self.refresh();
        if self.notes().len() >= MAX_NOTES {
            return Err(format!("There are {MAX_NOTES} notes already; delete one first"));
        }
        self.add(String::new(), false)
    }

    /// Saves the text over the revision that it was made from; beside it when there is a newer one.
    pub fn save(&mut self, id: &str, base: u64, text: &str) -> Result<Saved, String> {
        note::check(text).map_err(|reason| format!("Not saved: the text {reason}"))?;
        if !note::is_id(id) || base == 0 || base >= u64::MAX - 1 {
            return Err("Not saved: there is no such note".to_owned());
        }
        self.refresh();
        let saved = |revision| Ok(Saved { id: id.to_owned(), revision, conflict: false });
        let copy = match self.note(id) {
            Some(note) if note.text == text => return saved(note.revision),
            Some(note) => note.copy,
            None => false,
        };
        // A note that was deleted elsewhere comes back: the person was still writing it.
        if self.newest(id).is_none_or(|newest| newest == base) {
            let note = Note { revision: base + 1, copy, text: text.to_owned() };
            if self.publish(id, &note)? {
                self.refresh();
                if self.newest(id) == Some(note.revision) {
                    return saved(note.revision);
                }
            }
        }
        if self.notes().len() >= MAX_COPIES {
            return Err(
                "Not saved: the note was changed elsewhere, and there is no room for a copy".to_owned()
            );
        }
        self.add(text.to_owned(), true)
    }

    fn add(&mut self, text: String, copy: bool) -> Result<Saved, String> {
        let id = format!("{:016x}", RandomState::new().hash_one(SystemTime::now()));
        let note = Note { revision: 1, copy, text };
        if !self.publish(&id, &note)? {
            return Err("Not saved: try again".to_owned());
        }
        self.refresh();
        Ok(Saved { id, revision: 1, conflict: copy })
    }

    /// Writes a revision; false when it is there already.
    fn publish(&self, id: &str, note: &Note) -> Result<bool, String> {
        let name = note::file_name(id, note.revision);
        let unfinished =
            self.folder.join(format!("{name}.{:016x}.new", RandomState::new().hash_one(SystemTime::now())));
        let outcome = write_synced(&unfinished, &note.encode())
            // A rename would replace the file of another instance.
            .and_then(|()| fs::hard_link(&unfinished, self.folder.join(&name)));
        if let Err(error) = fs::remove_file(&unfinished) {
            eprintln!("{} cannot be removed: {error}", unfinished.display());
        }
        match outcome {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(format!("Not saved: {error}")),
        }
    }

    /// Deletes the revision that the person saw.
    pub fn delete(&mut self, id: &str, revision: u64) -> Result<(), String> {
        self.refresh();
        match self.newest(id) {
            Some(newest) if newest == revision => {}
            Some(_) => return Err("Not deleted: the note was changed in another window".to_owned()),
            None => return Ok(()),
        }
        let all: Vec<u64> = self.revisions(id).map(|(revision, _)| revision).collect();
        for revision in all {
            self.remove(&note::file_name(id, revision));
        }
        self.refresh();
        match self.note(id) {
            Some(_) => Err("Not deleted: its file cannot be removed".to_owned()),
            None => Ok(()),
        }
    }
}

fn write_synced(path: &Path, content: &str) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

/// A name from outside, short enough for a line of the page.
fn shown(name: &str) -> String {
    name.chars().filter(|letter| !letter.is_control()).take(40).collect()
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
