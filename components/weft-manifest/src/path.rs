//! Paths inside a package.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// A plain relative path: labels separated by single slashes, none of them `.` or `..`. It cannot leave its package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelativePath(String);

/// Why a text is no such path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a plain path inside the package: write it without a leading slash, `.`, `..` or backslashes, such as ui/index.html"
)]
pub struct InvalidPath(pub String);

impl RelativePath {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below `folder`.
    pub fn below(&self, folder: &Path) -> std::path::PathBuf {
        folder.join(&self.0)
    }
}

impl FromStr for RelativePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        let plain = |part: &str| !matches!(part, "" | "." | "..");
        let allowed = |c: char| !c.is_control() && c != '\\';
        if text.len() <= 1024 && text.split('/').all(plain) && text.chars().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidPath(text.chars().take(200).collect()))
        }
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, PathBuf};

    #[test]
    fn only_plain_paths_pass() {
        for good in ["app.wasm", "ui/index.html", "ui/..hidden", "ui/a b.html"] {
            assert!(good.parse::<RelativePath>().is_ok(), "{good}");
        }
        for bad in ["", "/etc/passwd", "../x", "ui/../../x", "ui//x", "./x", "ui/", "ui\\x", "a\0b"] {
            assert!(bad.parse::<RelativePath>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_path_leaves_its_package(text in "[a./\\\\]{0,10}") {
            if let Ok(path) = text.parse::<RelativePath>() {
                let joined: PathBuf = path.below(Path::new("/package"));
                prop_assert!(joined.starts_with("/package"));
                prop_assert!(Path::new(path.as_str()).components().all(|c| matches!(c, Component::Normal(_))));
            }
        }
    }
}
