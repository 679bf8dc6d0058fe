//! The processes of sessions: what it takes to start them and to be rid of them.

use super::Supervisor;
use crate::cgroup;
use crate::chain::chain;
use crate::code::{self, Code, Making};
use crate::output::{self, Ready};
use crate::plan::{self, Channels, Plan};
use crate::record::Record;
use crate::relay::Relay;
use crate::services::Complaints;
use crate::sessions::{Crash, End, Event, Role, SessionId};
use crate::start::{Access, Spec};
use std::fs::DirBuilder;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream as StdStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use weft_ipc::appd::CrashReport;
use weft_ipc::session::Notice;
use weft_manifest::{AppId, Package};
use weft_package::SessionLock;
use weft_package::launch::Launchable;

/// Exit code of `weft-runtime`: the compiled code was made by somebody else, or changed since.
const BAD_CODE: i32 = 7;
/// How long the last lines of a process that died may take to be read.
const LAST_LINES: Duration = Duration::from_millis(500);

/// What belongs to a session with processes.
#[derive(Debug)]
pub struct Open {
    pub package: Package,
    /// As long as it is held, no update takes the package's files away.
    _lock: Option<SessionLock>,
    /// `None` once its processes are told to leave.
    pub relay: Option<Relay>,
    pub record: Arc<Record>,
    /// Its component is told of all sessions.
    pub supervises: bool,
    pub complaints: Complaints,
    cgroup: Option<cgroup::Session>,
    /// Its code, where that was made on this device.
    code: Option<PathBuf>,
    /// Its code, while it is made.
    making: Option<Making>,
    portal_socket: Option<PathBuf>,
    /// The page's end of its channel, until the shell is started.
    page_channel: Option<OwnedFd>,
    outputs: Vec<(Role, JoinHandle<()>)>,
}

impl Open {
    pub fn notify(&self, notice: Notice) -> Result<(), String> {
        match &self.relay {
            Some(relay) => relay.notify(notice),
            None => Err("the session is ending".to_owned()),
        }
    }
}

impl Supervisor {
    pub(super) fn start_runtime(&mut self, session: SessionId, app: &AppId) -> Event {
        let not_started = |reason: String, for_good| Event::NotStarted { session, reason, for_good };
        let checked = self.checked.take().filter(|checked| checked.package.manifest.id == *app);
        let launchable = match checked.map_or_else(|| self.packages.open(app), Ok) {
            Ok(launchable) => launchable,
            Err(refused) => return not_started(refused.reason, true),
        };
        match self.open_session(session, launchable) {
            Ok(event) => event,
            Err(problem) => {
                self.starter.kill(session);
                not_started(format!("{app} cannot be started: {problem}"), false)
            }
        }
    }

    fn open_session(&mut self, session: SessionId, launchable: Launchable) -> Result<Event, String> {
        let code = match code::find(&self.config, &launchable).map_err(|error| chain(&error))? {
            Code::Missing(making) => return self.compile(session, launchable, making),
            Code::Made { file, key } => Some((file, key)),
            Code::System => None,
        };
        let mut open = self.opened(session, launchable);
        open.code = code.as_ref().map(|(file, _)| file.clone());
        let (own, theirs) = channel().map_err(|error| format!("no session channel: {error}"))?;
        let has_page = self.config.shell.is_some() && open.package.manifest.ui.is_some();
        let page =
            has_page.then(channel).transpose().map_err(|error| format!("no session channel: {error}"))?;
        let (own_page, page_channel) = page.unzip();
        open.page_channel = page_channel;
        open.relay = Some(Relay::start(session, own, own_page, self.senders.components.clone()));
        let channels = Channels { session: theirs, fetch: None, portal: None, code };
        let started = self.start_component(session, &mut open, channels);
        // What is started already needs what is open, whatever became of the rest.
        self.open.insert(session, open);
        if let Some(tokens) = &self.tokens {
            tokens.open(session);
        }
        Ok(Event::Started { session, has_page, helpers: started? })
    }

    fn opened(&self, session: SessionId, launchable: Launchable) -> Open {
        let Launchable { package, lock, .. } = launchable;
        Open {
            cgroup: self.cgroup(session, &package),
            package,
            _lock: lock,
            relay: None,
            record: Arc::default(),
            supervises: false,
            complaints: Complaints::default(),
            page_channel: None,
            code: None,
            making: None,
            portal_socket: None,
            outputs: Vec::new(),
        }
    }

    fn compile(
        &mut self,
        session: SessionId,
        launchable: Launchable,
        making: Making,
    ) -> Result<Event, String> {
        let mut open = self.opened(session, launchable);
        let parts = making.output().and_then(|output| Ok((output, code::key(&self.config)?)));
        let (output, key) = parts.map_err(|error| chain(&error))?;
        let plan = plan::compile(&self.config, &open.package, output, key);
        let started = self.start(session, Role::Compiler, plan, None, &mut open);
        open.making = Some(making);
        self.open.insert(session, open);
        started.map(|()| Event::Compiling { session })
    }

    /// Starts the runtime and before it those helpers that it needs; these are returned.
    fn start_component(
        &mut self,
        session: SessionId,
        open: &mut Open,
        mut channels: Channels,
    ) -> Result<Vec<Role>, String> {
        let mut helpers = Vec::new();
        if plan::fetches(&open.package.manifest) {
            let (broker, runtime) =
                StdStream::pair().map_err(|error| format!("no fetch channel: {error}"))?;
            let plan = plan::fetch(&self.config, &open.package.manifest, broker.into());
            self.start(session, Role::Fetch, plan, None, open)?;
            channels.fetch = Some(runtime.into());
            helpers.push(Role::Fetch);
        }
        let documents = plan::documents(&open.package.manifest);
        if documents != Access::None && self.has_portal() {
            let (socket, listener) = self.portal_socket(session)?;
            open.portal_socket = Some(socket.clone());
            let plan = plan::portal(&self.config, documents, listener).map_err(|error| chain(&error))?;
            self.start(session, Role::Portal, plan, None, open)?;
            channels.portal = Some(socket);
            helpers.push(Role::Portal);
        }
        let token = token();
        let plan = plan::runtime(&self.config, &open.package, session, &token, channels)
            .map_err(|error| chain(&error))?;
        self.start(session, Role::Runtime, plan, Some(token), open)?;
        Ok(helpers)
    }

    /// On a developer's host the portal may not be built.
    fn has_portal(&self) -> bool {
        self.config.launcher.is_some() || self.config.portal.exists()
    }

    fn portal_socket(&self, session: SessionId) -> Result<(PathBuf, OwnedFd), String> {
        let folder = self.config.runtime_folder.as_deref().ok_or("XDG_RUNTIME_DIR is not set")?;
        let path = folder.join(format!("portal-{session}.sock"));
        // One that an earlier appd left.
        let _ = std::fs::remove_file(&path);
        let listener = std::fs::create_dir_all(folder).and_then(|()| UnixListener::bind(&path));
        let listener = listener.map_err(|error| format!("cannot listen on {}: {error}", path.display()))?;
        // Whom it serves the portal decides by the user that the kernel attests; the session's has another one than appd.
        let mode =
            std::fs::Permissions::from_mode(if self.config.launcher.is_some() { 0o666 } else { 0o600 });
        std::fs::set_permissions(&path, mode).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok((path, listener.into()))
    }

    /// What a process's end means beyond itself.
    pub(super) fn after_end(&mut self, session: SessionId, role: Role, end: End) -> End {
        let Some(open) = self.open.get_mut(&session) else { return end };
        match (role, end) {
            (Role::Compiler, End::Done) => match open.making.take().map(|making| making.finish()) {
                Some(Ok(())) => End::Done,
                Some(Err(error)) => {
                    tracing::error!("session {session}: {}", chain(&error));
                    End::Failed(1)
                }
                None => End::Failed(1),
            },
            (Role::Runtime, End::Failed(BAD_CODE)) => {
                if let Some(file) = open.code.take() {
                    tracing::error!("the code {} is refused: it is made anew", file.display());
                    // When it stays, it is refused again.
                    let _ = std::fs::remove_file(file);
                }
                end
            }
            _ => end,
        }
    }

    fn start(
        &mut self,
        session: SessionId,
        role: Role,
        plan: Plan,
        token: Option<String>,
        open: &mut Open,
    ) -> Result<(), String> {
        for folder in &plan.folders {
            let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
            made.map_err(|error| format!("cannot make the folder {}: {error}", folder.display()))?;
        }
        let (stdout, stderr) = (pipe()?, pipe()?);
        let spec = Spec {
            session,
            role,
            app: &open.package.manifest.id,
            program: plan.program,
            arguments: plan.arguments,
            environment: plan.environment,
            data: plan.data,
            documents: plan.documents,
            readable: plan.readable,
            display: plan.display,
            stdout: stdout.1,
            stderr: stderr.1,
            cgroup: open.cgroup.as_ref(),
        };
        self.starter.start(spec).map_err(|error| chain(&error))?;
        for (reader, token) in [(stdout.0, token), (stderr.0, None)] {
            let who = Ready { session, role };
            match output::follow(reader, who, token, self.senders.ready.clone(), open.record.clone()) {
                Ok(task) => open.outputs.push((role, task)),
                Err(error) => tracing::error!("session {session}: its output is lost: {error}"),
            }
        }
        Ok(())
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

    pub(super) fn start_shell(&mut self, session: SessionId) -> Option<Event> {
        let failed = Event::Ended { session, role: Role::Shell, end: End::Failed(1) };
        let mut open = self.open.remove(&session)?;
        let parts = (&self.config.shell, open.package.entry(), open.page_channel.take());
        let started = match parts {
            (Some(program), Some(entry), Some(channel)) => {
                let token = token();
                let plan =
                    plan::shell(&self.config, program, &entry, &open.package, session, &token, channel);
                self.start(session, Role::Shell, plan, Some(token), &mut open)
            }
            _ => Err("there is nothing to show its page with".to_owned()),
        };
        self.open.insert(session, open);
        let problem = started.err()?;
        tracing::error!("session {session}: {problem}");
        Some(failed)
    }

    /// A process runs.
    pub(super) fn is_started(&mut self, session: SessionId, role: Role, pid: u32) -> Option<Event> {
        let open = self.open.get(&session)?;
        if let (Role::Shell, Some(compositor)) = (role, &self.compositor) {
            compositor.created(open.package.manifest.id.to_string(), session, pid);
        }
        None
    }

    /// Asks the session's processes to leave.
    pub(super) fn terminate(&mut self, session: SessionId) {
        self.starter.ask_to_leave(session);
        if self.config.launcher.is_some()
            && let Some(open) = self.open.get_mut(&session)
        {
            // Its processes have another user's id and take no signals of appd's: they leave when their channels close.
            open.relay = None;
        }
    }

    pub(super) fn kill(&mut self, session: SessionId) {
        if let Some(cgroup) = self.open.get(&session).and_then(|open| open.cgroup.as_ref()) {
            cgroup.kill();
        }
        self.starter.kill(session);
    }

    /// Keeps what is known about a crash, once the last lines of the process are read.
    pub(super) fn report(&mut self, crash: &Crash) {
        let Some(open) = self.open.get_mut(&crash.session) else { return };
        let mut limits = open.cgroup.as_ref().map(cgroup::Session::limits_reached).unwrap_or_default();
        limits.extend(crash.limit());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut report = CrashReport {
            report_id: 0,
            app_id: crash.app.to_string(),
            session_id: crash.session,
            time: now.as_secs(),
            process: crash.process.to_string(),
            reason: crash.cause.to_string(),
            limits,
            in_a_row: crash.in_a_row,
            last_lines: Vec::new(),
        };
        let (outputs, others) =
            std::mem::take(&mut open.outputs).into_iter().partition(|(role, _)| *role == crash.process);
        open.outputs = others;
        let outputs: Vec<(Role, JoinHandle<()>)> = outputs;
        let (record, reports) = (open.record.clone(), self.senders.reports.clone());
        tokio::spawn(async move {
            let all = async {
                for (_, task) in outputs {
                    // A task that panicked has read what it could.
                    let _ = task.await;
                }
            };
            // What it left behind may hold the pipe open.
            let _ = tokio::time::timeout(LAST_LINES, all).await;
            report.last_lines = record.last_lines();
            // The receiver lives as long as appd does.
            let _ = reports.send(report).await;
        });
    }

    pub(super) fn clear(&mut self, session: SessionId) {
        self.clients.forget_session(session);
        if let Some(tokens) = &self.tokens {
            tokens.close(session);
        }
        if let Some(compositor) = &self.compositor {
            compositor.destroyed(session);
        }
        let open = self.open.remove(&session);
        if let Some(socket) = open.as_ref().and_then(|open| open.portal_socket.as_ref()) {
            // The next session with this number would replace it anyhow.
            let _ = std::fs::remove_file(socket);
        }
        if let Some(cgroup) = open.and_then(|open| open.cgroup) {
            cgroup.kill();
            if !cgroup.remove() {
                self.leaving.push(cgroup);
            }
        }
        self.starter.kill_orphans();
    }
}

/// A session channel: appd's end and the other one.
fn channel() -> std::io::Result<(UnixStream, OwnedFd)> {
    let (own, theirs) = StdStream::pair()?;
    own.set_nonblocking(true)?;
    Ok((UnixStream::from_std(own)?, theirs.into()))
}

/// A pipe for a process's output: the end to read from and the one to write to.
fn pipe() -> Result<(OwnedFd, OwnedFd), String> {
    rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(|error| format!("no pipe: {error}"))
}

/// 128 random bits: what a process must print to prove that it is the one that was started.
fn token() -> String {
    let mut bytes = [0; 16];
    // 16 bytes are never short (getrandom(2)), and the kernel's generator is seeded long before appd starts.
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u128::from_ne_bytes(bytes).to_string()
}
