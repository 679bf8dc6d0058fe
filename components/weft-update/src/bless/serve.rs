//! The service `weft-update bless`: the trial of this boot, and the board for as long as the system runs.

use super::board::Board;
use super::keep::{self, Keep};
use super::sources::{Sockets, Sources};
use super::{Ending, watch};
use crate::device::{FileDevice, partitions};
use crate::esp::{BootEntries, Esp};
use crate::records;
use crate::state::{self, Folder, STATUS};
use anyhow::Context;
use rustix::fs::inotify;
use std::mem::MaybeUninit;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weft_state::boot::Record;
use weft_state::health::Report;

/// The socket's name in the service file.
const SOCKET_NAME: &str = "update";
const ESP: &str = "esp";
/// Between two looks at what PID 1 noticed, once nothing is to be decided: storage rots without telling anybody.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Never returns where it could begin.
pub fn serve(folder: &Path) -> anyhow::Result<()> {
    let board = Board::default();
    let device = Device { folder: folder.to_owned() };
    refresh(&board, folder);
    board.change(|parts| parts.entries = device.entry_names());
    if let Some(fd) = weft_service::listen_fd(SOCKET_NAME) {
        board.serve(UnixListener::from(fd)).context("cannot serve the status")?;
    }
    follow_records(&board, folder).context("cannot watch for changes of the records")?;
    if let Err(error) = weft_service::notify("READY=1") {
        tracing::warn!("{error}, ignoring");
    }
    decide(&board, device);
    let mut sockets = Sockets::default();
    loop {
        std::thread::sleep(LOOK_EVERY);
        if let Ok(report) = sockets.init() {
            board.set_report(&report);
        }
    }
}

fn decide(board: &Board, mut device: Device) {
    let mut sockets = Sockets::default();
    let ending = watch(&mut sockets, &mut device, board, |pause| {
        std::thread::sleep(pause);
        since_start()
    });
    match &ending {
        Ending::Settled | Ending::Kept => {}
        Ending::GivenUp(why) => tracing::error!("this release is given up: {why}"),
        Ending::LeftRunning(why) => tracing::error!("this release does not work: {why}"),
    }
    board.change(|parts| parts.entries = device.entry_names());
    if let Ok(report) = sockets.init() {
        board.set_report(&report);
    }
}

fn since_start() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    Duration::from_secs(time.tv_sec.unsigned_abs())
}

/// Reads what is told beside PID 1's report; a record that cannot be read is told as none.
fn refresh(board: &Board, folder: &Path) {
    let update = state::load(&Folder::new(folder), STATUS).unwrap_or_else(|error| {
        tracing::warn!("{error}, ignoring");
        None
    });
    let state = folder.parent().unwrap_or(folder);
    let record = Record::load(state).unwrap_or_else(|error| {
        tracing::warn!("{error}, ignoring");
        None
    });
    board.change(|parts| {
        parts.update = update.unwrap_or_default();
        parts.record = record;
    });
}

/// Every record is put in place by a rename: a thread waits for these.
fn follow_records(board: &Board, folder: &Path) -> anyhow::Result<()> {
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watch, folder, inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::DELETE)?;
    let (board, folder) = (board.clone(), folder.to_owned());
    let follow = move || {
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(watch, &mut buffer);
        while events.next().is_ok() {
            refresh(&board, &folder);
        }
        tracing::error!("changes of {} are not seen any more", folder.display());
    };
    std::thread::Builder::new().name("records".to_owned()).spawn(follow)?;
    Ok(())
}

/// The boot loader's partition and the records of this device.
#[derive(Debug)]
struct Device {
    folder: PathBuf,
}

impl Device {
    fn esp(&self) -> anyhow::Result<Esp<FileDevice>> {
        let nodes = partitions::of_root(Path::new("/sys"), Path::new("/"))?;
        let node = nodes.get(ESP).context("the disk has no partition with the label \"esp\"")?;
        let device =
            FileDevice::open(node, true).with_context(|| format!("cannot open {}", node.display()))?;
        Ok(Esp::open(device)?)
    }

    /// None where the partition cannot be read.
    fn entry_names(&self) -> Vec<String> {
        let names = self.esp().and_then(|esp| Ok(esp.names()?));
        names.unwrap_or_else(|error| {
            tracing::warn!("{error:#}, ignoring");
            Vec::new()
        })
    }

    /// The record comes second, and at every good boot: a power cut in between leaves it to the next one.
    fn refill(&self, report: &Report) -> anyhow::Result<()> {
        let records = Folder::new(&self.folder);
        let _lock = records.wait()?;
        let Some(entry) = keep::keep(&mut self.esp()?, report)? else { return Ok(()) };
        tracing::info!("version {} is kept", entry.version);
        records::blessed(&records, entry.slot, &entry.version)
            .context("the entry is kept, but the epoch is not raised")
    }
}

impl Keep for Device {
    fn keep(&mut self, report: &Report) -> Result<(), String> {
        self.refill(report).map_err(|error| format!("{error:#}"))
    }

    fn has_fallback(&mut self, report: &Report) -> bool {
        keep::has_good(&self.entry_names(), &report.boot.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};
    use std::os::unix::net::UnixStream;
    use weft_ipc::line::Line;
    use weft_ipc::update::Status;

    #[test]
    fn a_record_that_changes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().join("update");
        std::fs::create_dir(&records).unwrap();
        let board = Board::default();
        board.set_report(&super::super::tests::report("a", false));
        refresh(&board, &records);
        let socket = folder.path().join("update.sock");
        board.serve(UnixListener::bind(&socket).unwrap()).unwrap();
        follow_records(&board, &records).unwrap();
        let mut client = BufReader::new(UnixStream::connect(&socket).unwrap());
        let mut next = || {
            let mut line = String::new();
            client.read_line(&mut line).unwrap();
            Status::from_line(&line).unwrap()
        };
        assert_eq!(next().error, None);
        let status = state::Status { error: Some("the disk is full".into()), ..state::Status::default() };
        state::save(&Folder::new(&records), STATUS, &status).unwrap();
        assert_eq!(next().error.as_deref(), Some("the disk is full"));
    }
}
