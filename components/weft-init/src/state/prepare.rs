//! Brings the state partition up. Runs in a process of its own, since disks may take their time and PID 1 must not wait.

use super::disk::{Partition, state_partition};
use super::superblock::{Content, Geometry, HEAD, inspect};
use super::template;
use crate::phase::{STATE, STATE_FLAGS};
use crate::sys;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const TEMPLATE: &str = "/usr/share/weft/state.ext4.zst";

/// What the worker tells PID 1, one a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Mounted,
    /// The partition is not usable, and why.
    Unusable(String),
    Note(String),
}

impl Report {
    pub fn to_line(&self) -> String {
        match self {
            Self::Mounted => "mounted\n".to_owned(),
            Self::Unusable(why) => format!("unusable {}\n", why.replace('\n', " ")),
            Self::Note(text) => format!("note {}\n", text.replace('\n', " ")),
        }
    }
}

pub fn parse_report(line: &str) -> Option<Report> {
    match line.split_once(' ') {
        None if line == "mounted" => Some(Report::Mounted),
        Some(("unusable", why)) => Some(Report::Unusable(why.to_owned())),
        Some(("note", text)) => Some(Report::Note(text.to_owned())),
        _ => None,
    }
}

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Disk(#[from] super::disk::Error),
    #[error("cannot read the root's device: {0}")]
    Root(io::Error),
    #[error("{node}: cannot read it: {source}")]
    Read { node: String, source: io::Error },
    #[error("{node}: it holds no filesystem that is known, and it is not blank, so nothing is written to it")]
    Unknown { node: String },
    #[error("{node}: {source}")]
    Template { node: String, source: template::Error },
    #[error("{node}: cannot mount it: {source}")]
    Mount { node: String, source: rustix::io::Errno },
    #[error("{node}: cannot write to it: {source}")]
    Write { node: String, source: io::Error },
}

/// Finds, fills, mounts and grows the partition; the growing comes last, since services may run meanwhile.
pub fn prepare(report: &mut dyn FnMut(Report)) {
    match bring_up(report) {
        Ok((partition, geometry)) => {
            report(Report::Mounted);
            grow(&partition, geometry, report);
        }
        Err(error) => report(Report::Unusable(error.to_string())),
    }
}

fn bring_up(report: &mut dyn FnMut(Report)) -> Result<(Partition, Geometry), Error> {
    let root = std::fs::metadata("/").map_err(Error::Root)?.dev();
    let partition = state_partition(Path::new("/sys"), (rustix::fs::major(root), rustix::fs::minor(root)))?;
    let node = || partition.node.display().to_string();
    let mut content = read_head(&partition).map_err(|source| Error::Read { node: node(), source })?;
    if content == Content::Blank {
        report(Report::Note(format!("{} is blank, writing the template to it", node())));
        File::options()
            .write(true)
            .open(&partition.node)
            .map_err(|source| template::Error::Write { what: "it", source })
            .and_then(|file| template::write(Path::new(TEMPLATE), &file, partition.size))
            .map_err(|source| Error::Template { node: node(), source })?;
        content = read_head(&partition).map_err(|source| Error::Read { node: node(), source })?;
    }
    let Content::Ext4(geometry) = content else {
        return Err(Error::Unknown { node: node() });
    };
    let options = c"errors=remount-ro";
    rustix::mount::mount(&partition.node, STATE, "ext4", STATE_FLAGS, options)
        .map_err(|source| Error::Mount { node: node(), source })?;
    if let Err(source) = std::fs::create_dir_all(Path::new(STATE).join("log")) {
        let _ = rustix::mount::unmount(STATE, rustix::mount::UnmountFlags::DETACH);
        return Err(Error::Write { node: node(), source });
    }
    Ok((partition, geometry))
}

fn read_head(partition: &Partition) -> io::Result<Content> {
    let mut head = Vec::with_capacity(HEAD);
    File::open(&partition.node)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(inspect(&head))
}

fn grow(partition: &Partition, geometry: Geometry, report: &mut dyn FnMut(Report)) {
    let wanted = partition.size / geometry.block_size;
    if wanted <= geometry.blocks {
        return;
    }
    let mib = |blocks: u64| blocks.saturating_mul(geometry.block_size) >> 20;
    let outcome = File::open(STATE)
        .map_err(|error| error.to_string())
        .and_then(|folder| sys::ext4_resize(&folder, wanted).map_err(|error| error.to_string()));
    report(Report::Note(match outcome {
        Ok(()) => {
            format!("grew the state partition from {} MiB to {} MiB", mib(geometry.blocks), mib(wanted))
        }
        Err(error) => format!("cannot grow the state partition to {} MiB: {error}, ignoring", mib(wanted)),
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_the_pipe() {
        for report in [Report::Mounted, Report::Unusable("no disk".into()), Report::Note("grew".into())] {
            assert_eq!(parse_report(report.to_line().trim_end()), Some(report));
        }
        assert_eq!(Report::Note("two\nlines".into()).to_line(), "note two lines\n");
        assert_eq!(parse_report("nonsense"), None);
    }
}
