//! Brings the state partition up. Runs in a process of its own, since disks may take their time and PID 1 must not wait.

use super::carried::Carried;
use super::disk::{Partition, state_partition};
use super::superblock::{Content, Geometry, HEAD, RESET, inspect};
use super::template;
use crate::boot_info::BootInfo;
use crate::evidence;
use crate::phase::{STATE, STATE_FLAGS};
use crate::sys;
use rustix::mount::{UnmountFlags, unmount};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use weft_state::boot::Record;
use weft_state::{format, reset};

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
    #[error("{node}: cannot unmount it for the factory reset: {source}")]
    Unmount { node: String, source: rustix::io::Errno },
    #[error("{node}: cannot write to it: {source}")]
    Write { node: String, source: io::Error },
    #[error("{node}: {source}")]
    Format { node: String, source: format::Error },
}

/// Finds, fills, mounts and grows the partition; the growing comes last, since services may run meanwhile.
pub fn prepare(info: &BootInfo, report: &mut dyn FnMut(Report)) {
    match bring_up(info.reset, report) {
        Ok((partition, geometry)) => {
            begin_record(info, report);
            report(Report::Mounted);
            grow(&partition, geometry, report);
        }
        Err(error) => report(Report::Unusable(error.to_string())),
    }
}

/// Carries out a wish for a factory reset, which survives until then; an unusable partition stays unmounted.
fn bring_up(reset_from_menu: bool, report: &mut dyn FnMut(Report)) -> Result<(Partition, Geometry), Error> {
    let partition = find()?;
    let node = || partition.node.display().to_string();
    if reset_from_menu {
        report(Report::Note("factory reset from the boot menu".to_owned()));
        write_template(&partition)?;
    }
    let mut geometry = mount(&partition, report)?;
    if reset::is_asked(Path::new(STATE)) {
        report(Report::Note("factory reset: dropping the state".to_owned()));
        let carried = Carried::of(Path::new(STATE));
        unmount(STATE, UnmountFlags::empty()).map_err(|source| Error::Unmount { node: node(), source })?;
        write_template(&partition)?;
        geometry = mount(&partition, report)?;
        if let Err(error) = carried.put(Path::new(STATE)) {
            report(Report::Note(format!("the reset forgets which releases are too old: {error}")));
        }
    }
    if let Err(error) = make_usable(node, report) {
        let _ = unmount(STATE, UnmountFlags::DETACH);
        return Err(error);
    }
    Ok((partition, geometry))
}

fn find() -> Result<Partition, Error> {
    let root = std::fs::metadata("/").map_err(Error::Root)?.dev();
    Ok(state_partition(Path::new("/sys"), (rustix::fs::major(root), rustix::fs::minor(root)))?)
}

fn mount(partition: &Partition, report: &mut dyn FnMut(Report)) -> Result<Geometry, Error> {
    let node = || partition.node.display().to_string();
    let mut content = read_head(partition).map_err(|source| Error::Read { node: node(), source })?;
    if content == Content::Blank {
        report(Report::Note(format!("{} is blank, writing the template to it", node())));
        write_template(partition)?;
        content = read_head(partition).map_err(|source| Error::Read { node: node(), source })?;
    }
    let Content::Ext4(geometry) = content else {
        return Err(Error::Unknown { node: node() });
    };
    let options = c"errors=remount-ro";
    rustix::mount::mount(&partition.node, STATE, "ext4", STATE_FLAGS, options)
        .map_err(|source| Error::Mount { node: node(), source })?;
    Ok(geometry)
}

fn write_template(partition: &Partition) -> Result<(), Error> {
    File::options()
        .write(true)
        .open(&partition.node)
        .map_err(|source| template::Error::Write { what: "it", source })
        .and_then(|file| template::write(Path::new(TEMPLATE), &file, partition.size))
        .map_err(|source| Error::Template { node: partition.node.display().to_string(), source })
}

/// What services count on: a folder for logs, and the layout of this system.
fn make_usable(node: impl Fn() -> String, report: &mut dyn FnMut(Report)) -> Result<(), Error> {
    std::fs::create_dir_all(Path::new(STATE).join("log"))
        .map_err(|source| Error::Write { node: node(), source })?;
    let found = format::Folder::open(Path::new(STATE))
        .and_then(|mut folder| format::bring_to(format::OWN, &format::steps(), &mut folder))
        .map_err(|source| Error::Format { node: node(), source })?;
    if found != format::OWN {
        let text = format!("brought the state from layout {found} to layout {}", format::OWN);
        report(Report::Note(text));
    }
    Ok(())
}

/// Says how the boot before ended. A full partition keeps the old record, which says nothing wrong of the boots since.
fn begin_record(info: &BootInfo, report: &mut dyn FnMut(Report)) {
    let state = Path::new(STATE);
    let evidence = evidence::collect(Path::new("/"), info.watchdog_restarted);
    let before = Record::load(state).unwrap_or_else(|error| {
        report(Report::Note(format!("{error}, ignoring")));
        None
    });
    let record = Record::begin(before, info.boot.clone(), evidence);
    if let Some(reason) = &record.last_end {
        report(Report::Note(format!("the boot before: {reason}")));
    }
    if let Err(error) = record.store(state) {
        report(Report::Note(format!("{error}, ignoring")));
    }
}

/// Makes the next boot drop the state: by a file, or by a mark where the partition has no room for one or is not mounted.
pub fn ask_for_reset() {
    // Without a mounted partition the folder is one in memory: the mark is written in any case, over 512 bytes that ext4 does not use.
    let asked = reset::ask(Path::new(STATE)).is_ok() && is_mounted();
    if !asked && let Ok(file) = find().map(|partition| File::options().write(true).open(partition.node)) {
        let _ = file.and_then(|file| file.write_all_at(RESET, 0).and_then(|()| file.sync_all()));
    }
}

/// Whether the partition itself, and nothing in memory, is at its place.
fn is_mounted() -> bool {
    let device = std::fs::metadata(STATE).map(|folder| folder.dev());
    let block = |dev: u64| {
        Path::new(&format!("/sys/dev/block/{}:{}", rustix::fs::major(dev), rustix::fs::minor(dev))).exists()
    };
    device.is_ok_and(block)
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
