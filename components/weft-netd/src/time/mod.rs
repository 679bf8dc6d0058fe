//! The clock: set to what is possible at the start, then to what time servers say.

pub mod clock;
pub mod floor;
pub mod judge;
pub mod sntp;

use clock::WallClock;
use floor::Floor;
use judge::{Verdict, confirmed, judge};
use sntp::Sample;
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use weft_ipc::network::Clock;

/// Who can be asked, names or addresses, and whether that can be of use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    pub online: bool,
    pub servers: Vec<String>,
}

/// How often what is done.
#[derive(Debug, Clone, Copy)]
pub struct Rhythm {
    /// For one answer, and for the address of a name.
    pub answer: Duration,
    /// Between two rounds at least, whatever changes.
    pub least: Duration,
    /// After a round without use; doubles up to `poll`.
    pub retry: Duration,
    /// After a good round.
    pub poll: Duration,
    /// Between two writings of the time to the state partition.
    pub keep: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            answer: seconds(4),
            least: seconds(15),
            retry: seconds(15),
            poll: seconds(1024),
            keep: seconds(1800),
        }
    }
}

/// Looks after the clock.
pub struct Keeper<C> {
    clock: C,
    floor: Floor,
    rhythm: Rhythm,
    random: Box<dyn FnMut() -> u64 + Send>,
    told: watch::Sender<Clock>,
    state: Clock,
    /// Servers that do not want to be asked.
    unwanted: BTreeSet<String>,
    kept: Option<Instant>,
}

impl<C: WallClock> Keeper<C> {
    /// Puts an impossible clock right at once.
    pub fn new(
        clock: C,
        floor: Floor,
        rhythm: Rhythm,
        random: Box<dyn FnMut() -> u64 + Send>,
        told: watch::Sender<Clock>,
    ) -> Self {
        let unwanted = BTreeSet::new();
        let mut keeper =
            Self { clock, floor, rhythm, random, told, state: Clock::Hardware, unwanted, kept: None };
        let now = keeper.clock.now();
        if !keeper.floor.allows(now) {
            let earliest = keeper.floor.earliest();
            keeper.state = Clock::Unset;
            match keeper.clock.step(earliest) {
                Ok(()) => tracing::info!(
                    "the clock cannot be right: it said {} s since 1970, and goes on from {} s, the last time that is known",
                    now.as_secs(),
                    earliest.as_secs()
                ),
                Err(error) => tracing::error!("the clock cannot be right, and it cannot be set: {error}"),
            }
        }
        keeper.told.send_replace(keeper.state);
        keeper
    }

    /// Keeps the clock right until `sources` has no sender any more.
    pub async fn run(mut self, mut sources: watch::Receiver<Sources>) {
        let mut due: Option<Instant> = None;
        let mut last = None;
        let mut retry = self.rhythm.retry;
        loop {
            let now_sources = sources.borrow_and_update().clone();
            let useful = now_sources.online && !now_sources.servers.is_empty();
            let at = useful.then(|| due.unwrap_or_else(Instant::now));
            tokio::select! {
                () = wait(at) => {
                    last = Some(Instant::now());
                    let good = self.round(&now_sources.servers).await;
                    retry = if good { self.rhythm.retry } else { (retry * 2).min(self.rhythm.poll) };
                    due = Some(Instant::now() + if good { self.rhythm.poll } else { retry / 2 });
                }
                () = wait(self.next_keep()) => self.keep(),
                changed = sources.changed() => match changed {
                    Ok(()) => {
                        // Another network: ask at once, but not at every flutter of a cable.
                        retry = self.rhythm.retry;
                        due = last.map(|last| last + self.rhythm.least);
                    }
                    Err(_) => {
                        self.keep();
                        return;
                    }
                },
            }
        }
    }

    fn next_keep(&self) -> Option<Instant> {
        (self.state != Clock::Hardware)
            .then(|| self.kept.map_or_else(Instant::now, |kept| kept + self.rhythm.keep))
    }

    /// A hardware clock that nobody confirmed is not made the floor: it may be years ahead.
    fn keep(&mut self) {
        if self.state != Clock::Hardware {
            self.kept = Some(Instant::now());
            self.floor.keep(self.clock.now());
        }
    }

    /// Asks all servers, and once more where one answer is not enough. Returns whether the clock is right now.
    async fn round(&mut self, servers: &[String]) -> bool {
        let mut samples = self.ask_all(servers).await;
        if samples.is_empty() {
            return false;
        }
        let mut verdict = judge(self.clock.now(), &samples, &self.floor);
        if verdict == Verdict::Confirm {
            samples = confirmed(servers.len(), samples, self.ask_all(servers).await);
            verdict = judge(self.clock.now(), &samples, &self.floor);
        }
        let outcome = match verdict {
            Verdict::Slew(offset) => self.clock.slew(offset).map(|()| offset),
            Verdict::Step { offset, to } => self.clock.step(to).map(|()| offset),
            Verdict::Confirm => {
                tracing::warn!(
                    "one time server alone wants to set the clock by more than 15 minutes, ignoring"
                );
                return false;
            }
            Verdict::Refuse(why) => {
                tracing::warn!("the clock is not set: {why}, ignoring");
                return false;
            }
        };
        match outcome {
            Ok(offset) => {
                self.is_right(offset);
                true
            }
            Err(error) => {
                tracing::error!("the clock cannot be set: {error}");
                false
            }
        }
    }

    fn is_right(&mut self, offset: i64) {
        let seconds = offset as f64 / 1e6;
        match (self.state, offset.abs() < 500_000) {
            (Clock::Network, true) => tracing::debug!("the clock was {seconds:.6} s behind"),
            _ => tracing::info!("the clock was {seconds:.3} s behind the time servers and is right now"),
        }
        let first = self.state != Clock::Network;
        self.state = Clock::Network;
        self.told.send_replace(self.state);
        if first {
            self.keep();
        }
    }

    async fn ask_all(&mut self, servers: &[String]) -> Vec<Sample> {
        let mut samples = Vec::new();
        let wanted: Vec<String> =
            servers.iter().filter(|server| !self.unwanted.contains(*server)).cloned().collect();
        for server in wanted {
            let Some(address) = address_of(&server, self.rhythm.answer).await else {
                tracing::debug!("time server {server}: its address is not known");
                continue;
            };
            match sntp::ask(address, &self.clock, (self.random)(), self.rhythm.answer).await {
                Ok(sample) => samples.push(sample),
                Err(error) => {
                    tracing::info!("time server {server}: {error}");
                    if error.is_final() {
                        self.unwanted.insert(server);
                    }
                }
            }
        }
        // A network can name any number of servers in the course of time.
        if self.unwanted.len() > 64 {
            self.unwanted.clear();
        }
        samples
    }
}

async fn address_of(server: &str, limit: Duration) -> Option<SocketAddr> {
    if let Ok(address) = server.parse::<IpAddr>() {
        return Some((address, sntp::PORT).into());
    }
    timeout(limit, tokio::net::lookup_host((server, sntp::PORT))).await.ok()?.ok()?.next()
}

async fn wait(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
