//! The boot loader's own view: which files are entries, in which order, and what is done to the one that is taken.

use super::version::compare_versions;
use std::cmp::Ordering;

/// The largest counter that the boot loader reads; beyond it the name has none.
const MOST: u32 = i32::MAX as u32;

/// The counters in a file name: `+LEFT-DONE`, where `-DONE` may be missing and is 0 then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tries {
    pub left: u32,
    pub done: u32,
}

impl Tries {
    /// Divides a file name into what is before the counters and the counters; the suffix is `.efi` in these letters.
    pub(super) fn split(file_name: &str) -> Option<(&str, Self)> {
        let (before, counters) = file_name.strip_suffix(".efi")?.rsplit_once('+')?;
        let (left, done) = counters.split_once('-').unwrap_or((counters, "0"));
        let number = |digits: &str| {
            let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok())?.filter(|number| *number <= MOST)
        };
        Some((before, Self { left: number(left)?, done: number(done)? }))
    }

    /// After one more try.
    pub fn counted(self) -> Self {
        Self { left: self.left.saturating_sub(1), done: self.done.saturating_add(1).min(MOST) }
    }
}

/// A file of `EFI/Linux` that the boot loader would start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub file_name: String,
    /// `IMAGE_ID` or `ID` of the os-release in the image.
    pub sort_key: Option<String>,
    /// `IMAGE_VERSION`, `VERSION`, `VERSION_ID` or `BUILD_ID` of it.
    pub version: Option<String>,
    /// `None` for an entry without counters: it is not counted.
    pub tries: Option<Tries>,
}

impl Candidate {
    /// The entry of a file, from its name and the contents of the section `.osrel`; `None` where the boot loader passes it over.
    pub fn new(file_name: &str, os_release: &str) -> Option<Self> {
        if !is_considered(file_name) {
            return None;
        }
        let field = |names: &[&str]| names.iter().find_map(|name| value(os_release, name));
        // An entry needs a title, but which one is not of interest here.
        field(&["PRETTY_NAME", "IMAGE_ID", "NAME", "ID"])?;
        Some(Self {
            file_name: file_name.to_owned(),
            sort_key: field(&["IMAGE_ID", "ID"]),
            version: field(&["IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"]),
            tries: Tries::split(file_name).map(|(_, tries)| tries),
        })
    }

    /// What the file is called once the boot loader has taken it: one try less, one try more done. An entry without counters keeps its name.
    pub fn taken_name(&self) -> String {
        match Tries::split(&self.file_name) {
            Some((before, tries)) => {
                let Tries { left, done } = tries.counted();
                format!("{before}+{left}-{done}.efi")
            }
            None => self.file_name.clone(),
        }
    }

    /// The order of the menu, whose first entry is booted.
    fn compare(&self, other: &Self) -> Ordering {
        let spent = |entry: &Self| entry.tries.is_some_and(|tries| tries.left == 0);
        let newer_first =
            |a: Option<&str>, b: Option<&str>| compare_versions(b.unwrap_or_default(), a.unwrap_or_default());
        let by_key = || match (&self.sort_key, &other.sort_key) {
            (Some(a), Some(b)) => {
                a.cmp(b).then_with(|| newer_first(self.version.as_deref(), other.version.as_deref()))
            }
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        let by_name = || {
            let [a, b] = [self, other].map(|entry| entry.file_name.to_ascii_lowercase());
            newer_first(Some(&a), Some(&b))
        };
        let by_tries = || match (self.tries, other.tries) {
            (Some(a), Some(b)) => b.left.cmp(&a.left).then(a.done.cmp(&b.done)),
            _ => Ordering::Equal,
        };
        spent(self).cmp(&spent(other)).then_with(by_key).then_with(by_name).then_with(by_tries)
    }
}

/// Whether the boot loader looks into a file of `EFI/Linux` at all. A name that it does not consider is safe for a file in the making.
pub fn is_considered(file_name: &str) -> bool {
    let suffix = file_name.len().checked_sub(4).and_then(|at| file_name.get(at..));
    let is_efi = suffix.is_some_and(|suffix| suffix.eq_ignore_ascii_case(".efi"));
    is_efi && !file_name.starts_with('.') && !file_name.starts_with("auto-")
}

/// Puts entries into the order of the menu.
pub fn sort(entries: &mut [Candidate]) {
    entries.sort_by(Candidate::compare);
}

/// The entry that is booted. Entries without a try left are booted only where there is no other; without any entry, nothing is.
pub fn choose(entries: &[Candidate]) -> Option<&Candidate> {
    entries.iter().min_by(|a, b| a.compare(b))
}

/// The value of a variable of os-release(5), as the boot loader reads it: the last one counts, quotation marks are taken off.
fn value(os_release: &str, name: &str) -> Option<String> {
    let mut found = None;
    for line in os_release.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        if let Some(text) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            let quoted = |mark| text.strip_prefix(mark).and_then(|text: &str| text.strip_suffix(mark));
            found = Some(quoted('"').or_else(|| quoted('\'')).unwrap_or(text).to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(file_name: &str, version: &str) -> Candidate {
        Candidate::new(file_name, &format!("ID=weft\nVERSION=\"{version}\"\n")).unwrap()
    }

    fn chosen(entries: &[(&str, &str)]) -> String {
        let entries: Vec<Candidate> = entries.iter().map(|(name, version)| entry(name, version)).collect();
        choose(&entries).unwrap().file_name.clone()
    }

    /// The series of *Automatic Boot Assessment*.
    #[test]
    fn tries_are_counted_in_the_name() {
        let mut name = "foobar+3.efi".to_owned();
        for expected in ["foobar+2-1.efi", "foobar+1-2.efi", "foobar+0-3.efi", "foobar+0-4.efi"] {
            name = entry(&name, "1").taken_name();
            assert_eq!(name, expected);
        }
        assert_eq!(entry("foobar+4-0.efi", "1").taken_name(), "foobar+3-1.efi");
        assert_eq!(entry("foobar.efi", "1").taken_name(), "foobar.efi");
    }

    #[test]
    fn only_the_last_well_formed_counter_counts() {
        let tries = |name: &str| entry(name, "1").tries.map(|tries| (tries.left, tries.done));
        assert_eq!(tries("a+b+3.efi"), Some((3, 0)));
        assert_eq!(tries("a+1+2-7.efi"), Some((2, 7)));
        for without in
            ["a+.efi", "a+3-.efi", "a+x.efi", "a+3x.efi", "a+3.x.efi", "a+-1.efi", "a+3.EFI", "a.efi"]
        {
            assert_eq!(tries(without), None, "{without}");
        }
        assert_eq!(tries("a+2147483647.efi"), Some((i32::MAX as u32, 0)));
        assert_eq!(tries("a+2147483648.efi"), None);
    }

    #[test]
    fn the_newest_that_has_a_try_left_is_booted() {
        assert_eq!(chosen(&[("a.efi", "1.9.0"), ("b+3.efi", "1.10.0")]), "b+3.efi");
        assert_eq!(chosen(&[("a.efi", "1.9.0"), ("b+0-3.efi", "1.10.0")]), "a.efi");
        assert_eq!(
            chosen(&[("a+0-3.efi", "1.9.0"), ("b+0-3.efi", "1.10.0")]),
            "b+0-3.efi",
            "better than none"
        );
        assert_eq!(chosen(&[("a.efi", "2.0.0~rc.1"), ("b.efi", "2.0.0")]), "b.efi");
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn equal_versions_are_ordered_by_name_and_then_by_tries() {
        assert_eq!(chosen(&[("weft-a_1.efi", "1"), ("weft-b_1+1-2.efi", "1")]), "weft-b_1+1-2.efi");
        assert_eq!(chosen(&[("x+1-2.efi", "1"), ("x+2-1.efi", "1")]), "x+2-1.efi");
    }

    #[test]
    fn an_entry_without_a_sort_key_comes_last() {
        let foreign = Candidate::new("zz.efi", "NAME=Other\nVERSION=9\n").unwrap();
        let mut entries = [foreign, entry("a.efi", "1"), entry("b+0.efi", "3"), entry("c.efi", "2")];
        sort(&mut entries);
        assert_eq!(entries.map(|entry| entry.file_name), ["c.efi", "a.efi", "zz.efi", "b+0.efi"]);
    }

    #[test]
    fn what_is_no_entry_is_passed_over() {
        for name in [".a.efi", "auto-a.efi", "a.efi.tmp", "a.efi~", "efi", ""] {
            assert_eq!(Candidate::new(name, "ID=weft\n"), None, "{name}");
        }
        assert!(Candidate::new("A.EFI", "ID=weft\n").is_some());
        assert_eq!(Candidate::new("a.efi", "VERSION=1\n"), None, "an image without a title");
    }
}
