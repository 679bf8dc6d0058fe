//! zchunk: a file of compressed chunks whose borders follow from their contents, with an index in its header.

use super::{Other, Result, run};
use crate::bench::Error;
use std::path::{Path, PathBuf};

const DELTA: &str = "zck_delta_size";

pub struct Zchunk {
    folder: PathBuf,
    old: PathBuf,
}

impl Zchunk {
    pub fn prepare(old: &Path, folder: &Path) -> Result<Option<Self>> {
        let path = folder.join("old.zck");
        let made = make(old, &path)?;
        Ok(made.then(|| Self { folder: folder.to_owned(), old: path }))
    }

    pub fn compare(&self, new: &Path) -> Result<Other> {
        let path = self.folder.join("new.zck");
        make(new, &path)?;
        let said = run(DELTA, &[self.old.as_os_str(), path.as_os_str()])?.unwrap_or_default();
        let bytes = parse(&said).ok_or(Error::Program { program: DELTA, said })?;
        Ok(Other { tool: "zchunk", bytes: Some(bytes), how: format!("what {DELTA} says") })
    }
}

fn make(image: &Path, to: &Path) -> Result<bool> {
    Ok(run("zck", &["-o".as_ref(), to.as_os_str(), image.as_os_str()])?.is_some())
}

/// `Would download 664750 of 66174329 bytes`.
fn parse(said: &str) -> Option<u64> {
    let line = said.lines().find_map(|line| line.strip_prefix("Would download "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_is_read() {
        let said = "Would download 664750 of 66174329 bytes\nMatched 1630 of 1650 chunks\n";
        assert_eq!(parse(said), Some(664_750));
        assert_eq!(parse("Unable to open file\n"), None);
    }
}
