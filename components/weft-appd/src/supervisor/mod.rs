//! Turns what happens into events, lets [`Sessions`] decide, and does what it says.

mod asks;
mod closing;
mod health;
mod opening;
mod processes;
mod requests;

use crate::clients::Clients;
use crate::compositor::Compositor;
use crate::config::Config;
use crate::output::{Sign, Who};
use crate::packages::Packages;
use crate::relay::FromComponent;
use crate::reports::Reports;
use crate::services::Services;
use crate::sessions::{Action, ClientId, End, Event, Role, SessionId, Sessions};
use crate::start::{Direct, Launcher, News, Starter};
use crate::websocket::Tokens;
use crate::{cgroup, saved};
use processes::Open;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use weft_ipc::appd::{AppState, CrashReport, Response};
use weft_ipc::session::Notice;
use weft_ipc::{network, update};
use weft_manifest::AppId;
use weft_package::launch::Launchable;

/// All of appd but its sockets and signals.
#[derive(Debug)]
pub struct Supervisor {
    config: Config,
    packages: Packages,
    /// The package that was checked for the launch that is going on.
    checked: Option<Launchable>,
    origin: Instant,
    sessions: Sessions,
    open: BTreeMap<SessionId, Open>,
    /// Code made on this device that was looked for since appd started.
    used_code: BTreeSet<PathBuf>,
    starter: Starter,
    pub clients: Clients,
    compositor: Option<Compositor>,
    cgroups: Option<cgroup::Root>,
    /// Cgroups of sessions that are over, whose last processes are still leaving.
    leaving: Vec<cgroup::Session>,
    services: Services,
    reports: Reports,
    /// Nothing until weft-netd has told.
    network: Option<network::Status>,
    /// Nothing until weft-update has told.
    update: Option<update::Status>,
    tokens: Option<Arc<Tokens>>,
    /// What the component that asks just now is told.
    replies: Vec<Response>,
    /// The apps of sessions whose end was not told yet.
    apps: BTreeMap<SessionId, AppId>,
    senders: Senders,
}

/// Where tasks of sessions send what happens.
#[derive(Debug, Clone)]
pub struct Senders {
    pub signs: mpsc::Sender<Sign>,
    pub components: mpsc::Sender<FromComponent>,
    pub reports: mpsc::Sender<CrashReport>,
    /// What PID 1 refused to whom.
    pub failures: mpsc::Sender<(ClientId, String)>,
}

impl Supervisor {
    /// Must be called within the event loop.
    pub fn new(config: Config, clients: Clients, tokens: Option<Arc<Tokens>>, senders: Senders) -> Self {
        let compositor = config.compositor.clone().filter(|_| config.shell.is_some()).map(Compositor::start);
        let cgroups = config.cgroups.then(cgroup::Root::take_over).and_then(|root| match root {
            Ok(root) => Some(root),
            Err(error) => {
                tracing::info!("sessions run without cgroups: {error}");
                None
            }
        });
        let starter = match &config.launcher {
            Some(socket) => Starter::Launcher(Launcher::new(socket.clone())),
            None => Starter::Direct(Direct::default()),
        };
        Self {
            packages: Packages::new(config.places.clone()),
            checked: None,
            origin: Instant::now(),
            sessions: Sessions::new(config.ready_limit),
            open: BTreeMap::new(),
            used_code: BTreeSet::new(),
            starter,
            clients,
            compositor,
            cgroups,
            leaving: Vec::new(),
            services: Services::default(),
            reports: Reports::new(config.reports.clone()),
            network: None,
            update: None,
            tokens,
            replies: Vec::new(),
            apps: BTreeMap::new(),
            senders,
            config,
        }
    }

    /// Launches the apps of the last time and those that start by themselves.
    pub fn start_apps(&mut self) {
        let mut apps = self.config.last_session.as_deref().map(saved::load).unwrap_or_default();
        apps.extend(self.config.autostart.iter().cloned());
        for app in apps {
            self.launch(ClientId::Appd, app);
        }
    }

    /// When [`Self::tick`] is due.
    pub fn next_deadline(&self) -> Option<Instant> {
        let deadline = self.sessions.next_deadline().map(|deadline| self.origin + deadline);
        let retry = (!self.leaving.is_empty()).then(|| Instant::now() + Duration::from_millis(100));
        [deadline, retry].into_iter().flatten().min()
    }

    pub fn tick(&mut self) {
        self.leaving.retain(|cgroup| !cgroup.remove());
        self.happened(Event::Tick);
    }

    /// Takes away the children that died.
    pub fn reap(&mut self) {
        self.settle(VecDeque::new());
    }

    /// The next thing that the launcher tells. Safe to be dropped while it waits.
    pub async fn news(&mut self) -> News {
        self.starter.news().await
    }

    /// Something became of a process.
    pub fn told(&mut self, news: News) {
        let event = self.event_of(news);
        self.settle(event.into_iter().collect());
    }

    pub fn shut_down(&mut self) {
        self.happened(Event::ShutDown);
    }

    /// Whether no session is left.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    pub fn signalled(&mut self, sign: Sign) {
        match sign {
            Sign::Ready(Who { session, role }) => self.happened(Event::Ready { session, role }),
            Sign::Alive(Who { session, .. }) => self.is_alive(session),
        }
    }

    pub fn network_is(&mut self, status: network::Status) {
        self.broadcast(&Response::NetworkStatus(status.clone()));
        self.network = Some(status);
    }

    pub fn update_is(&mut self, status: update::Status) {
        self.broadcast(&Response::UpdateStatus(status.clone()));
        self.update = Some(status);
    }

    pub fn keep_report(&mut self, report: CrashReport) {
        self.reports.keep(report);
    }

    /// Lets the sessions decide about an event, and about what comes of doing what they say.
    fn happened(&mut self, event: Event) {
        self.settle(VecDeque::from([event]));
    }

    fn settle(&mut self, mut events: VecDeque<Event>) {
        loop {
            while let Some(event) = events.pop_front() {
                let actions = self.sessions.handle(self.origin.elapsed(), event);
                for action in actions {
                    events.extend(self.act(action));
                }
            }
            let Some(news) = self.starter.reap() else { return };
            events.extend(self.event_of(news));
        }
    }

    fn event_of(&mut self, news: News) -> Option<Event> {
        match news {
            News::Started((session, role), pid) => self.is_started(session, role, pid),
            News::NotStarted((session, Role::Runtime), reason) => {
                let app = self.sessions.app(session)?;
                let reason = format!("{app} cannot be started: {reason}");
                Some(Event::NotStarted { session, reason, for_good: false })
            }
            News::NotStarted((session, role), reason) => {
                tracing::error!("session {session}: its {role} cannot be started: {reason}");
                Some(Event::Ended { session, role, end: End::Failed(1) })
            }
            News::Ended((session, role), end) => {
                let end = self.after_end(session, role, end);
                Some(Event::Ended { session, role, end })
            }
        }
    }

    fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::StartRuntime { session, app } => return Some(self.start_runtime(session, &app)),
            Action::StartShell(session) => return self.start_shell(session),
            Action::Terminate(session) => self.terminate(session),
            Action::Kill(session) => self.kill(session),
            Action::Report(crash) => self.report(&crash),
            Action::Clear(session) => self.clear(session),
            Action::Focus(session) => {
                if let Some(compositor) = &self.compositor {
                    compositor.focus(session);
                }
            }
            Action::Reply(ClientId::Session(_), response) => self.replies.push(response),
            Action::Reply(client, response) => self.clients.reply(client, &response),
            Action::Broadcast(response) => self.broadcast(&response),
            Action::Status(status) => {
                tracing::info!("{status}");
                if let Err(error) = weft_service::notify(&format!("STATUS={status}")) {
                    tracing::warn!("{error}, ignoring");
                }
            }
            Action::Log(line) => tracing::info!("{line}"),
            Action::Save(apps) => {
                if let Some(path) = &self.config.last_session {
                    saved::save(path, &apps);
                }
            }
        }
        None
    }

    fn broadcast(&mut self, response: &Response) {
        match response {
            Response::Error { message, .. } => tracing::error!("{message}"),
            Response::AppState { session_id, state } => self.tell_supervisors(*session_id, *state),
            _ => {}
        }
        self.clients.broadcast(response);
    }

    /// Tells the components that watch sessions.
    fn tell_supervisors(&mut self, session_id: SessionId, state: AppState) {
        if let Some(app) = self.sessions.app(session_id) {
            self.apps.insert(session_id, app.clone());
        }
        let app = match state {
            AppState::Stopped => self.apps.remove(&session_id),
            _ => self.apps.get(&session_id).cloned(),
        };
        let Some((app, state)) = app.zip(asks::public_state(state)) else { return };
        let session = weft_ipc::session::Session { session_id, app_id: app.to_string(), state };
        for (id, open) in self.open.iter().filter(|(_, open)| open.supervises) {
            if let Err(reason) = open.notify(Notice::SessionChanged { session: session.clone() }) {
                tracing::warn!("session {id} is not told of a change, ignoring: {reason}");
            }
        }
    }
}
