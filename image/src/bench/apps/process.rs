//! What the kernel tells about a running process (proc(5)).

use super::{Error, Result};
use crate::vm::file_error;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// A process by its id.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// Its children that run this program.
    pub fn children(self, program: &str) -> Result<Vec<Process>> {
        let path = format!("/proc/{0}/task/{0}/children", self.0);
        let text = std::fs::read_to_string(&path).map_err(file_error("read", Path::new(&path)))?;
        let children = text.split_whitespace().filter_map(|id| id.parse().ok().map(Process));
        Ok(children.filter(|child| child.runs(program)).collect())
    }

    /// Its only child that runs this program.
    pub fn child(self, program: &'static str) -> Result<Process> {
        let gone = || Error::Program { program, said: "the session has none".to_owned() };
        self.children(program)?.first().copied().ok_or_else(gone)
    }

    fn runs(self, program: &str) -> bool {
        let file = std::fs::read_link(format!("/proc/{}/exe", self.0)).unwrap_or_default();
        file.file_name().is_some_and(|name| name == program)
    }

    /// Its command line, or its environment: the strings of `/proc/<id>/cmdline` and `environ`.
    pub fn strings(self, file: &str) -> Result<Vec<OsString>> {
        let path = format!("/proc/{}/{file}", self.0);
        let bytes = std::fs::read(&path).map_err(file_error("read", Path::new(&path)))?;
        let whole = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
        Ok(whole.split(|byte| *byte == 0).map(|text| OsString::from_vec(text.to_vec())).collect())
    }

    /// Its share of memory in KiB: what is its own, and its part of what several processes have mapped.
    pub fn memory_kib(self) -> Result<f64> {
        let path = format!("/proc/{}/smaps_rollup", self.0);
        let text = std::fs::read_to_string(&path).map_err(file_error("read", Path::new(&path)))?;
        Ok(pss(&text).unwrap_or(f64::NAN))
    }
}

fn pss(rollup: &str) -> Option<f64> {
    let value = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_memory_is_read() {
        let rollup = "55d0-7ffd ---p 0 00:00 0 [rollup]\nRss:  6092 kB\nPss:  4711 kB\nPss_Dirty: 12 kB\n";
        assert_eq!(pss(rollup), Some(4711.0));
        assert_eq!(pss(""), None);
    }

    #[test]
    fn a_process_has_its_command_line_and_memory() {
        let own = Process(std::process::id());
        assert_eq!(own.strings("cmdline").unwrap(), std::env::args_os().collect::<Vec<_>>());
        assert!(own.memory_kib().unwrap() > 100.0);
        assert!(own.children("weft-no-such-program").unwrap().is_empty());
    }
}
