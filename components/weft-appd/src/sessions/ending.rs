//! How sessions end, and what comes after.

use super::message::{Action, Cause, Crash, End, Role, SessionId};
use super::{
    FIRST_PAUSE, FORGIVEN_AFTER, LAST_PAUSE, MAX_IN_A_ROW, Phase, Session, Sessions, TERM_LIMIT, error,
};
use std::collections::BTreeSet;
use std::time::Duration;
use weft_ipc::appd::{AppState, Response, code};

impl Sessions {
    pub(super) fn ended(
        &mut self,
        now: Duration,
        id: SessionId,
        role: Role,
        end: End,
        actions: &mut Vec<Action>,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.processes.remove(&role);
        if session.is_stopping() {
            return self.finish(now, id, actions);
        }
        let app = session.app.clone();
        if let (Phase::Compiling { .. }, End::Done) = (&session.phase, end) {
            return self.start_component(now, id, actions);
        }
        actions.push(Action::Log(format!("session {id} {app}: its {role} {end}")));
        if let Phase::Running { since } = session.phase
            && now.saturating_sub(since) >= FORGIVEN_AFTER
        {
            self.crashes.remove(&app);
        }
        match (end, role) {
            (End::Done, Role::Runtime | Role::Shell) => self.stop(now, id, false, actions),
            // A helper is done when the component that it served is gone, of whose end appd may learn later.
            (End::Done, Role::Portal | Role::Fetch) => {}
            (End::Refused(code), _) => {
                let problem =
                    format!("{app} cannot run: its {role} refused it (exit code {code}), see the log");
                actions.push(error(code::REFUSED, problem));
                self.report(id, role, Cause::Ended(end), actions);
                self.stop(now, id, false, actions);
            }
            (_, Role::Compiler) => {
                let problem = format!("{app} cannot run: its code cannot be made, see the log");
                actions.push(error(code::REFUSED, problem));
                self.report(id, role, Cause::Ended(end), actions);
                self.stop(now, id, false, actions);
            }
            _ => {
                self.report(id, role, Cause::Ended(end), actions);
                self.stop(now, id, true, actions);
            }
        }
    }

    /// Has what is known about a crash kept, while the session's log and limits are there to look at.
    fn report(&mut self, id: SessionId, process: Role, cause: Cause, actions: &mut Vec<Action>) {
        if let Some(session) = self.sessions.get(&id) {
            let app = session.app.clone();
            let in_a_row = self.crashes.get(&app).copied().unwrap_or_default().saturating_add(1);
            actions.push(Action::Report(Crash { session: id, app, process, cause, in_a_row }));
        }
    }

    /// Begins a session's end; `restart` asks for a new one of its app afterwards. The first reason to stop decides.
    pub(super) fn stop(&mut self, now: Duration, id: SessionId, restart: bool, actions: &mut Vec<Action>) {
        let restart = restart && !self.shutting_down;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !session.is_stopping() {
            session.phase = Phase::Stopping { kill_at: Some(now + TERM_LIMIT), restart };
            if !session.processes.is_empty() {
                actions.push(Action::Terminate(id));
                self.announce(id, AppState::Stopping, actions);
            }
        }
        self.finish(now, id, actions);
    }

    /// As [`Self::stop`], but final: whatever the session was stopping for, it is not started again.
    pub(super) fn stop_for_good(&mut self, now: Duration, id: SessionId, actions: &mut Vec<Action>) {
        if let Some(Session { phase: Phase::Stopping { restart, .. }, .. }) = self.sessions.get_mut(&id) {
            *restart = false;
        }
        self.stop(now, id, false, actions);
    }

    /// Forgets a stopping session once its processes are gone.
    fn finish(&mut self, now: Duration, id: SessionId, actions: &mut Vec<Action>) {
        let Some(Session { app, phase: Phase::Stopping { restart, .. }, processes }) = self.sessions.get(&id)
        else {
            return;
        };
        if !processes.is_empty() {
            return;
        }
        let (app, restart) = (app.clone(), *restart);
        self.sessions.remove(&id);
        actions.push(Action::Clear(id));
        actions.push(Action::Broadcast(Response::AppState { session_id: id, state: AppState::Stopped }));
        let crashes = self.crashes.entry(app.clone()).or_default();
        if restart && *crashes + 1 < MAX_IN_A_ROW {
            let pause = FIRST_PAUSE.saturating_mul(1 << (*crashes).min(16)).min(LAST_PAUSE);
            *crashes += 1;
            actions.push(Action::Log(format!("{app} is started again in {pause:?}")));
            let next = self.open(app, now + pause, None);
            return self.announce(next, AppState::Starting, actions);
        }
        self.crashes.remove(&app);
        if restart {
            let problem = format!(
                "{app} crashed {MAX_IN_A_ROW} times in a row and is not started again: see its crash reports, then launch it anew"
            );
            actions.push(error(code::HOST, problem));
        }
        actions.push(Action::Broadcast(Response::RunningApps { sessions: self.running() }));
    }

    pub(super) fn meet_deadlines(&mut self, now: Duration, actions: &mut Vec<Action>) {
        for id in self.ids() {
            let Some(session) = self.sessions.get(&id) else { continue };
            if self.deadline(session).is_some_and(|deadline| deadline <= now) {
                self.meet_deadline(now, id, actions);
            }
        }
    }

    fn meet_deadline(&mut self, now: Duration, id: SessionId, actions: &mut Vec<Action>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let limit = self.ready_limit;
        match &mut session.phase {
            Phase::Waiting { .. } => self.start_component(now, id, actions),
            Phase::Compiling { .. } => self.not_ready(now, id, Role::Compiler, super::COMPILE_LIMIT, actions),
            Phase::Component { .. } => self.not_ready(now, id, Role::Runtime, limit, actions),
            Phase::Page { .. } => self.not_ready(now, id, Role::Shell, limit, actions),
            Phase::Running { .. } => {}
            Phase::Stopping { kill_at, .. } => {
                *kill_at = None;
                actions.push(Action::Kill(id));
            }
        }
    }

    fn start_component(&mut self, now: Duration, id: SessionId, actions: &mut Vec<Action>) {
        let deadline = now + self.ready_limit;
        if let Some(session) = self.sessions.get_mut(&id) {
            // Counts as started until `NotStarted` says otherwise, so that it is started once.
            session.phase = Phase::Component { deadline, has_page: false };
            session.processes = BTreeSet::from([Role::Runtime]);
            actions.push(Action::StartRuntime { session: id, app: session.app.clone() });
        }
    }

    fn not_ready(
        &mut self,
        now: Duration,
        id: SessionId,
        role: Role,
        limit: Duration,
        actions: &mut Vec<Action>,
    ) {
        let Some(app) = self.app(id) else { return };
        actions.push(error(code::HOST, format!("{app}: its {role} was not ready within {limit:?}")));
        self.report(id, role, Cause::NotReady(limit), actions);
        self.stop(now, id, role != Role::Compiler, actions);
    }
}
