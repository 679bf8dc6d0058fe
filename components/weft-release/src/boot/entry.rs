//! The entries of this system: `weft-<slot>_<version>[+<left>[-<done>]].efi`.

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
    pub tries: Option<Tries>,
}

/// What is known of a system, UAPI.1 and *Automatic Boot Assessment*.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assessment {
    /// It ran well once: no counters.
    Good,
    /// It has tries left.
    Indeterminate,
    /// No try is left.
    Bad,
}

impl Entry {
    /// A system that was never started.
    pub fn fresh(slot: Slot, version: Version) -> Self {
        Self { slot, version, tries: Some(Tries { left: TRIES, done: 0 }) }
    }

    /// Reads a file name; `None` for every other file. FAT keeps the case of long names, but what is compared is not case-sensitive.
    pub fn parse(file_name: &str) -> Option<Self> {
        let (stem, tries) = match Tries::split(file_name) {
            Some((before, tries)) => (before, Some(tries)),
            None => (file_name.strip_suffix(".efi")?, None),
        };
        let (slot, version) = stem.strip_prefix("weft-")?.split_once('_')?;
        Some(Self { slot: slot.parse().ok()?, version: Version::parse(version).ok()?, tries })
    }

    pub fn file_name(&self) -> String {
        let stem = format!("weft-{}_{}", self.slot, self.version);
        match self.tries {
            None => format!("{stem}.efi"),
            Some(Tries { left, done: 0 }) => format!("{stem}+{left}.efi"),
            Some(Tries { left, done }) => format!("{stem}+{left}-{done}.efi"),
        }
    }

    pub fn assessment(&self) -> Assessment {
        match self.tries {
            None => Assessment::Good,
            Some(Tries { left: 0, .. }) => Assessment::Bad,
            Some(_) => Assessment::Indeterminate,
        }
    }

    /// The entry of a system that proved good.
    pub fn blessed(&self) -> Self {
        Self { tries: None, ..self.clone() }
    }

    /// The entry of a system that is given up: the other one is booted from now on, also where this one is newer.
    pub fn given_up(&self) -> Self {
        let done = self.tries.map_or(0, |tries| tries.done);
        Self { tries: Some(Tries { left: 0, done }), ..self.clone() }
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
        assert_eq!(fresh.blessed().file_name(), "weft-b_1.2.0-rc.1.efi");
        assert_eq!(fresh.given_up().file_name(), "weft-b_1.2.0-rc.1+0.efi");
        let tried = Entry::parse("weft-a_1.2.0+1-2.efi").unwrap();
        assert_eq!((tried.slot, tried.assessment()), (Slot::A, Assessment::Indeterminate));
        assert_eq!(tried.given_up().assessment(), Assessment::Bad);
        assert_eq!(tried.blessed().assessment(), Assessment::Good);
        for other in
            ["weft_1.2.0+3.efi", "weft-c_1.2.0.efi", "weft-a_1.2.efi", "weft-a_1.2.0.efi.new", "x.efi"]
        {
            assert_eq!(Entry::parse(other), None, "{other}");
        }
    }

    /// The whole life of an update, seen by the boot loader.
    #[test]
    fn a_failing_update_falls_back_after_three_tries() {
        let os = |text: &str| os_release(&version(text));
        let old = Candidate::new("weft-a_1.9.0.efi", &os("1.9.0")).unwrap();
        let mut name = Entry::fresh(Slot::B, version("1.10.0")).file_name();
        let mut boots = Vec::new();
        for _ in 0..4 {
            let new = Candidate::new(&name, &os("1.10.0")).unwrap();
            let taken = choose(&[old.clone(), new.clone()]).unwrap().clone();
            boots.push(taken.file_name.clone());
            if taken == new {
                name = new.taken_name();
            }
        }
        let expected =
            ["weft-b_1.10.0+3.efi", "weft-b_1.10.0+2-1.efi", "weft-b_1.10.0+1-2.efi", "weft-a_1.9.0.efi"];
        assert_eq!(boots, expected);
        let given_up = Entry::parse("weft-b_1.10.0.efi").unwrap().given_up();
        let given_up = Candidate::new(&given_up.file_name(), &os("1.10.0")).unwrap();
        assert_eq!(choose(&[old.clone(), given_up]).unwrap(), &old, "a rollback by hand");
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
        fn names_read_back(v in versions(), left in 0u32..5, done in 0u32..5, b in any::<bool>(), counted in any::<bool>()) {
            let slot = if b { Slot::B } else { Slot::A };
            let entry = Entry { slot, version: v, tries: counted.then_some(Tries { left, done }) };
            prop_assert_eq!(Entry::parse(&entry.file_name()), Some(entry));
        }
    }
}
