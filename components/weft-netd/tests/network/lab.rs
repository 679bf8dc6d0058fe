//! Two network namespaces joined by a cable: `eth0` here is the device's, `srv0` there the network's. Nothing leaves them.
//!
//! A namespace lives as long as a thread that is in it; sockets stay in the one that they were made in.

use std::process::Command;
use std::sync::mpsc;
use std::thread::JoinHandle;

type Job = Box<dyn FnOnce() + Send>;

/// A thread with a network of its own.
pub struct Namespace {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    /// The thread's number, by which ip(8) finds the namespace.
    pub id: i32,
}

impl Namespace {
    fn new() -> Result<Self, String> {
        let (jobs, waiting) = mpsc::channel::<Job>();
        let (ready, made) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            // SAFETY: only this thread's view of the network changes.
            #[allow(unsafe_code)]
            let outcome = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) };
            ready.send(outcome.map(|()| rustix::thread::gettid().as_raw_pid())).unwrap();
            waiting.iter().for_each(|job| job());
        });
        let id =
            made.recv().unwrap().map_err(|error| format!("no network namespace can be made: {error}"))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread), id })
    }

    /// Runs in the namespace.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = mpsc::channel();
        self.jobs.as_ref().unwrap().send(Box::new(move || sender.send(job()).unwrap())).unwrap();
        receiver.recv().unwrap()
    }

    /// Runs ip(8) in the namespace; returns what it prints.
    pub fn ip(&self, arguments: &str) -> String {
        let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        self.run(move || {
            let output = Command::new("ip").args(&words).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "ip {}: {errors}", words.join(" "));
            String::from_utf8(output.stdout).unwrap()
        })
    }

    fn set(&self, path: &'static str, value: &'static str) {
        self.run(move || std::fs::write(format!("/proc/sys/net/{path}"), value).unwrap());
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.jobs = None;
        let _ = self.thread.take().unwrap().join();
    }
}

/// Both ends of the cable.
pub struct Lab {
    pub device: Namespace,
    pub network: Namespace,
}

impl Lab {
    /// `Err` says why this machine cannot have one.
    pub fn new() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("this is not root, who alone may make network namespaces".into());
        }
        Command::new("ip")
            .arg("-V")
            .output()
            .map_err(|error| format!("ip(8) of iproute2 is needed: {error}"))?;
        let lab = Self { device: Namespace::new()?, network: Namespace::new()? };
        lab.device.set("ipv4/conf/all/rp_filter", "0");
        lab.device.set("ipv4/conf/default/rp_filter", "0");
        for namespace in [&lab.device, &lab.network] {
            // Addresses are ready at once.
            namespace.set("ipv6/conf/default/accept_dad", "0");
        }
        lab.network.set("ipv6/conf/default/router_solicitations", "0");
        lab.plug();
        Ok(lab)
    }

    /// Puts the card in, with a cable to the network.
    pub fn plug(&self) {
        let id = self.device.id;
        self.network.ip("link add srv0 type veth peer name eth0");
        self.network.ip(&format!("link set eth0 netns {id}"));
        self.network.ip("addr add 10.77.0.1/24 dev srv0");
        self.network.ip("link set srv0 up");
    }
}

/// A lab, or `None` with the reason said.
pub fn lab(test: &str) -> Option<Lab> {
    match Lab::new() {
        Ok(lab) => Some(lab),
        Err(why) => {
            println!("{test}: skipped, {why}");
            None
        }
    }
}
