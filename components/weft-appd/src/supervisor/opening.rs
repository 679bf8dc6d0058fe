//! How a session begins: its package, its code, its channels and its helpers.

use super::Supervisor;
use super::processes::{Open, channel, token};
use crate::chain::chain;
use crate::code::{self, Code, Making};
use crate::mounts::Mounted;
use crate::plan::{self, Channels};
use crate::relay::Relay;
use crate::services::Complaints;
use crate::sessions::{Event, Role, SessionId};
use crate::start::Access;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream as StdStream};
use std::path::PathBuf;
use std::sync::Arc;
use weft_manifest::{AppId, Package};
use weft_package::launch::{Launchable, Publisher};
use weft_package::record::Owner;

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

    fn open_session(&mut self, session: SessionId, mut launchable: Launchable) -> Result<Event, String> {
        let mounted = self.mount(session, &mut launchable)?;
        let code = match code::find(&self.config, &launchable).map_err(|error| chain(&error))? {
            Code::Missing(making) => {
                self.used_code.insert(making.file().to_owned());
                return self.compile(session, launchable, making, mounted);
            }
            Code::Made { file, key } => {
                self.used_code.insert(file.clone());
                Some((file, key))
            }
            Code::System => None,
        };
        let mut open = self.opened(session, launchable);
        open.mounted = mounted.or_else(|| self.open.get_mut(&session)?.mounted.take());
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

    /// Has the package's image mounted, if it is one, and the session run from there.
    fn mount(&self, session: SessionId, launchable: &mut Launchable) -> Result<Option<Mounted>, String> {
        let Some(files) = &launchable.image else { return Ok(None) };
        // Between its compilation and its run a session has it already.
        let earlier = self.open.get(&session).and_then(|open| open.mounted.as_ref());
        if let Some(earlier) = earlier {
            launchable.package.folder = earlier.folder.clone();
            return Ok(None);
        }
        let id = &launchable.package.manifest.id;
        let name = format!("{id}-{session}");
        let mounted = Mounted::new(self.config.mount_helper.as_deref(), &files.image, &name)?;
        let owner = match &launchable.publisher {
            Publisher::Owner(Owner::Publisher(key)) => Some(key.to_hex()),
            _ => None,
        };
        if owner.as_ref() != Some(&mounted.publisher) {
            let publisher = mounted.publisher.clone();
            let _ = mounted.end();
            return Err(format!("its image is signed by {publisher}, who does not own {id}"));
        }
        launchable.package = Package::open(&mounted.folder).map_err(|error| chain(&error))?;
        Ok(Some(mounted))
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
            alive: None,
            page_channel: None,
            code: None,
            making: None,
            mounted: None,
            portal_socket: None,
            outputs: Vec::new(),
        }
    }

    fn compile(
        &mut self,
        session: SessionId,
        launchable: Launchable,
        making: Making,
        mounted: Option<Mounted>,
    ) -> Result<Event, String> {
        let mut open = self.opened(session, launchable);
        open.mounted = mounted;
        let parts = making.output().and_then(|output| Ok((output, making.key(&self.config)?)));
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
}
