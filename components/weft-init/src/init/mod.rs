//! PID 1's one loop: it waits for something to happen, handles it, and never blocks anywhere else.

mod boot;
mod control;
mod devices;
mod health;
mod services;
mod shutdown;
mod signals;
mod state;

use crate::accounts::Accounts;
use crate::boot_info::BootInfo;
use crate::clock::{self, Timer};
use crate::device::netlink;
use crate::device::registry::Registry;
use crate::health::Trial;
use crate::journal::Journal;
use crate::log::Lines;
use crate::power::PowerKey;
use crate::reactor::{Reactor, Token};
use crate::repairs::Repairs;
use crate::supervisor::Supervisor;
use crate::watchdog::Watchdog;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// Output of one process of a service, until the last holder of the pipe is gone.
struct Output {
    service: String,
    pipe: OwnedFd,
    lines: Lines,
}

/// Everything PID 1 holds.
pub struct Init {
    reactor: Reactor,
    timer: Timer,
    signals: OwnedFd,
    journal: Journal,
    accounts: Accounts,
    supervisor: Supervisor,
    /// Of the image, but they cannot be started.
    broken_services: Vec<weft_state::health::Service>,
    /// Listening sockets of each service, in the order of its file.
    sockets: Vec<Vec<OwnedFd>>,
    outputs: BTreeMap<u32, Output>,
    /// Next number for a client, an output or a power key.
    serial: u32,
    notify: Option<OwnedFd>,
    control: Option<OwnedFd>,
    clients: BTreeMap<u32, control::Client>,
    uevents: Option<netlink::Socket>,
    registry: Registry,
    power_keys: BTreeMap<u32, PowerKey>,
    kernel_log: Option<OwnedFd>,
    repairs: Repairs,
    watchdog: Option<Watchdog>,
    info: BootInfo,
    trial: Trial,
    state_worker: Option<state::Worker>,
    /// Whether what is written to the state partition is kept; nothing until that is decided.
    state_kept: Option<bool>,
    shutdown: Option<shutdown::Shutdown>,
    console_watched: bool,
    said_ready: bool,
}

impl Init {
    /// Only the descriptors that nothing works without.
    fn new() -> Result<Self, Errno> {
        let reactor = Reactor::new()?;
        let timer = Timer::new()?;
        let signals = signals::open()?;
        reactor.watch(&timer, Token::Timer, false)?;
        reactor.watch(&signals, Token::Signals, false)?;
        Ok(Self {
            reactor,
            timer,
            signals,
            journal: Journal::default(),
            accounts: Accounts::default(),
            supervisor: Supervisor::new(Vec::new()),
            broken_services: Vec::new(),
            sockets: Vec::new(),
            outputs: BTreeMap::new(),
            serial: 0,
            notify: None,
            control: None,
            clients: BTreeMap::new(),
            uevents: None,
            registry: Registry::default(),
            power_keys: BTreeMap::new(),
            kernel_log: None,
            repairs: Repairs::default(),
            watchdog: None,
            // Nothing is mounted yet that could be read.
            info: BootInfo::read(Path::new("/nowhere")),
            trial: Trial::none(),
            state_worker: None,
            state_kept: None,
            shutdown: None,
            console_watched: false,
            said_ready: false,
        })
    }

    fn serve(&mut self) -> ! {
        loop {
            self.arm_timer();
            self.watch_console();
            for token in self.reactor.wait() {
                self.dispatch(token, clock::now());
            }
            let now = clock::now();
            self.feed_watchdog(now);
            let actions = self.supervisor.tick(now);
            self.perform(actions, now);
            self.tick_state(now);
            self.tick_trial(now);
            self.tick_shutdown(now);
        }
    }

    fn dispatch(&mut self, token: Token, now: Duration) {
        match token {
            Token::Timer => self.timer.clear(),
            Token::Signals => self.on_signals(now),
            Token::Notify => self.on_notification(now),
            Token::Output(serial) => self.on_output(serial, now),
            Token::Control => self.on_connection(),
            Token::Client(serial) => self.on_request(serial, now),
            Token::Uevents => self.on_uevents(now),
            Token::PowerKey(serial) => self.on_power_key(serial, now),
            Token::KernelLog => self.on_kernel_log(now),
            Token::StateWorker => self.on_state_report(now),
            Token::Console => self.journal.console.flush(),
        }
    }

    fn arm_timer(&self) {
        let deadlines = [
            self.supervisor.next_deadline(),
            self.trial.deadline().filter(|_| self.shutdown.is_none()),
            self.watchdog.as_ref().filter(|_| !self.restarting()).map(Watchdog::due),
            self.state_worker.as_ref().and_then(state::Worker::deadline),
            self.shutdown.as_ref().map(shutdown::Shutdown::deadline),
        ];
        if let Some(next) = deadlines.into_iter().flatten().min() {
            self.timer.set(next);
        }
    }

    /// Waits for room on the console only while something is to be written.
    fn watch_console(&mut self) {
        let waiting = self.journal.console.is_waiting();
        let Some(fd) = self.journal.console.fd().filter(|_| waiting != self.console_watched) else {
            return;
        };
        if waiting {
            let _ = self.reactor.watch(fd, Token::Console, true);
        } else {
            self.reactor.forget(fd);
        }
        self.console_watched = waiting;
    }

    fn next_serial(&mut self) -> u32 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    fn say(&mut self, text: &str) {
        self.journal.say(clock::now(), text);
    }

    fn complain(&mut self, text: &str) {
        self.journal.complain(clock::now(), text);
    }
}

/// Runs the device. Returns only when not even the event loop can be made, or when this is not PID 1.
pub fn run() -> Result<std::convert::Infallible, Error> {
    if std::process::id() != 1 {
        return Err(Error::NotFirst);
    }
    let mut init = Init::new().map_err(Error::EventLoop)?;
    init.boot();
    init.serve()
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("weft-init runs as PID 1 only: boot an image with it")]
    NotFirst,
    #[error("cannot make the event loop: {0}")]
    EventLoop(Errno),
}
