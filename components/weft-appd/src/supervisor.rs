//! The event loop: turns what happens into events, lets [`Sessions`] decide, and does what it says.

use crate::children::Children;
use crate::clients::{Clients, FromClient};
use crate::compositor::Compositor;
use crate::config::Config;
use crate::launch::{self, Place, Started};
use crate::output::{self, Ready};
use crate::relay::{FromComponent, Relay};
use crate::sessions::{Action, ClientId, End, Event, Role, SessionId, Sessions};
use crate::{cgroup, saved};
use rustix::process::Signal;
use std::collections::{BTreeMap, VecDeque};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdStream;
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use weft_ipc::appd::{InstalledApp, Request, Response, code};
use weft_manifest::{AppId, Capability, Package};

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

/// What belongs to a session with processes.
struct Open {
    package: Package,
    relay: Relay,
    cgroup: Option<cgroup::Session>,
    /// The page's end of its channel, until the shell is started.
    page_channel: Option<OwnedFd>,
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

    fn start_runtime(&mut self, session: SessionId, app: &AppId) -> Event {
        let not_started = |reason: String, for_good| Event::NotStarted { session, reason, for_good };
        let package = match self.config.store.find(app) {
            Ok(package) => package,
            Err(error) => return not_started(chain(&error), true),
        };
        match self.open_session(session, package) {
            Ok((open, started)) => {
                let has_page = open.page_channel.is_some();
                self.open.insert(session, open);
                self.children.add(started.pid, session, Role::Runtime);
                Event::Started { session, has_page }
            }
            Err(problem) => not_started(format!("{app} cannot be started: {problem}"), false),
        }
    }

    fn open_session(&mut self, session: SessionId, package: Package) -> Result<(Open, Started), String> {
        let (own, theirs) = channel().map_err(|error| format!("no session channel: {error}"))?;
        let with_page = self.config.shell.is_some() && package.manifest.ui.is_some();
        let page =
            with_page.then(channel).transpose().map_err(|error| format!("no session channel: {error}"))?;
        let (own_page, page_channel) = page.unzip();
        let cgroup = self.cgroup(session, &package);
        let token = token();
        let place =
            Place { session, package: &package, channel: theirs, token: &token, cgroup: cgroup.as_ref() };
        let mut started = launch::runtime(&self.config, place).map_err(|error| chain(&error))?;
        self.follow(&mut started, Ready { session, role: Role::Runtime }, token);
        let relay = Relay::start(session, own, own_page, self.from_components.clone());
        Ok((Open { package, relay, cgroup, page_channel }, started))
    }

    fn cgroup(&self, session: SessionId, package: &Package) -> Option<cgroup::Session> {
        match self.cgroups.as_ref()?.session(session, package.manifest.limits.cpu) {
            Ok(cgroup) => Some(cgroup),
            Err(error) => {
                tracing::error!("session {session} runs without a cgroup: {error}");
                None
            }
        }
    }

    fn start_shell(&mut self, session: SessionId) -> Option<Event> {
        let failed = Event::Ended { session, role: Role::Shell, end: End::Failed(1) };
        let open = self.open.get_mut(&session)?;
        let (Some(program), Some(entry), Some(channel)) =
            (&self.config.shell, open.package.entry(), open.page_channel.take())
        else {
            return Some(failed);
        };
        let token = token();
        let place =
            Place { session, package: &open.package, channel, token: &token, cgroup: open.cgroup.as_ref() };
        match launch::shell(program, &entry, place) {
            Ok(mut started) => {
                if let Some(compositor) = &self.compositor {
                    compositor.created(open.package.manifest.id.to_string(), session, started.pid);
                }
                self.children.add(started.pid, session, Role::Shell);
                self.follow(&mut started, Ready { session, role: Role::Shell }, token);
                None
            }
            Err(error) => {
                tracing::error!("session {session}: {}", chain(&error));
                Some(failed)
            }
        }
    }

    fn follow(&self, started: &mut Started, who: Ready, token: String) {
        let stdout = started.stdout.take().map(|pipe| (OwnedFd::from(pipe), Some(token)));
        let stderr = started.stderr.take().map(|pipe| (OwnedFd::from(pipe), None));
        for (pipe, token) in [stdout, stderr].into_iter().flatten() {
            if let Err(error) = output::follow(pipe, who, token, self.ready.clone()) {
                tracing::error!("session {}: its output is lost: {error}", who.session);
            }
        }
    }

    fn kill(&mut self, session: SessionId) {
        if let Some(cgroup) = self.open.get(&session).and_then(|open| open.cgroup.as_ref()) {
            cgroup.kill();
        }
        self.children.signal(session, Signal::KILL);
    }

    fn clear(&mut self, session: SessionId) {
        self.clients.forget_session(session);
        if let Some(compositor) = &self.compositor {
            compositor.destroyed(session);
        }
        if let Some(cgroup) = self.open.remove(&session).and_then(|open| open.cgroup) {
            cgroup.kill();
            if !cgroup.remove() {
                self.leaving.push(cgroup);
            }
        }
        self.children.kill_orphans();
    }
}

/// A session channel: appd's end and the other one.
fn channel() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (own, theirs) = StdStream::pair()?;
    own.set_nonblocking(true)?;
    Ok((UnixStream::from_std(own)?, theirs.into()))
}

/// 128 random bits in hex: what a process must print to prove that it is the one that was started.
fn token() -> String {
    let mut bytes = [0; 16];
    // 16 bytes are never short (getrandom(2)), and the kernel's generator is seeded long before appd starts.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u128::from_ne_bytes(bytes).to_string()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text
}
