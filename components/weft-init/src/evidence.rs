//! What the machine kept of the boot before: the last words of a kernel that panicked, and whether the watchdog restarted it.

use std::fs;
use std::path::Path;
use weft_state::boot::{Evidence, shorten};

/// The kernel's "Ramoops/pstore" documentation: one file a record, gone from the firmware once it is removed.
const PSTORE: &str = "sys/fs/pstore";

/// Takes the evidence away with it, so that the next boot finds only what is new. `root` is where `/sys` is.
pub fn collect(root: &Path, watchdog: bool) -> Evidence {
    Evidence { panic: panic_words(&root.join(PSTORE)), watchdog }
}

fn panic_words(folder: &Path) -> Option<String> {
    let entries = fs::read_dir(folder).ok()?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut words = None;
    for path in paths {
        let text = fs::read(&path).unwrap_or_default();
        words = last_words(&String::from_utf8_lossy(&text)).or(words);
        let _ = fs::remove_file(&path);
    }
    words
}

/// The panic's own line; without one, it was an oops that the kernel outlived.
fn last_words(record: &str) -> Option<String> {
    const MARK: &str = "Kernel panic - not syncing: ";
    let line = record.lines().rev().find(|line| line.contains(MARK) && !line.contains("end Kernel panic"))?;
    line.split_once(MARK).map(|(_, words)| shorten(words.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(records: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(PSTORE)).unwrap();
        for (name, text) in records {
            fs::write(root.path().join(PSTORE).join(name), text).unwrap();
        }
        root
    }

    #[test]
    fn the_panic_is_found_once() {
        let part = "Panic#1 Part1\n<0>[    1.2] Kernel panic - not syncing: Attempted to kill init! exitcode=0x100\n<4>[ 1.3] CPU: 0\n<0>[ 1.4] ---[ end Kernel panic - not syncing: Attempted ]---\n";
        let root = system(&[("dmesg-efi_pstore-1", part), ("dmesg-efi_pstore-2", "Panic#1 Part2\nold")]);
        let evidence = collect(root.path(), false);
        assert_eq!(evidence.panic.as_deref(), Some("Attempted to kill init! exitcode=0x100"));
        assert_eq!(collect(root.path(), false), Evidence::default());
    }

    /// Parts of a record are numbered from its end, each is a file of its own, and the panic's line is in the first.
    #[test]
    fn a_root_beyond_repair_is_told_by_the_words_of_dm_verity() {
        let end = "Panic#1 Part1\n<3>[    9.1] device-mapper: verity: 254:2: data block 7 is corrupted\n<0>[    9.2] Kernel panic - not syncing: dm-verity device corrupted\n<4>[    9.3] CPU: 1 UID: 0 PID: 57 Comm: kworker/1:1\n";
        let start = "Panic#1 Part2\n<4>[    9.0] device-mapper: verity-fec: 254:2: FEC 28672: failed to correct: -74\n";
        let root = system(&[("dmesg-efi_pstore-1", end), ("dmesg-efi_pstore-2", start)]);
        let words = collect(root.path(), false).panic.unwrap();
        assert_eq!(words, "dm-verity device corrupted");
        assert!(weft_state::boot::panicked(&words).contains("damaged beyond repair"));
    }

    #[test]
    fn a_firmware_without_records_has_no_panic() {
        assert_eq!(collect(Path::new("/nowhere"), true), Evidence { panic: None, watchdog: true });
        assert_eq!(
            collect(system(&[("console-ramoops-0", "all is well\n")]).path(), false),
            Evidence::default()
        );
    }
}
