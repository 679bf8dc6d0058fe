//! What the machine kept of the boot before: the last words of a kernel that panicked, and whether the watchdog restarted it.

use std::fs;
use std::path::Path;
use weft_state::boot::{Evidence, shorten};

/// The kernel's "Ramoops/pstore" documentation: one file a record, gone from the firmware once it is removed.
const PSTORE: &str = "sys/fs/pstore";
const WATCHDOG_STATUS: &str = "sys/class/watchdog/watchdog0/bootstatus";
/// `WDIOF_CARDRESET`, include/uapi/linux/watchdog.h.
const CARD_RESET: u32 = 0x20;

/// Takes the evidence away with it, so that the next boot finds only what is new. `root` is where `/sys` is.
pub fn collect(root: &Path) -> Evidence {
    let status = fs::read_to_string(root.join(WATCHDOG_STATUS)).unwrap_or_default();
    let status: u32 = status.trim().parse().unwrap_or(0);
    Evidence { panic: panic_words(&root.join(PSTORE)), watchdog: status & CARD_RESET != 0 }
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

    fn system(records: &[(&str, &str)], status: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join(PSTORE)).unwrap();
        for (name, text) in records {
            fs::write(root.path().join(PSTORE).join(name), text).unwrap();
        }
        let path = root.path().join(WATCHDOG_STATUS);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, status).unwrap();
        root
    }

    #[test]
    fn the_panic_is_found_once() {
        let part = "Panic#1 Part1\n<0>[    1.2] Kernel panic - not syncing: Attempted to kill init! exitcode=0x100\n<4>[ 1.3] CPU: 0\n<0>[ 1.4] ---[ end Kernel panic - not syncing: Attempted ]---\n";
        let root =
            system(&[("dmesg-efi_pstore-1", part), ("dmesg-efi_pstore-2", "Panic#1 Part2\nold")], "0\n");
        let evidence = collect(root.path());
        assert_eq!(evidence.panic.as_deref(), Some("Attempted to kill init! exitcode=0x100"));
        assert!(!evidence.watchdog);
        assert_eq!(collect(root.path()), Evidence::default());
    }

    #[test]
    fn the_watchdog_tells_what_it_did() {
        assert!(collect(system(&[], "32\n").path()).watchdog);
        assert!(!collect(system(&[], "0\n").path()).watchdog);
        assert_eq!(collect(Path::new("/nowhere")), Evidence::default());
    }
}
