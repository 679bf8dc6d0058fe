//! Which system this is: slot, version, and whether the boot loader counts its tries.

use std::fs;
use std::path::Path;
use weft_state::boot::{Boot, Outcome};
use weft_state::health::Limits;

/// Word of the kernel's command line: the state is dropped before anything uses it.
const RESET_WORD: &str = "weft.factory-reset";
/// Set by the boot menu's entry for a factory reset (`components/weft-boot`), and gone with the power.
const RESET_VARIABLE: &str = "sys/firmware/efi/efivars/WeftFactoryReset-6a1f6f0c-5c0e-4f0b-9d3a-776566746f73";
/// Set by the boot loader where it counted, see the Boot Loader Interface of systemd (`LoaderBootCountPath`).
const COUNT_PATH: &str = "sys/firmware/efi/efivars/LoaderBootCountPath-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootInfo {
    pub boot: Boot,
    /// Where the boot loader keeps this entry's tries.
    pub counted: Option<String>,
    pub reset: bool,
    /// The hardware watchdog started this boot; known once it is open.
    pub watchdog_restarted: bool,
    pub limits: Limits,
}

impl BootInfo {
    /// `root` is where `/proc`, `/etc` and `/sys` are.
    pub fn read(root: &Path) -> Self {
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_default();
        let command_line = text("proc/cmdline");
        let counted = fs::read(root.join(COUNT_PATH)).ok().and_then(|variable| text_of(&variable));
        let on_trial = counted.as_deref().is_some_and(|path| !is_kept(path) && !is_last_resort(path));
        Self {
            boot: Boot {
                id: text("proc/sys/kernel/random/boot_id").trim().to_owned(),
                slot: slot(&command_line).to_owned(),
                version: version(&text("etc/os-release")),
                on_trial,
                outcome: Outcome::Running,
            },
            counted,
            reset: command_line.split_ascii_whitespace().any(|word| word == RESET_WORD)
                || root.join(RESET_VARIABLE).exists(),
            watchdog_restarted: false,
            limits: Limits::of(&command_line),
        }
    }
}

/// Whether this release was found good at an earlier boot: it is counted all the same, but is on no trial. The name tells it, see
/// `weft_release::boot::Entry`, and does so without a state partition.
fn is_kept(counted: &str) -> bool {
    counted.rsplit_once('+').is_some_and(|(stem, _)| stem.ends_with("_kept"))
}

/// Whether the boot loader took this entry though it had no try left, because there is no other: restarting would bring it back. It has
/// counted this boot already, so a name with no try left and all tries done is the last try itself.
fn is_last_resort(counted: &str) -> bool {
    const TRIES: u32 = 3;
    let counters = counted.strip_suffix(".efi").and_then(|stem| stem.rsplit_once('+'));
    let (left, done) = counters.map_or(("", ""), |(_, text)| text.split_once('-').unwrap_or((text, "0")));
    left == "0" && done.parse() != Ok(TRIES)
}

/// The verity device's partition is named in its table; empty where the system came another way.
fn slot(command_line: &str) -> &str {
    let (_, rest) = command_line.split_once("PARTLABEL=root-").unwrap_or_default();
    rest.get(..1).unwrap_or_default()
}

fn version(os_release: &str) -> String {
    let value = os_release.lines().find_map(|line| line.strip_prefix("VERSION_ID="));
    value.unwrap_or_default().trim_matches('"').to_owned()
}

/// An EFI variable as efivarfs shows it: four bytes of attributes, then UTF-16 with a closing zero.
fn text_of(variable: &[u8]) -> Option<String> {
    let units: Vec<u16> = variable
        .get(4..)?
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)))
        .take_while(|unit| *unit != 0)
        .collect();
    String::from_utf16(&units).ok().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn system(command_line: &str, counted: Option<&str>) -> BootInfo {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, contents: &[u8]| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        };
        write("proc/cmdline", command_line.as_bytes());
        write("etc/os-release", b"ID=weft\nVERSION_ID=\"1.2.0\"\n");
        if let Some(path) = counted {
            let units: Vec<u8> = path.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            write(COUNT_PATH, &[&[6, 0, 0, 0][..], &units].concat());
        }
        BootInfo::read(root.path())
    }

    #[test]
    fn slot_version_and_counting_are_found() {
        let line = "root=/dev/dm-0 dm-mod.waitfor=PARTLABEL=root-b,PARTLABEL=verity-b quiet\n";
        let info = system(line, Some("\\EFI\\Linux\\weft-b_1.2.0+2-1.efi"));
        assert_eq!((info.boot.slot.as_str(), info.boot.version.as_str()), ("b", "1.2.0"));
        assert_eq!(info.counted.as_deref(), Some("\\EFI\\Linux\\weft-b_1.2.0+2-1.efi"));
        assert!(info.boot.on_trial && !info.reset);
    }

    #[test]
    fn the_last_try_is_a_trial_and_what_comes_after_it_is_not() {
        let on_trial = |name: &str| system("", Some(&format!("\\EFI\\Linux\\{name}"))).boot.on_trial;
        assert!(on_trial("weft-b_1.2.0+2-1.efi") && on_trial("weft-b_1.2.0+0-3.efi"));
        assert!(!on_trial("weft-b_1.2.0+0-4.efi"), "all tries were used up before");
        assert!(!on_trial("weft-b_1.2.0+0-1.efi"), "given up by hand");
        assert!(
            !on_trial("weft-b_1.2.0_kept+2-1.efi") && !on_trial("weft-b_1.2.0_kept+0-3.efi"),
            "good before"
        );
    }

    #[test]
    fn a_system_without_a_counting_boot_loader_is_on_no_trial() {
        let info = system("console=ttyS0 weft.factory-reset", None);
        assert!(!info.boot.on_trial && info.reset && info.boot.slot.is_empty());
        assert!(!system("weft.factory-reset-not", None).reset);
    }
}
