//! How sessions end, and what comes after.

use super::message::{Action, End, Role, SessionId};
use super::{
    FIRST_PAUSE, FORGIVEN_AFTER, LAST_PAUSE, Phase, READY_LIMIT, Session, Sessions, TERM_LIMIT, error,
};
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
        match role {
            Role::Runtime => session.runtime = false,
            Role::Shell => session.shell = false,
        }
        if !session.is_stopping() {
            let app = &session.app;
            actions.push(Action::Log(format!("session {id} {app}: its {role} {end}")));
            if let End::Refused(code) = end {
                let problem =
                    format!("{app} cannot run: its {role} refused it (exit code {code}), see the log");
                actions.push(error(code::REFUSED, problem));
            }
            if let Phase::Running { since } = session.phase
                && now.saturating_sub(since) >= FORGIVEN_AFTER
            {
                self.crashes.remove(&session.app.clone());
            }
        }
        self.stop(now, id, end.is_crash(), actions);
    }

    /// Begins a session's end; `restart` asks for a new one of its app afterwards. The first reason to stop decides.
    pub(super) fn stop(&mut self, now: Duration, id: SessionId, restart: bool, actions: &mut Vec<Action>) {
        let restart = restart && !self.shutting_down;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !session.is_stopping() {
            session.phase = Phase::Stopping { kill_at: Some(now + TERM_LIMIT), restart };
            if session.runtime || session.shell {
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
        let Some(Session { app, phase: Phase::Stopping { restart, .. }, runtime: false, shell: false }) =
            self.sessions.get(&id)
        else {
            return;
        };
        let (app, restart) = (app.clone(), *restart);
        self.sessions.remove(&id);
        actions.push(Action::Clear(id));
        actions.push(Action::Broadcast(Response::AppState { session_id: id, state: AppState::Stopped }));
        if restart {
            let crashes = self.crashes.entry(app.clone()).or_default();
            let pause = FIRST_PAUSE.saturating_mul(1 << (*crashes).min(16)).min(LAST_PAUSE);
            *crashes = crashes.saturating_add(1);
            actions.push(Action::Log(format!("{app} is started again in {pause:?}")));
            let next = self.open(app, now + pause, None);
            self.announce(next, AppState::Starting, actions);
        } else {
            actions.push(Action::Broadcast(Response::RunningApps { sessions: self.running() }));
        }
    }

    pub(super) fn meet_deadlines(&mut self, now: Duration, actions: &mut Vec<Action>) {
        for id in self.ids() {
            let Some(session) = self.sessions.get(&id) else { continue };
            if self.deadline(session).is_none_or(|deadline| deadline > now) {
                continue;
            }
            let (app, phase) = (session.app.clone(), session.phase.clone());
            match phase {
                Phase::Waiting { .. } => {
                    // Counts as started until `NotStarted` says otherwise, so that it is started once.
                    if let Some(session) = self.sessions.get_mut(&id) {
                        session.phase = Phase::Component { deadline: now + READY_LIMIT, has_page: false };
                        session.runtime = true;
                    }
                    actions.push(Action::StartRuntime { session: id, app });
                }
                Phase::Component { .. } | Phase::Page { .. } => {
                    let what = if matches!(phase, Phase::Page { .. }) { "page" } else { "component" };
                    actions.push(error(
                        code::HOST,
                        format!("{app}: its {what} was not ready within {READY_LIMIT:?}"),
                    ));
                    self.stop(now, id, true, actions);
                }
                Phase::Stopping { restart, .. } => {
                    if let Some(session) = self.sessions.get_mut(&id) {
                        session.phase = Phase::Stopping { kill_at: None, restart };
                    }
                    actions.push(Action::Kill(id));
                }
                Phase::Running { .. } => {}
            }
        }
    }
}
