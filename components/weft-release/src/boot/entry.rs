//! The entries of this system: `weft-<slot>_<version>[_kept]+<left>[-<done>].efi`.
//!
//! A release that was found good stays counted: each good boot gives it its tries back, so that one that stops starting (its disk rots) is
//! left for the other slot like one that never started. What tells the two apart is the mark `_kept`. It is in the name and not in a record
//! elsewhere, for it changes together with the counters, and PID 1 needs it where no state partition can be read.
//!
//! Images before this rule named a good release without counters. Such a name is read, too; its next good boot makes it counted.

use super::loader::Tries;
use crate::Slot;
use semver::Version;

/// Where entries lie on the ESP.
pub const FOLDER: &str = "EFI/Linux";
/// How often a new system is tried.
pub const TRIES: u32 = 3;

/// A unified kernel image of this system, known by its file name alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub slot: Slot,
    pub version: Version,
    /// It was found good at an earlier boot; so is every entry without counters.
    pub kept: bool,
    pub tries: Option<Tries>,
}

/// In the name of a release that was found good; no version has it.
const KEPT: &str = "_kept";

/// What is known of a system, UAPI.1 and *Automatic Boot Assessment*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assessment {
    /// It ran well once, and may be started.
    Good,
    /// It never ran well so far, and has tries left.
    Indeterminate,
    /// No try is left.
    Bad,
}

impl Entry {
    /// A system that was never started.
    pub fn fresh(slot: Slot, version: Version) -> Self {
        Self { slot, version, kept: false, tries: Some(Tries { left: TRIES, done: 0 }) }
    }

    /// Reads a file name; `None` for every other file. FAT keeps the case of long names, but what is compared is not case-sensitive.
    pub fn parse(file_name: &str) -> Option<Self> {
        let (stem, tries) = match Tries::split(file_name) {
            Some((before, tries)) => (before, Some(tries)),
            None => (file_name.strip_suffix(".efi")?, None),
        };
        let (slot, rest) = stem.strip_prefix("weft-")?.split_once('_')?;
        let marked = rest.strip_suffix(KEPT);
        let version = Version::parse(marked.unwrap_or(rest)).ok()?;
        Some(Self { slot: slot.parse().ok()?, version, kept: marked.is_some() || tries.is_none(), tries })
    }

    pub fn file_name(&self) -> String {
        let stem = format!("weft-{}_{}", self.slot, self.version);
        let Some(Tries { left, done }) = self.tries else { return format!("{stem}.efi") };
        let mark = if self.kept { KEPT } else { "" };
        match done {
            0 => format!("{stem}{mark}+{left}.efi"),
            _ => format!("{stem}{mark}+{left}-{done}.efi"),
        }
    }

    pub fn assessment(&self) -> Assessment {
        match self.tries {
            Some(Tries { left: 0, .. }) => Assessment::Bad,
            _ if self.kept => Assessment::Good,
            _ => Assessment::Indeterminate,
        }
    }

    /// The entry of a system that proved good, at this boot or at an earlier one: it has all its tries again.
    pub fn refilled(&self) -> Self {
        Self { kept: true, ..Self::fresh(self.slot, self.version.clone()) }
    }

    /// The entry of a system that is given up by hand: the other one is booted from now on, also where this one is newer.
    pub fn given_up(&self) -> Self {
        Self { tries: Some(Tries { left: 0, done: 0 }), ..self.clone() }
    }

    /// Given up by hand, and not started since.
    pub fn is_left(&self) -> bool {
        self.tries == Some(Tries { left: 0, done: 0 })
    }

    /// All its tries were used up, one after the other.
    pub fn is_exhausted(&self) -> bool {
        self.tries.is_some_and(|tries| tries.left == 0 && tries.done >= TRIES)
    }
}

/// The os-release(5) of a system: a file of its root, and the section `.osrel` of its unified kernel images, by which the boot loader sorts
/// them.
pub fn os_release(version: &Version) -> String {
    let sorted = loader_version(version);
    format!(
        "NAME=\"WEFT OS\"\nID=weft\nVERSION=\"{version}\"\nVERSION_ID={version}\nIMAGE_VERSION={sorted}\nPRETTY_NAME=\"WEFT OS {version}\"\n"
    )
}

/// A semantic version such that the boot loader orders it alike: a pre-release is before its release.
fn loader_version(version: &Version) -> String {
    let Version { major, minor, patch, pre, .. } = version;
    if pre.is_empty() { format!("{major}.{minor}.{patch}") } else { format!("{major}.{minor}.{patch}~{pre}") }
}

#[cfg(test)]
mod tests {
    use super::super::{Candidate, choose, compare_versions};
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn names_are_those_that_the_boot_loader_counts() {
        let fresh = Entry::fresh(Slot::B, version("1.2.0-rc.1"));
        assert_eq!(fresh.file_name(), "weft-b_1.2.0-rc.1+3.efi");
        assert_eq!(fresh.refilled().file_name(), "weft-b_1.2.0-rc.1_kept+3.efi");
        assert_eq!(fresh.given_up().file_name(), "weft-b_1.2.0-rc.1+0.efi");
        let tried = Entry::parse("weft-a_1.2.0+1-2.efi").unwrap();
        assert_eq!((tried.slot, tried.assessment()), (Slot::A, Assessment::Indeterminate));
        assert!(tried.given_up().assessment() == Assessment::Bad && tried.given_up().is_left());
        assert_eq!(tried.refilled().assessment(), Assessment::Good);
        let kept = Entry::parse("weft-a_1.2.0_kept+1-2.efi").unwrap();
        assert_eq!((kept.version.to_string().as_str(), kept.assessment()), ("1.2.0", Assessment::Good));
        assert_eq!(kept.given_up().file_name(), "weft-a_1.2.0_kept+0.efi");
        let spent = Entry::parse("weft-a_1.2.0_kept+0-3.efi").unwrap();
        assert!(spent.kept && spent.assessment() == Assessment::Bad && spent.is_exhausted());
        let uncounted = Entry::parse("weft-a_1.2.0.efi").unwrap();
        assert_eq!(uncounted.assessment(), Assessment::Good);
        assert_eq!(uncounted.refilled(), kept.refilled());
        for other in
            ["weft_1.2.0+3.efi", "weft-c_1.2.0.efi", "weft-a_1.2_kept.efi", "weft-a_1.2.0.efi.new", "x.efi"]
        {
            assert_eq!(Entry::parse(other), None, "{other}");
        }
    }

    /// Which entries are booted, one after the other, where the one of slot b never comes up.
    fn boots(mut b: Entry, count: usize) -> Vec<String> {
        let candidate = |name: &str, text: &str| Candidate::new(name, &os_release(&version(text))).unwrap();
        let a = candidate("weft-a_1.9.0_kept+3.efi", "1.9.0");
        let mut boots = Vec::new();
        for _ in 0..count {
            let new = candidate(&b.file_name(), "1.10.0");
            let taken = choose(&[a.clone(), new.clone()]).unwrap().clone();
            boots.push(taken.file_name.clone());
            if taken == new {
                b = Entry::parse(&new.taken_name()).unwrap();
            }
        }
        boots
    }

    /// The whole life of an update, seen by the boot loader.
    #[test]
    fn a_release_that_does_not_start_is_left_after_three_tries() {
        let fresh = Entry::fresh(Slot::B, version("1.10.0"));
        let expected = [
            "weft-b_1.10.0+3.efi",
            "weft-b_1.10.0+2-1.efi",
            "weft-b_1.10.0+1-2.efi",
            "weft-a_1.9.0_kept+3.efi",
        ];
        assert_eq!(boots(fresh.clone(), 4), expected);
        let kept = boots(fresh.refilled(), 4);
        assert_eq!(kept[2..], ["weft-b_1.10.0_kept+1-2.efi", "weft-a_1.9.0_kept+3.efi"], "it was good once");
        assert_eq!(boots(fresh.refilled().given_up(), 1), expected[3..], "a rollback by hand");
    }

    fn versions() -> impl Strategy<Value = Version> {
        (0u64..30, 0u64..30, 0u64..30, "(rc\\.[0-9]|alpha|beta|rc|)").prop_map(
            |(major, minor, patch, pre)| {
                let dash = if pre.is_empty() { "" } else { "-" };
                version(&format!("{major}.{minor}.{patch}{dash}{pre}"))
            },
        )
    }

    proptest! {
        #[test]
        fn the_boot_loader_orders_versions_as_semantic_versioning_does(a in versions(), b in versions()) {
            prop_assert_eq!(compare_versions(&loader_version(&a), &loader_version(&b)), a.cmp(&b));
        }

        #[test]
        fn names_read_back(v in versions(), left in 0u32..5, done in 0u32..5, b in any::<bool>(), counted in any::<bool>(), kept in any::<bool>()) {
            let slot = if b { Slot::B } else { Slot::A };
            let tries = counted.then_some(Tries { left, done });
            let entry = Entry { slot, version: v, kept: kept || !counted, tries };
            prop_assert_eq!(Entry::parse(&entry.file_name()), Some(entry));
        }
    }
}
