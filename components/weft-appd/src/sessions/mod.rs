//! The sessions and what happens to them: plain data, decided without any input or output. Events go in, actions come out; time is an
//! argument, in time since appd's start.

mod ending;
mod message;
#[cfg(test)]
mod tests;

pub use message::{Action, ClientId, Crash, End, Event, Role, SessionId};

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use weft_ipc::appd::{AppState, Response, RunningApp, code};
use weft_manifest::AppId;

/// A component must call `notify.ready`, and a page must be painted, within this time.
pub const READY_LIMIT: Duration = Duration::from_secs(30);
/// Code must be made within this time.
pub const COMPILE_LIMIT: Duration = Duration::from_secs(120);
/// How long a process may take to leave after SIGTERM.
pub const TERM_LIMIT: Duration = Duration::from_secs(2);
/// Sessions at once.
pub const MAX_SESSIONS: usize = 32;
/// The first pause before a crashed app is started again; it doubles with each crash up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(30);
/// A session that ran this long without a crash forgives the crashes before it.
const FORGIVEN_AFTER: Duration = Duration::from_secs(60);
/// An app that crashed this often in a row is not started again before somebody wishes it.
const MAX_IN_A_ROW: u32 = 10;

/// All sessions of this appd.
#[derive(Debug)]
pub struct Sessions {
    ready_limit: Duration,
    sessions: BTreeMap<SessionId, Session>,
    last_id: SessionId,
    /// Crashes in a row.
    crashes: BTreeMap<AppId, u32>,
    /// What was last told to be saved.
    saved: Vec<AppId>,
    shutting_down: bool,
}

#[derive(Debug)]
struct Session {
    app: AppId,
    phase: Phase,
    processes: BTreeSet<Role>,
}

#[derive(Debug, Clone, PartialEq)]
enum Phase {
    /// No process yet: to be started at `at`, and not before session `after` is over.
    Waiting {
        at: Duration,
        after: Option<SessionId>,
    },
    /// The component's code is made.
    Compiling {
        deadline: Duration,
    },
    /// The component starts.
    Component {
        deadline: Duration,
        has_page: bool,
    },
    /// The component is ready; the page starts.
    Page {
        deadline: Duration,
    },
    Running {
        since: Duration,
    },
    /// Its processes are told to leave.
    Stopping {
        kill_at: Option<Duration>,
        restart: bool,
    },
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new(READY_LIMIT)
    }
}

impl Sessions {
    pub fn new(ready_limit: Duration) -> Self {
        Self {
            ready_limit,
            sessions: BTreeMap::new(),
            last_id: 0,
            crashes: BTreeMap::new(),
            saved: Vec::new(),
            shutting_down: false,
        }
    }

    /// Takes one event in; what is to be done about it comes out, in order.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Launch { client, app } => self.launch(now, client, app, &mut actions),
            Event::Terminate { client, session } => self.terminate(now, client, session, &mut actions),
            Event::Activate { client, session } => match self.sessions.get(&session) {
                Some(_) => actions.push(Action::Focus(session)),
                None => actions.push(not_found(client, session)),
            },
            Event::Started { session, has_page, helpers } => self.started(session, has_page, helpers),
            Event::Compiling { session } => self.compiling(now, session),
            Event::NotStarted { session, reason, for_good } => {
                actions.push(error(code::HOST, reason));
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.processes.remove(&Role::Runtime);
                }
                self.stop(now, session, !for_good, &mut actions);
            }
            Event::Ready { session, role } => self.ready(now, session, role, &mut actions),
            Event::Ended { session, role, end } => self.ended(now, session, role, end, &mut actions),
            Event::Tick => {}
            Event::ShutDown => {
                self.shutting_down = true;
                for session in self.ids() {
                    self.stop_for_good(now, session, &mut actions);
                }
            }
        }
        self.meet_deadlines(now, &mut actions);
        self.save(&mut actions);
        actions
    }

    /// When [`Event::Tick`] is due; `None` while nothing waits for the clock.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.sessions.values().filter_map(|session| self.deadline(session)).min()
    }

    /// Every session but those that are ending.
    pub fn running(&self) -> Vec<RunningApp> {
        let alive = self.sessions.iter().filter(|(_, session)| !session.is_stopping());
        alive.map(|(id, session)| RunningApp { session_id: *id, app_id: session.app.to_string() }).collect()
    }

    pub fn state(&self, session: SessionId) -> AppState {
        match self.sessions.get(&session).map(|session| &session.phase) {
            None => AppState::NotFound,
            Some(
                Phase::Waiting { .. }
                | Phase::Compiling { .. }
                | Phase::Component { .. }
                | Phase::Page { .. },
            ) => AppState::Starting,
            Some(Phase::Running { .. }) => AppState::Running,
            Some(Phase::Stopping { .. }) => AppState::Stopping,
        }
    }

    /// Every session with its app.
    pub fn all(&self) -> Vec<(SessionId, AppId)> {
        self.sessions.iter().map(|(id, session)| (*id, session.app.clone())).collect()
    }

    pub fn app(&self, session: SessionId) -> Option<&AppId> {
        self.sessions.get(&session).map(|session| &session.app)
    }

    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    fn ids(&self) -> Vec<SessionId> {
        self.sessions.keys().copied().collect()
    }

    fn launch(&mut self, now: Duration, client: ClientId, app: AppId, actions: &mut Vec<Action>) {
        if self.shutting_down {
            return actions.push(refused(client, "the system is going down".to_owned()));
        }
        self.crashes.remove(&app);
        let of_app = |session: &Session| session.app == app;
        let live = self.sessions.iter_mut().find(|(_, session)| of_app(session) && !session.is_stopping());
        if let Some((id, session)) = live {
            actions.push(Action::Reply(
                client,
                Response::LaunchAck { session_id: *id, app_id: app.to_string() },
            ));
            match &mut session.phase {
                Phase::Waiting { at, .. } => *at = (*at).min(now),
                Phase::Running { .. } => actions.push(Action::Focus(*id)),
                _ => {}
            }
            return;
        }
        if self.sessions.len() >= MAX_SESSIONS {
            let problem = format!("{MAX_SESSIONS} sessions are open: end one to launch {app}");
            return actions.push(refused(client, problem));
        }
        let leaving = self.sessions.iter_mut().find(|(_, session)| of_app(session));
        let after = leaving.map(|(id, session)| {
            // The new session takes the place of a restart.
            if let Phase::Stopping { restart, .. } = &mut session.phase {
                *restart = false;
            }
            *id
        });
        let id = self.open(app.clone(), now, after);
        actions.push(Action::Reply(client, Response::LaunchAck { session_id: id, app_id: app.to_string() }));
        self.announce(id, AppState::Starting, actions);
    }

    /// A new session, to be started at `at`.
    fn open(&mut self, app: AppId, at: Duration, after: Option<SessionId>) -> SessionId {
        self.last_id += 1;
        let phase = Phase::Waiting { at, after };
        self.sessions.insert(self.last_id, Session { app, phase, processes: BTreeSet::new() });
        self.last_id
    }

    fn terminate(&mut self, now: Duration, client: ClientId, id: SessionId, actions: &mut Vec<Action>) {
        let Some(app) = self.app(id).cloned() else {
            return actions.push(not_found(client, id));
        };
        self.crashes.remove(&app);
        self.stop_for_good(now, id, actions);
    }

    fn started(&mut self, id: SessionId, page: bool, helpers: Vec<Role>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.processes.extend(helpers);
        if let Phase::Component { has_page, .. } = &mut session.phase {
            *has_page = page;
        }
    }

    fn compiling(&mut self, now: Duration, id: SessionId) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.processes = BTreeSet::from([Role::Compiler]);
            if let Phase::Component { .. } = session.phase {
                session.phase = Phase::Compiling { deadline: now + COMPILE_LIMIT };
            }
        }
    }

    fn ready(&mut self, now: Duration, id: SessionId, role: Role, actions: &mut Vec<Action>) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match (&session.phase, role) {
            (Phase::Component { has_page: true, .. }, Role::Runtime) => {
                session.phase = Phase::Page { deadline: now + self.ready_limit };
                session.processes.insert(Role::Shell);
                actions.push(Action::StartShell(id));
            }
            (Phase::Component { has_page: false, .. }, Role::Runtime) | (Phase::Page { .. }, Role::Shell) => {
                session.phase = Phase::Running { since: now };
                let app_id = session.app.to_string();
                actions.push(Action::Status(format!("session {id} {app_id} ready")));
                actions.push(Action::Broadcast(Response::AppReady { session_id: id, app_id }));
                self.announce(id, AppState::Running, actions);
            }
            _ => {}
        }
    }

    fn deadline(&self, session: &Session) -> Option<Duration> {
        match &session.phase {
            Phase::Waiting { after: Some(other), .. } if self.sessions.contains_key(other) => None,
            Phase::Waiting { at, .. } => Some(*at),
            Phase::Compiling { deadline } | Phase::Component { deadline, .. } | Phase::Page { deadline } => {
                Some(*deadline)
            }
            Phase::Running { .. } => None,
            Phase::Stopping { kill_at, .. } => *kill_at,
        }
    }

    fn announce(&self, id: SessionId, state: AppState, actions: &mut Vec<Action>) {
        actions.push(Action::Broadcast(Response::AppState { session_id: id, state }));
        actions.push(Action::Broadcast(Response::RunningApps { sessions: self.running() }));
    }

    /// Saves the apps that are to come back after a restart of appd. Going down is no wish to have none.
    fn save(&mut self, actions: &mut Vec<Action>) {
        let wanted = |session: &&Session| !matches!(session.phase, Phase::Stopping { restart: false, .. });
        let apps: Vec<AppId> =
            self.sessions.values().filter(wanted).map(|session| session.app.clone()).collect();
        if apps != self.saved && !self.shutting_down {
            self.saved = apps.clone();
            actions.push(Action::Save(apps));
        }
    }
}

impl Session {
    fn is_stopping(&self) -> bool {
        matches!(self.phase, Phase::Stopping { .. })
    }
}

fn error(code: u32, message: String) -> Action {
    Action::Broadcast(Response::Error { code, message })
}

fn refused(client: ClientId, message: String) -> Action {
    Action::Reply(client, Response::Error { code: code::REFUSED, message })
}

fn not_found(client: ClientId, session: SessionId) -> Action {
    let message = format!("there is no session {session}: ask QUERY_RUNNING for the open ones");
    Action::Reply(client, Response::Error { code: code::NOT_FOUND, message })
}
