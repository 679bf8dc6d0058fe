//! What other tools would fetch for the same two root images. A tool that is not installed is said to be so.

mod casync;
mod rauc;
mod zchunk;

use super::{Result, empty};
use crate::bench::Error;
use casync::Casync;
use rauc::Rauc;
use serde::Serialize;
use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use zchunk::Zchunk;

/// One tool's bytes, its index included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    pub tool: &'static str,
    /// `None` where it is not installed.
    pub bytes: Option<u64>,
    /// What was measured.
    pub how: String,
}

impl fmt::Display for Other {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            Some(bytes) => write!(formatter, "{} {bytes} ({})", self.tool, self.how),
            None => write!(formatter, "{}: {}", self.tool, self.how),
        }
    }
}

/// The tools, each with what it makes of the old image.
pub struct Others {
    rauc: Option<Rauc>,
    casync: Option<Casync>,
    zchunk: Option<Zchunk>,
}

impl Others {
    pub fn prepare(old: &Path, folder: &Path) -> Result<Self> {
        empty(folder)?;
        Ok(Self {
            rauc: Rauc::prepare(old)?,
            casync: Casync::prepare(old, folder)?,
            zchunk: Zchunk::prepare(old, folder)?,
        })
    }

    pub fn compare(&self, new: &Path) -> Result<Vec<Other>> {
        let missing = |tool| Other { tool, bytes: None, how: "not installed".to_owned() };
        Ok(vec![
            self.rauc.as_ref().map_or_else(|| Ok(missing("RAUC adaptive")), |rauc| rauc.compare(new))?,
            self.casync.as_ref().map_or_else(|| Ok(missing("casync")), |casync| casync.compare(new))?,
            self.zchunk.as_ref().map_or_else(|| Ok(missing("zchunk")), |zchunk| zchunk.compare(new))?,
        ])
    }
}

/// What a tool prints; `None` where it is not installed.
fn run(program: &'static str, arguments: &[&OsStr]) -> Result<Option<String>> {
    let output = match Command::new(program).args(arguments).stdin(Stdio::null()).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        output => output.map_err(Error::Process)?,
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(Some(said)),
        false => {
            let said = format!("{said}{}", String::from_utf8_lossy(&output.stderr)).trim().to_owned();
            Err(Error::Program { program, said })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_is_missing_is_no_error_and_one_that_fails_is() {
        assert!(run("weft-no-such-tool", &[]).unwrap().is_none());
        assert_eq!(run("echo", &["x".as_ref()]).unwrap().as_deref(), Some("x\n"));
        let error = run("ls", &["/no/such/file".as_ref()]).unwrap_err().to_string();
        assert!(error.contains("/no/such/file"), "{error}");
    }
}
