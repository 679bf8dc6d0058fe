//! The process table from /proc (proc(5)).

use crate::Process;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Every process with an executable. One that ends while it is looked at is left out.
pub fn all() -> io::Result<Vec<Process>> {
    let mut processes: Vec<Process> = std::fs::read_dir("/proc")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| one(pid).ok().flatten())
        .collect();
    processes.sort_by_key(|process| process.pid);
    Ok(processes)
}

fn one(pid: i32) -> io::Result<Option<Process>> {
    let folder = Path::new("/proc").join(pid.to_string());
    let Ok(executable) = std::fs::read_link(folder.join("exe")) else { return Ok(None) };
    let uid = std::fs::metadata(&folder)?.uid();
    let line = std::fs::read(folder.join("cmdline"))?;
    let arguments: Vec<String> = line
        .split(|byte| *byte == 0)
        .filter(|part| !part.is_empty())
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect();
    let status = std::fs::read_to_string(folder.join("status"))?;
    let parent =
        status.lines().find_map(|line| line.strip_prefix("PPid:")).and_then(|text| text.trim().parse().ok());
    let cgroup = std::fs::read_to_string(folder.join("cgroup"))?;
    let name = arguments.first().map(|first| first.rsplit('/').next().unwrap_or(first).to_owned());
    Ok(Some(Process {
        pid,
        parent: parent.unwrap_or(0),
        uid,
        name: name.unwrap_or_default(),
        executable: executable.to_string_lossy().into_owned(),
        arguments,
        cgroup: cgroup.trim().trim_start_matches("0::").to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_this_very_process() {
        let me = i32::try_from(std::process::id()).unwrap();
        let found = all().unwrap().into_iter().find(|process| process.pid == me).unwrap();
        assert_eq!(found.executable, std::env::current_exe().unwrap().to_str().unwrap());
        assert_eq!(found.uid, rustix::process::getuid().as_raw());
        assert!(found.parent > 0);
    }
}
