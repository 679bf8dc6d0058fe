//! What happens to services.

use super::{Action, End, Now, STOP_LIMIT, State, Supervisor, Unit};
use crate::backoff;
use crate::notification::Notification;
use crate::service_file::{Readiness, RestartPolicy, Service};

impl Supervisor {
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
        let text = format!("{} {}", entry.service.name, describe(end, &entry.service));
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
            // A moment for what was killed to be gone.
            entry.state = State::Backoff { until: now + backoff::delay(1) };
        } else if again {
            entry.failures = backoff::count(entry.failures, now.saturating_sub(entry.started_at));
            entry.restarts = entry.restarts.saturating_add(1);
            let delay = backoff::delay(entry.failures);
            entry.state = State::Backoff { until: now + delay };
            let line = format!("{text}, restarting in {:.1} s", delay.as_secs_f32());
            actions.push(if failed { Action::Complain(line) } else { Action::Say(line) });
        } else {
            entry.state = if failed || asked_to_stop { State::Stopped } else { State::Finished };
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
                vec![
                    Action::Say(format!("{} restarts on request", entry.service.name)),
                    Action::Terminate(unit),
                ]
            }
            State::Stopping { .. } => {
                entry.restart_wanted = true;
                Vec::new()
            }
            State::Backoff { .. } | State::Finished | State::Stopped => {
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
}

fn describe(end: End, service: &Service) -> String {
    match end {
        End::Status(status) => match crate::spawn::failure(status) {
            Some(step) => format!("did not start: {step} ({})", service.exec.join(" ")),
            None => format!("exited with status {status}"),
        },
        End::Signal(signal) => format!("was ended by signal {signal}"),
    }
}
