//! Supervision of services as a pure state machine: events and the time go in, actions come out.
//!
//! Nothing here touches the system, so that every path, however rare on a device, is tested by plain calls.

use crate::backoff;
use crate::notification::Notification;
use crate::service_file::{Readiness, RestartPolicy, Service};
use std::time::Duration;

/// Time since boot.
pub type Now = Duration;

/// Position of a service in the list that the supervisor was made from.
pub type Unit = usize;

/// How a service may take its time to end after SIGTERM before its cgroup is killed.
pub const STOP_LIMIT: Duration = Duration::from_millis(1500);

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
    /// Ended for good.
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

    /// The state partition, or what stands in for it, is mounted.
    pub fn state_mounted(&mut self, now: Now) -> Vec<Action> {
        self.state_mounted = true;
        self.tick(now)
    }

    /// A `Start` was carried out.
    pub fn started(&mut self, unit: Unit, pid: u32, now: Now) -> Vec<Action> {
        let shutting_down = self.shutting_down();
        let Some(entry) = self.entries.get_mut(unit) else {
            return Vec::new();
        };
        entry.pid = Some(pid);
        if shutting_down || entry.service.readiness == Readiness::Notify {
            return Vec::new();
        }
        self.become_ready(unit, now)
    }

    /// A `Start` could not be carried out.
    pub fn start_failed(&mut self, unit: Unit, why: &str, now: Now) -> Vec<Action> {
        let Some(entry) = self.entries.get_mut(unit) else {
            return Vec::new();
        };
        entry.pid = None;
        let name = entry.service.name.clone();
        self.ended(unit, format!("{name} cannot be started: {why}"), true, now)
    }

    /// The main process of a service was reaped. `None` where the process belongs to no service.
    pub fn exited(&mut self, pid: u32, end: End, now: Now) -> Option<Vec<Action>> {
        let unit = self.find_pid(pid)?;
        let entry = self.entries.get_mut(unit)?;
        entry.pid = None;
        let text = format!("{} {}", entry.service.name, describe(end));
        let mut actions = vec![Action::Kill(unit)];
        actions.extend(self.ended(unit, text, end != End::Status(0), now));
        Some(actions)
    }

    fn ended(&mut self, unit: Unit, text: String, failed: bool, now: Now) -> Vec<Action> {
        let shutting_down = self.shutting_down();
        let Some(entry) = self.entries.get_mut(unit) else {
            return Vec::new();
        };
        entry.alive_until = None;
        let mut actions = Vec::new();
        let asked_to_stop = matches!(entry.state, State::Stopping { .. });
        let again = match entry.service.restart {
            RestartPolicy::Always => true,
            RestartPolicy::OnFailure => failed,
            RestartPolicy::Never => false,
        };
        if shutting_down {
            entry.state = State::Stopped;
            // The rest of the shutdown follows from the tick below.
        } else if entry.restart_wanted {
            entry.restart_wanted = false;
            entry.failures = 0;
            entry.restarts = entry.restarts.saturating_add(1);
            entry.state = State::Backoff { until: now };
        } else if again {
            entry.failures = backoff::count(entry.failures, now.saturating_sub(entry.started_at));
            entry.restarts = entry.restarts.saturating_add(1);
            let delay = backoff::delay(entry.failures);
            entry.state = State::Backoff { until: now + delay };
            let line = format!("{text}, restarting in {:.1} s", delay.as_secs_f32());
            actions.push(if failed { Action::Complain(line) } else { Action::Say(line) });
        } else {
            entry.state = State::Stopped;
            let line = if asked_to_stop { format!("{} stopped", entry.service.name) } else { text };
            actions.push(if failed && !asked_to_stop { Action::Complain(line) } else { Action::Say(line) });
        }
        actions.extend(self.tick(now));
        actions
    }

    /// A datagram came in whose sender is this service.
    pub fn notified(&mut self, unit: Unit, message: &Notification, now: Now) -> Vec<Action> {
        let Some(entry) = self.entries.get_mut(unit) else {
            return Vec::new();
        };
        let mut actions = Vec::new();
        if let (true, Some(limit)) = (message.alive, entry.service.watchdog)
            && entry.alive_until.is_some()
        {
            entry.alive_until = Some(now + limit);
        }
        if let Some(status) = &message.status {
            actions.push(Action::Say(format!("{}: {status}", entry.service.name)));
        }
        if message.ready && entry.state == State::Starting {
            actions.extend(self.become_ready(unit, now));
        }
        actions
    }

    fn become_ready(&mut self, unit: Unit, now: Now) -> Vec<Action> {
        let Some(entry) = self.entries.get_mut(unit) else {
            return Vec::new();
        };
        entry.state = State::Ready;
        entry.been_ready = true;
        entry.alive_until = entry.service.watchdog.map(|limit| now + limit);
        let mut actions = vec![Action::Say(format!("{} ready", entry.service.name))];
        actions.extend(self.tick(now));
        actions
    }

    /// Stops a service and starts it again at once.
    pub fn restart(&mut self, unit: Unit, now: Now) -> Vec<Action> {
        if self.shutting_down() {
            return Vec::new();
        }
        let Some(entry) = self.entries.get_mut(unit) else {
            return Vec::new();
        };
        match entry.state {
            State::Waiting => Vec::new(),
            State::Starting | State::Ready => {
                entry.restart_wanted = true;
                entry.state = State::Stopping { kill_at: now + STOP_LIMIT };
                vec![Action::Terminate(unit)]
            }
            State::Stopping { .. } => {
                entry.restart_wanted = true;
                Vec::new()
            }
            State::Backoff { .. } | State::Stopped => {
                entry.failures = 0;
                entry.state = State::Backoff { until: now };
                self.tick(now)
            }
        }
    }

    /// Stops everything, those that others come after last; nothing of it runs at `deadline` any more.
    pub fn shut_down(&mut self, deadline: Now, now: Now) -> Vec<Action> {
        if self.shutting_down() {
            return Vec::new();
        }
        self.shutdown = Some(deadline);
        for entry in &mut self.entries {
            if entry.pid.is_none() {
                entry.state = State::Stopped;
            }
        }
        self.tick(now)
    }

    /// The next time at which `tick` has something to do.
    pub fn next_deadline(&self) -> Option<Now> {
        let of_entry = |entry: &Entry| match entry.state {
            State::Waiting | State::Stopped => None,
            State::Starting => Some(entry.started_at + entry.service.start_timeout),
            State::Ready => entry.alive_until,
            State::Stopping { kill_at } => Some(kill_at),
            State::Backoff { until } => Some(until),
        };
        let alive = self.entries.iter().any(|entry| entry.pid.is_some());
        let deadline = self.shutdown.filter(|_| alive);
        self.entries.iter().filter_map(of_entry).chain(deadline).min()
    }

    /// Does what the time asks for.
    pub fn tick(&mut self, now: Now) -> Vec<Action> {
        if let Some(deadline) = self.shutdown {
            return self.tick_shutdown(deadline, now);
        }
        let mut actions = Vec::new();
        for unit in 0..self.entries.len() {
            let free = self.is_free(unit);
            let Some(entry) = self.entries.get_mut(unit) else {
                continue;
            };
            let name = &entry.service.name;
            match entry.state {
                State::Waiting if free => {
                    entry.state = State::Starting;
                    entry.started_at = now;
                    actions.push(Action::Start(unit));
                }
                State::Backoff { until } if until <= now => {
                    entry.state = State::Starting;
                    entry.started_at = now;
                    actions.push(Action::Start(unit));
                }
                State::Starting if entry.started_at + entry.service.start_timeout <= now => {
                    let limit = entry.service.start_timeout.as_secs();
                    actions.push(Action::Complain(format!("{name} did not become ready within {limit} s, killing it")));
                    actions.push(Action::Kill(unit));
                    entry.state = State::Stopping { kill_at: now + STOP_LIMIT };
                }
                State::Ready if entry.alive_until.is_some_and(|until| until <= now) => {
                    let limit = entry.service.watchdog.unwrap_or_default().as_secs();
                    actions.push(Action::Complain(format!("{name} gave no sign of life for {limit} s, killing it")));
                    actions.push(Action::Kill(unit));
                    entry.state = State::Stopping { kill_at: now + STOP_LIMIT };
                }
                State::Stopping { kill_at } if kill_at <= now => {
                    actions.push(Action::Kill(unit));
                    entry.state = State::Stopping { kill_at: now + STOP_LIMIT };
                }
                _ => {}
            }
        }
        actions
    }

    fn tick_shutdown(&mut self, deadline: Now, now: Now) -> Vec<Action> {
        let mut actions = Vec::new();
        for unit in 0..self.entries.len() {
            // Those that came after this one, and still run, go first.
            let needed = self.entries.iter().any(|other| other.pid.is_some() && other.after.contains(&unit));
            let Some(entry) = self.entries.get_mut(unit) else {
                continue;
            };
            if entry.pid.is_none() {
                continue;
            }
            match entry.state {
                State::Stopping { kill_at } if kill_at.min(deadline) <= now => {
                    actions.push(Action::Kill(unit));
                    entry.state = State::Stopping { kill_at: now + STOP_LIMIT };
                }
                State::Stopping { .. } => {}
                _ if deadline <= now => actions.push(Action::Kill(unit)),
                _ if !needed => {
                    entry.state = State::Stopping { kill_at: (now + STOP_LIMIT).min(deadline) };
                    actions.push(Action::Terminate(unit));
                }
                _ => {}
            }
        }
        if deadline <= now {
            self.shutdown = Some(now + STOP_LIMIT);
        }
        if self.entries.iter().all(|entry| entry.pid.is_none()) {
            actions.push(Action::AllStopped);
        }
        actions
    }

    fn is_free(&self, unit: Unit) -> bool {
        let ready = |after: &Unit| self.entries.get(*after).is_some_and(|other| other.been_ready);
        self.entries.get(unit).is_some_and(|entry| {
            entry.after.iter().all(ready) && (self.state_mounted || entry.service.state_directory.is_none())
        })
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Waiting => "waiting",
        State::Starting => "starting",
        State::Ready => "ready",
        State::Stopping { .. } => "stopping",
        State::Backoff { .. } => "restarting",
        State::Stopped => "stopped",
    }
}

fn describe(end: End) -> String {
    match end {
        End::Status(status) => match crate::spawn::failure(status) {
            Some(step) => format!("did not start: {step}"),
            None => format!("exited with status {status}"),
        },
        End::Signal(signal) => format!("was ended by signal {signal}"),
    }
}

#[cfg(test)]
mod tests;
