//! weft-netd in the device's namespace, with a clock of the test's own.

use crate::lab::Namespace;
use crate::servers::LIMIT;
use std::io::{self, BufRead, BufReader};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::oneshot;
use weft_ipc::line::Line;
use weft_ipc::network::Status;
use weft_netd::Settings;
use weft_netd::config::Config;
use weft_netd::time::Rhythm;
use weft_netd::time::clock::WallClock;

/// The image of these tests was built then.
pub const BUILT: u64 = 1_790_000_000;

/// A clock that goes on from what it was last set to.
#[derive(Clone)]
pub struct Clock(Arc<Mutex<Set>>);

struct Set {
    time: Duration,
    since: Instant,
    /// What it was set to so far, in seconds.
    all: Vec<u64>,
}

impl Clock {
    pub fn at(seconds: u64) -> Self {
        let time = Duration::from_secs(seconds);
        Self(Arc::new(Mutex::new(Set { time, since: Instant::now(), all: Vec::new() })))
    }

    /// What it was set to first, in seconds.
    pub fn first_set(&self) -> Option<u64> {
        self.0.lock().unwrap().all.first().copied()
    }

    pub fn seconds(&self) -> u64 {
        self.now().as_secs()
    }
}

impl WallClock for Clock {
    fn now(&self) -> Duration {
        let set = self.0.lock().unwrap();
        set.time + set.since.elapsed()
    }

    fn step(&mut self, to: Duration) -> io::Result<()> {
        let mut set = self.0.lock().unwrap();
        (set.time, set.since) = (to, Instant::now());
        set.all.push(to.as_secs());
        Ok(())
    }

    fn slew(&mut self, offset: i64) -> io::Result<()> {
        let now = self.now();
        let by = Duration::from_micros(offset.unsigned_abs());
        self.step(if offset < 0 { now - by } else { now + by })
    }
}

pub struct Device {
    folder: TempDir,
    pub clock: Clock,
    status: Receiver<Status>,
    stop: Option<oneshot::Sender<()>>,
    ended: Receiver<()>,
}

impl Device {
    pub fn start(namespace: &Namespace, config: &str, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("built"), BUILT.to_string()).unwrap();
        let socket = path("netd.sock");
        let settings = Settings {
            config: Config::parse(Path::new("network.toml"), config).unwrap(),
            resolver: path("resolv.conf"),
            built: path("built"),
            seen: path("seen"),
            rhythm: Rhythm {
                answer: Duration::from_secs(1),
                least: Duration::from_millis(50),
                retry: Duration::from_millis(50),
                ..Rhythm::default()
            },
            socket: Some(UnixListener::bind(&socket).unwrap().into()),
        };
        let (stop, stopped) = oneshot::channel();
        let (ended_sender, ended) = channel();
        let its_clock = clock.clone();
        let serve = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let stop = async { drop(stopped.await) };
            let served = weft_netd::run(settings, its_clock, || (), stop);
            tokio::task::LocalSet::new().block_on(&runtime, served).unwrap();
            let _ = ended_sender.send(());
        };
        // A thread is born into the network of its parent.
        namespace.run(move || drop(std::thread::spawn(serve)));
        let (sender, status) = channel();
        let stream = UnixStream::connect(&socket).unwrap();
        std::thread::spawn(move || {
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                let _ = sender.send(Status::from_line(&line).unwrap());
            }
        });
        Self { folder, clock, status, stop: Some(stop), ended }
    }

    /// Waits for a status; the ones before it are passed over.
    pub fn wait(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        let mut last = None;
        loop {
            match self.status.recv_timeout(LIMIT) {
                Ok(status) if wanted(&status) => return status,
                Ok(status) => last = Some(status),
                Err(_) => panic!("it never had {what}; its last status was {last:?}"),
            }
        }
    }

    pub fn wait_address(&self, address: &str) -> Status {
        self.wait(address, |status| has(status, |one| one == address))
    }

    pub fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        self.ended.recv_timeout(LIMIT).expect("it does not end");
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if self.stop.is_some() {
            self.stop();
        }
    }
}

pub fn has(status: &Status, wanted: impl Fn(&str) -> bool) -> bool {
    status.links.iter().flat_map(|link| &link.addresses).any(|address| wanted(address))
}
