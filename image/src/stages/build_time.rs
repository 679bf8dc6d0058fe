//! When the image was built, as far as its devices need to know: no clock can be before it.
//!
//! To the day, and that of the last commit: an image is the same whenever it is built from the same sources.

use crate::tool;
use std::path::Path;
use std::process::Command;

const DAY: u64 = 24 * 60 * 60;
/// <https://reproducible-builds.org/specs/source-date-epoch/>
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "cannot tell the time of the last commit: set {VARIABLE} to seconds since 1970 outside of a checkout"
    )]
    Commit(#[source] tool::Error),
    #[error("{0:?} is no time in seconds since 1970: correct {VARIABLE}, or unset it in a checkout")]
    Number(String),
}

/// Seconds since 1970-01-01 00:00 UTC of the day that the sources are of.
pub fn of(checkout: &Path) -> Result<u64, Error> {
    let text = match std::env::var(VARIABLE) {
        Ok(text) => text,
        Err(_) => {
            let mut command = Command::new("git");
            command.arg("-C").arg(checkout).args(["log", "-1", "--format=%ct"]);
            tool::query("asking for the last commit", &mut command).map_err(Error::Commit)?
        }
    };
    day_of(text.trim())
}

fn day_of(text: &str) -> Result<u64, Error> {
    let seconds: u64 = text.parse().map_err(|_| Error::Number(text.to_owned()))?;
    Ok(seconds - seconds % DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_one_time() {
        assert_eq!(day_of("1790000000").unwrap(), 1_789_948_800);
        assert_eq!(day_of("1789948800").unwrap(), 1_789_948_800);
        assert!(day_of("yesterday").unwrap_err().to_string().contains("yesterday"));
    }
}
