//! The event loop: turns what happens into events, lets [`Sessions`] decide, and does what it says.

mod processes;

use crate::chain::chain;
use crate::children::Children;
use crate::clients::{Clients, FromClient};
use crate::compositor::Compositor;
use crate::config::Config;
use crate::output::Ready;
use crate::relay::FromComponent;
use crate::sessions::{Action, ClientId, Event, SessionId, Sessions};
use crate::{cgroup, launch, saved};
use processes::Open;
use rustix::process::Signal;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use weft_ipc::appd::{InstalledApp, Request, Response, code};
use weft_manifest::{AppId, Capability};

/// All of appd but its sockets and signals.
pub struct Supervisor {
    config: Config,
    origin: Instant,
    sessions: Sessions,
    open: BTreeMap<SessionId, Open>,
    children: Children,
    pub clients: Clients,
    compositor: Option<Compositor>,
    cgroups: Option<cgroup::Root>,
    /// Cgroups of sessions that are over, whose last processes are still leaving.
    leaving: Vec<cgroup::Session>,
    ready: mpsc::Sender<Ready>,
    from_components: mpsc::Sender<FromComponent>,
}

impl Supervisor {
    pub fn new(
        config: Config,
        clients: Clients,
        ready: mpsc::Sender<Ready>,
        from_components: mpsc::Sender<FromComponent>,
    ) -> Self {
        let compositor = config.compositor.clone().filter(|_| config.shell.is_some()).map(Compositor::start);
        let cgroups = config.cgroups.then(cgroup::Root::take_over).and_then(|root| match root {
            Ok(root) => Some(root),
            Err(error) => {
                tracing::info!("sessions run without cgroups: {error}");
                None
            }
        });
        Self {
            config,
            origin: Instant::now(),
            sessions: Sessions::default(),
            open: BTreeMap::new(),
            children: Children::default(),
            clients,
            compositor,
            cgroups,
            leaving: Vec::new(),
            ready,
            from_components,
        }
    }

    /// Launches the apps of the last time and those that start by themselves.
    pub fn start_apps(&mut self) {
        let mut apps = self.config.last_session.as_deref().map(saved::load).unwrap_or_default();
        apps.extend(self.config.autostart.iter().cloned());
        for app in apps {
            self.launch(ClientId::APPD, app);
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
        while let Some((session, role, end)) = self.children.reap() {
            self.happened(Event::Ended { session, role, end });
        }
    }

    pub fn shut_down(&mut self) {
        self.happened(Event::ShutDown);
    }

    /// Whether no session is left.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    pub fn is_ready(&mut self, Ready { session, role }: Ready) {
        self.happened(Event::Ready { session, role });
    }

    pub fn component_said(&mut self, what: FromComponent) {
        match what {
            FromComponent::Message { session, payload } => {
                self.clients.tell_watchers(session, &Response::IpcMessage { session_id: session, payload });
            }
            FromComponent::Notification { session, title, body, icon } => {
                let Some(open) = self.open.get(&session) else { return };
                if !open.package.manifest.grants(&Capability::Notifications) {
                    return tracing::error!("session {session} notifies without the capability, ignoring");
                }
                let app_id = open.package.manifest.id.to_string();
                self.clients.broadcast(&Response::Notification { app_id, title, body, icon });
            }
        }
    }

    pub fn client_did(&mut self, what: FromClient) {
        match what {
            FromClient::Request(client, request) => self.requested(client, request),
            FromClient::Nonsense(client, problem) => self.refuse(client, code::BAD_REQUEST, problem),
            FromClient::Gone(client) => self.clients.remove(client),
        }
    }

    fn requested(&mut self, client: ClientId, request: Request) {
        match request {
            Request::LaunchApp { app_id, surface_id: _ } => match app_id.parse() {
                Ok(app) => self.launch(client, app),
                Err(error) => self.refuse(client, code::BAD_REQUEST, format!("{error}")),
            },
            Request::TerminateApp { session_id } => {
                self.happened(Event::Terminate { client, session: session_id })
            }
            Request::ActivateApp { session_id } => {
                self.happened(Event::Activate { client, session: session_id })
            }
            Request::QueryRunning => {
                self.clients.reply(client, &Response::RunningApps { sessions: self.sessions.running() });
            }
            Request::QueryAppState { session_id } => {
                let state = self.sessions.state(session_id);
                self.clients.reply(client, &Response::AppState { session_id, state });
            }
            Request::QueryInstalledApps => {
                let apps = self.installed();
                self.clients.reply(client, &Response::InstalledApps { apps });
            }
            Request::IpcForward { session_id, payload } => match self.open.get(&session_id) {
                Some(open) => {
                    self.clients.watch(client, session_id);
                    if let Err(reason) = open.relay.forward(payload) {
                        self.refuse(client, code::REFUSED, reason);
                    }
                }
                None => {
                    self.refuse(client, code::NOT_FOUND, format!("session {session_id} has no component"))
                }
            },
            Request::PanelGesture { gesture_type, fingers, dx, dy } => {
                self.clients.broadcast(&Response::NavigationGesture { gesture_type, fingers, dx, dy });
            }
        }
    }

    fn launch(&mut self, client: ClientId, app: AppId) {
        let checked = self.config.store.find(&app).map_err(|error| match error {
            error @ weft_manifest::Error::NotInstalled { .. } => (code::NOT_FOUND, error.to_string()),
            error => (code::REFUSED, chain(&error)),
        });
        match checked
            .and_then(|package| launch::check(&package).map_err(|error| (code::REFUSED, chain(&error))))
        {
            Ok(()) => self.happened(Event::Launch { client, app }),
            Err((code, problem)) => {
                tracing::warn!("{app} is not launched: {problem}");
                self.refuse(client, code, problem);
            }
        }
    }

    fn installed(&self) -> Vec<InstalledApp> {
        let apps = self.config.store.list().into_iter().filter_map(|app| match app.package {
            Ok(package) => Some(InstalledApp {
                app_id: package.manifest.id.to_string(),
                name: package.manifest.name,
                version: package.manifest.version.to_string(),
            }),
            Err(error) => {
                tracing::warn!("{} is installed but broken, ignoring: {}", app.id, chain(&error));
                None
            }
        });
        apps.collect()
    }

    fn refuse(&mut self, client: ClientId, code: u32, message: String) {
        self.clients.reply(client, &Response::Error { code, message });
    }

    /// Lets the sessions decide about an event, and about what comes of doing what they say.
    fn happened(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let actions = self.sessions.handle(self.origin.elapsed(), event);
            events.extend(actions.into_iter().filter_map(|action| self.act(action)));
        }
    }

    fn act(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::StartRuntime { session, app } => return Some(self.start_runtime(session, &app)),
            Action::StartShell(session) => return self.start_shell(session),
            Action::Terminate(session) => self.children.signal(session, Signal::TERM),
            Action::Kill(session) => self.kill(session),
            Action::Clear(session) => self.clear(session),
            Action::Focus(session) => {
                if let Some(compositor) = &self.compositor {
                    compositor.focus(session);
                }
            }
            Action::Reply(client, response) => self.clients.reply(client, &response),
            Action::Broadcast(response) => {
                if let Response::Error { message, .. } = &response {
                    tracing::error!("{message}");
                }
                self.clients.broadcast(&response);
            }
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
}
