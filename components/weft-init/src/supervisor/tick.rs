//! What the passing of time asks for.

use super::{Action, Entry, LATE_LIMIT, Now, STOP_LIMIT, State, Supervisor, Unit};

impl Supervisor {
    /// The next time at which `tick` has something to do.
    pub fn next_deadline(&self) -> Option<Now> {
        let of_entry = |entry: &Entry| match entry.state {
            State::Waiting | State::Finished | State::Stopped => None,
            State::Starting => Some(entry.started_at + entry.service.start_timeout),
            State::Ready => entry.alive_until,
            State::Stopping { kill_at } => Some(kill_at),
            State::Backoff { until } => Some(until),
        };
        let alive = self.entries.iter().any(|entry| entry.pid.is_some());
        let deadline = self.shutdown.filter(|_| alive);
        // Late ones that wait for nothing else.
        let late =
            (0..self.entries.len()).any(|unit| self.is_waiting(unit) && self.is_free(unit, LATE_LIMIT));
        let late = (late && self.shutdown.is_none()).then_some(LATE_LIMIT);
        self.entries.iter().filter_map(of_entry).chain(deadline).chain(late).min()
    }

    /// Does what the time asks for.
    pub fn tick(&mut self, now: Now) -> Vec<Action> {
        if let Some(deadline) = self.shutdown {
            return self.tick_shutdown(deadline, now);
        }
        let mut actions = Vec::new();
        for unit in 0..self.entries.len() {
            let free = self.is_free(unit, now);
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
                    actions.push(Action::Complain(format!(
                        "{name} did not become ready within {limit} s, killing it"
                    )));
                    actions.push(Action::Kill(unit));
                    entry.state = State::Stopping { kill_at: now + STOP_LIMIT };
                }
                State::Ready if entry.alive_until.is_some_and(|until| until <= now) => {
                    let limit = entry.service.watchdog.unwrap_or_default().as_secs();
                    actions.push(Action::Complain(format!(
                        "{name} gave no sign of life for {limit} s, killing it"
                    )));
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

    fn is_waiting(&self, unit: Unit) -> bool {
        self.entries.get(unit).is_some_and(|entry| entry.state == State::Waiting)
    }

    fn is_free(&self, unit: Unit, now: Now) -> bool {
        let ready = |after: &Unit| self.entries.get(*after).is_some_and(|other| other.been_ready);
        let late_now =
            || now >= LATE_LIMIT || self.entries.iter().all(|other| other.service.late || other.been_ready);
        self.entries.get(unit).is_some_and(|entry| {
            entry.after.iter().all(ready)
                && (self.state_mounted || entry.service.state_directory.is_none())
                && (!entry.service.late || late_now())
        })
    }
}
