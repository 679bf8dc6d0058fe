//! App ids.

use std::fmt;
use std::str::FromStr;

/// The longest id in bytes: it is a file name, a host name of a URL and a Wayland app id.
const MAX_LEN: usize = 128;

/// An app's id: three or more labels of `[a-z][a-z0-9]*`, separated by dots. Safe as a file name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppId(String);

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an app id: use three or more labels of lower-case letters and digits, each starting with a letter, separated by \
     dots, such as org.example.clock"
)]
pub struct InvalidId(pub String);

impl AppId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AppId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let label = |label: &str| {
            label.starts_with(|first: char| first.is_ascii_lowercase())
                && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        };
        if text.len() <= MAX_LEN && text.split('.').count() >= 3 && text.split('.').all(label) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId(text.chars().take(MAX_LEN).collect()))
        }
    }
}

impl fmt::Display for AppId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_are_three_or_more_plain_labels() {
        for good in ["a.b.c", "org.weft.demo.counter", "x1.y2.z3"] {
            assert_eq!(good.parse::<AppId>().unwrap().as_str(), good);
        }
        for bad in [
            "", "a.b", "a..c", ".a.b.c", "a.b.c.", "a.b.C", "a.b.1c", "a.b.c-d", "a.b.c/d", "a.b.ç",
            "../../x",
        ] {
            assert!(bad.parse::<AppId>().is_err(), "{bad}");
        }
        assert!(format!("a.b.{}", "c".repeat(MAX_LEN)).parse::<AppId>().is_err());
    }

    proptest! {
        #[test]
        fn the_rule_is_the_one_of_the_interface_reference(text in "[a-c.1A/-]{0,12}") {
            let labels: Vec<&str> = text.split('.').collect();
            let expected = labels.len() >= 3
                && labels.iter().all(|l| {
                    let mut chars = l.chars();
                    chars.next().is_some_and(|c| c.is_ascii_lowercase())
                        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
                });
            prop_assert_eq!(text.parse::<AppId>().is_ok(), expected);
        }
    }
}
