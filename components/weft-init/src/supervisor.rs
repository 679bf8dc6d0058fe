//! Supervision of services as a pure state machine: events and the time go in, actions come out.
//!
//! Nothing here touches the system, so that every path, however rare on a device, is tested by plain calls.

use crate::service_file::Service;
use std::time::Duration;

mod events;
mod tick;

/// Time since boot.
pub type Now = Duration;

/// Position of a service in the list that the supervisor was made from.
pub type Unit = usize;

/// How a service may take its time to end after SIGTERM before its cgroup is killed.
pub const STOP_LIMIT: Duration = Duration::from_millis(1500);

/// Late services wait for the others no longer than this.
pub const LATE_LIMIT: Now = Duration::from_secs(30);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not started yet: one that it comes after is not ready, or the state partition is missing.
    Waiting,
    Starting,
    Ready,
    /// Asked to end; killed at that time.
    Stopping {
        kill_at: Now,
    },
    /// Ended; started again at that time.
    Backoff {
        until: Now,
    },
    /// Ended without a failure, and its policy does not start it again.
    Finished,
    /// Ended for good otherwise.
    Stopped,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Status(i32),
    Signal(i32),
}

/// What the machine asks its surroundings to do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Start(Unit),
    /// SIGTERM to the main process.
    Terminate(Unit),
    /// SIGKILL to everything in the service's cgroup.
    Kill(Unit),
    /// A line for the console.
    Say(String),
    /// A line for the console that marks an error.
    Complain(String),
    /// The shutdown is through: nothing runs any more.
    AllStopped,
}

#[derive(Debug, Clone)]
struct Entry {
    service: Service,
    after: Vec<Unit>,
    state: State,
    pid: Option<u32>,
    restarts: u32,
    failures: u32,
    started_at: Now,
    /// Latest time for the next sign of life.
    alive_until: Option<Now>,
    been_ready: bool,
    /// Asked for by a person: start again at once, whatever the policy.
    restart_wanted: bool,
}

/// All services of the device.
#[derive(Debug, Clone)]
pub struct Supervisor {
    entries: Vec<Entry>,
    state_mounted: bool,
    /// Once shutting down, the latest time for everything to be gone.
    shutdown: Option<Now>,
}

impl Supervisor {
    /// Takes services in start order, as `order::resolve` returns them.
    pub fn new(services: Vec<Service>) -> Self {
        let names: Vec<String> = services.iter().map(|service| service.name.clone()).collect();
        let position = |name: &String| names.iter().position(|other| other == name);
        let entries = services
            .into_iter()
            .map(|service| Entry {
                after: service.after.iter().filter_map(position).collect(),
                service,
                state: State::Waiting,
                pid: None,
                restarts: 0,
                failures: 0,
                started_at: Now::ZERO,
                alive_until: None,
                been_ready: false,
                restart_wanted: false,
            })
            .collect();
        Self { entries, state_mounted: false, shutdown: None }
    }

    pub fn service(&self, unit: Unit) -> Option<&Service> {
        self.entries.get(unit).map(|entry| &entry.service)
    }

    pub fn pid(&self, unit: Unit) -> Option<u32> {
        self.entries.get(unit)?.pid
    }

    pub fn state(&self, unit: Unit) -> Option<State> {
        self.entries.get(unit).map(|entry| entry.state)
    }

    pub fn find(&self, name: &str) -> Option<Unit> {
        self.entries.iter().position(|entry| entry.service.name == name)
    }

    pub fn find_pid(&self, pid: u32) -> Option<Unit> {
        self.entries.iter().position(|entry| entry.pid == Some(pid))
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn shutting_down(&self) -> bool {
        self.shutdown.is_some()
    }

    /// One line for each service: name, state, pid, restarts.
    pub fn status(&self) -> Vec<String> {
        let line = |entry: &Entry| {
            let pid = entry.pid.map_or("-".to_owned(), |pid| pid.to_string());
            format!("{} {} {pid} {}", entry.service.name, state_name(entry.state), entry.restarts)
        };
        self.entries.iter().map(line).collect()
    }

    /// The same for whoever decides about a release on trial.
    pub fn health(&self) -> Vec<weft_state::health::Service> {
        let service = |entry: &Entry| weft_state::health::Service {
            name: entry.service.name.clone(),
            state: state_name(entry.state).to_owned(),
            restarts: entry.restarts,
            required: entry.service.required,
        };
        self.entries.iter().map(service).collect()
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Starting => "starting",
        State::Ready => "ready",
        State::Stopping { .. } => "stopping",
        State::Backoff { .. } => "restarting",
        State::Finished => "finished",
        State::Stopped => "stopped",
    }
}

#[cfg(test)]
mod tests;
