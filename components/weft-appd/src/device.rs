//! What this runs on, as apps that supervise are told.

use std::path::Path;
use weft_ipc::session::Device;

/// os-release(5), where the image has it; the first is a link to the second elsewhere.
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// What the kernel and the image say; `data` is the folder below which apps and their data are kept.
pub fn describe(data: &Path) -> Device {
    let release = OS_RELEASE.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    let field = |name| field(&release, name).unwrap_or_else(|| "unknown".to_owned());
    let system = rustix::system::sysinfo();
    // The folder appears with the first app that is installed.
    let storage = data.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok());
    let blocks =
        |count: fn(&rustix::fs::StatVfs) -> u64| storage.as_ref().map_or(0, |s| count(s) * s.f_frsize);
    Device {
        name: field("PRETTY_NAME"),
        version: field("VERSION_ID"),
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        uptime: u64::try_from(system.uptime).unwrap_or(0),
        memory: system.totalram.saturating_mul(u64::from(system.mem_unit)),
        storage: blocks(|s| s.f_blocks),
        storage_free: blocks(|s| s.f_bavail),
    }
}

/// The value of a line `NAME=value` or `NAME="value"`.
fn field(release: &str, name: &str) -> Option<String> {
    let value = release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    let plain = value.trim().trim_matches(['"', '\'']);
    (!plain.is_empty()).then(|| plain.chars().take(128).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_read_with_and_without_quotes() {
        let release =
            "NAME=\"WEFT OS\"\nVERSION=\"0.1.0\"\nVERSION_ID=0.1.0\nPRETTY_NAME='WEFT OS 0.1.0'\nEMPTY=\n";
        assert_eq!(field(release, "VERSION_ID").as_deref(), Some("0.1.0"));
        assert_eq!(field(release, "PRETTY_NAME").as_deref(), Some("WEFT OS 0.1.0"));
        assert_eq!((field(release, "EMPTY"), field(release, "ID")), (None, None));
    }

    #[test]
    fn storage_is_that_of_the_next_folder_that_exists() {
        let folder = tempfile::tempdir().unwrap();
        let there = describe(folder.path());
        assert!(there.storage >= there.storage_free && there.storage > 0, "{there:?}");
        assert_eq!(describe(&folder.path().join("not/yet")).storage, there.storage);
        assert!(there.memory > 1 << 20 && !there.kernel.is_empty(), "{there:?}");
    }
}
