//! Where things are; the device's own values by default, other ones in tests.

use std::path::{Path, PathBuf};
use weft_ipc::launcher;

/// The groups of `/etc/group` that processes may be put into.
pub const DISPLAY_GROUP: &str = "weft-display";
pub const DOCUMENTS_GROUP: &str = "weft-documents";

/// Paths and the one user who may ask.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder of the programs.
    pub programs: PathBuf,
    /// The file of the apps' user ids.
    pub uids: PathBuf,
    /// Holds a folder for each app.
    pub app_data: PathBuf,
    pub documents: PathBuf,
    /// The folder of the compositor's socket.
    pub display: PathBuf,
    /// What a process may be shown: these folders and what lies in them.
    pub readable: Vec<PathBuf>,
    /// The user whose requests are served.
    pub client: u32,
}

impl Config {
    /// The device's.
    pub fn device(client: u32) -> Self {
        let readable = [
            "/usr/share/weft/apps",
            "/usr/share/weft/compiled",
            "/usr/share/weft/ui-kit",
            "/state/appd/.local/share/weft/apps",
            "/state/appd/compiled",
            "/run/weft/packages",
            "/run/weft/appd",
        ];
        Self {
            programs: "/usr/bin".into(),
            uids: "/state/launcher/uids".into(),
            app_data: launcher::APP_DATA.into(),
            documents: launcher::DOCUMENTS.into(),
            display: "/run/weft/display".into(),
            readable: readable.map(PathBuf::from).into(),
            client,
        }
    }

    /// Whether a process may be shown this path: plain, absolute, and in one of the folders.
    pub fn may_show(&self, path: &Path) -> bool {
        let plain = path.components().skip(1).all(|part| matches!(part, std::path::Component::Normal(_)));
        // Two spellings of one path are one too many.
        let spelt = path.components().collect::<PathBuf>().as_os_str() == path.as_os_str();
        path.is_absolute() && plain && spelt && self.readable.iter().any(|root| path.starts_with(root))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_of_packages_are_shown() {
        let config = Config::device(102);
        for good in [
            "/usr/share/weft/apps/org.weft.demo.counter",
            "/state/appd/compiled",
            "/run/weft/packages/org.weft.notes-7",
        ] {
            assert!(config.may_show(Path::new(good)), "{good}");
        }
        for bad in [
            "/",
            "",
            "usr/share/weft/apps/x",
            "/state/appd",
            "/state/appd/.local/share/weft/app-data/org.weft.notes",
            "/state/appd/device-key",
            "/state/launcher/uids",
            "/usr/share/weft/apps/../../../../etc/passwd",
            "/usr/share/weft/apps/./x",
            "/usr/share/weft/apps//x",
            "/usr/share/weft/apps/x/",
            "/usr/share/weft/appsx",
            "/proc/self/root",
            "/dev",
        ] {
            assert!(!config.may_show(Path::new(bad)), "{bad}");
        }
    }
}
