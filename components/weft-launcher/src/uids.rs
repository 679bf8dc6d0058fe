//! Each app's user id: given at its first start, the same for ever, never given to another.

use std::collections::BTreeMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use weft_manifest::AppId;

/// What apps are given: apart from the device's own users and from what containers use.
pub const RANGE: RangeInclusive<u32> = 10_000..=60_000;

/// The table, as it stands in its file: a line `<app id> <uid>` each.
#[derive(Debug)]
pub struct Uids {
    path: PathBuf,
    table: BTreeMap<AppId, u32>,
}

/// Why there is no id for an app.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{}:{line}: not an app id and a number from 10000 to 60000, each only once", path.display())]
    Line { path: PathBuf, line: usize },
    #[error("every user id up to 60000 is given to an app")]
    Full,
    #[error(transparent)]
    Write(#[from] weft_file::Error),
}

impl Uids {
    /// The table of a file, which need not exist yet. A damaged one is refused whole: an id given twice would give one app another's data.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(Error::Read { path: path.to_owned(), source }),
        };
        let table = parse(&text).map_err(|line| Error::Line { path: path.to_owned(), line })?;
        Ok(Self { path: path.to_owned(), table })
    }

    /// The app's id, which is on the disk before it is returned.
    pub fn of(&mut self, app: &AppId) -> Result<u32, Error> {
        if let Some(uid) = self.table.get(app) {
            return Ok(*uid);
        }
        let next = self.table.values().max().map_or(*RANGE.start(), |last| last + 1);
        if !RANGE.contains(&next) {
            return Err(Error::Full);
        }
        let mut table = self.table.clone();
        table.insert(app.clone(), next);
        let text: String = table.iter().map(|(app, uid)| format!("{app} {uid}\n")).collect();
        weft_file::write_atomic(&self.path, text.as_bytes(), 0o600)?;
        self.table = table;
        Ok(next)
    }
}

/// The table, or the number of the line that is wrong.
fn parse(text: &str) -> Result<BTreeMap<AppId, u32>, usize> {
    let mut table = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let entry = line.split_once(' ').and_then(|(app, uid)| Some((app.parse().ok()?, uid.parse().ok()?)));
        let (app, uid) = entry.filter(|(_, uid)| RANGE.contains(uid)).ok_or(at + 1)?;
        if table.values().any(|other| *other == uid) || table.insert(app, uid).is_some() {
            return Err(at + 1);
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn app(name: &str) -> AppId {
        format!("org.weft.{name}").parse().unwrap()
    }

    #[test]
    fn an_app_keeps_its_id_over_restarts_and_no_two_share_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uids");
        let mut uids = Uids::load(&path).unwrap();
        let (a, b) = (uids.of(&app("a")).unwrap(), uids.of(&app("b")).unwrap());
        assert_ne!(a, b);
        assert_eq!(uids.of(&app("a")).unwrap(), a);
        let mut again = Uids::load(&path).unwrap();
        assert_eq!((again.of(&app("b")).unwrap(), again.of(&app("a")).unwrap()), (b, a));
        assert!(![a, b].contains(&again.of(&app("c")).unwrap()));
    }

    #[test]
    fn nothing_is_given_beyond_the_range() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uids");
        std::fs::write(&path, "org.weft.a 60000\n").unwrap();
        assert!(matches!(Uids::load(&path).unwrap().of(&app("b")), Err(Error::Full)));
    }

    #[test]
    fn damaged_tables_are_refused() {
        for (text, line) in [
            ("org.weft.a 0\n", 1),
            ("org.weft.a 9999\n", 1),
            ("org.weft.a 10000\norg.weft.b 10000\n", 2),
            ("org.weft.a 10000\norg.weft.a 10001\n", 2),
            ("../x 10000\n", 1),
            ("org.weft.a\n", 1),
        ] {
            assert_eq!(parse(text), Err(line), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused(text in "([a-z.]{0,12} [0-9]{0,6}\n){0,4}|.{0,80}") {
            let _ = parse(&text);
        }
    }
}
