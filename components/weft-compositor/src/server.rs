//! Puts the parts together and runs the event loop.

use crate::backend::{self, Backend, drm, headless};
use crate::options::{Display as Target, Options};
use crate::state::{OutputInfo, Weft};
use crate::wayland_socket::{self, Socket};
use crate::{appd, control, lifecycle, screen};
use smithay::reexports::calloop::channel::{Channel, channel};
use smithay::reexports::calloop::{EventLoop, LoopHandle};
use smithay::reexports::wayland_server::Display;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

/// Why the compositor cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the event loop fails")]
    Loop(#[source] smithay::reexports::calloop::Error),
    #[error("the Wayland server does not start")]
    Wayland(#[source] smithay::reexports::wayland_server::backend::InitError),
    #[error(transparent)]
    Socket(#[from] wayland_socket::Error),
    #[error("cannot listen for appd at {path}")]
    Appd { path: PathBuf, source: std::io::Error },
    #[error("cannot use the socket that was passed as `screen`")]
    Screen(#[source] std::io::Error),
    #[error(transparent)]
    Backend(#[from] backend::Error),
    #[error(
        "--winit needs a build with the feature `winit`: cargo build -p weft-compositor --features winit"
    )]
    NoWinit,
    #[error(transparent)]
    Lifecycle(#[from] lifecycle::Error),
}

impl From<drm::Error> for Error {
    fn from(error: drm::Error) -> Self {
        Self::Backend(error.into())
    }
}

impl From<headless::Error> for Error {
    fn from(error: headless::Error) -> Self {
        Self::Backend(error.into())
    }
}

/// A backend that is open but not watched yet.
enum Opened {
    Drm(Box<drm::Sources>),
    Headless(Channel<headless::Command>),
    #[cfg(feature = "winit")]
    Winit(Box<backend::winit::Sources>),
}

/// Runs until it is told to stop.
pub fn run(options: &Options) -> Result<(), Error> {
    allow_more_files();
    let mut controls = None;
    let (backend, opened, info) = match &options.display {
        Target::Drm => {
            let (backend, sources, info) = drm::Drm::open()?;
            (Backend::Drm(Box::new(backend)), Opened::Drm(Box::new(sources)), info)
        }
        Target::Headless(size) => {
            let (backend, info) = headless::Headless::new(*size)?;
            let (sender, commands) = channel();
            controls = Some(sender);
            (Backend::Headless(Box::new(backend)), Opened::Headless(commands), info)
        }
        #[cfg(feature = "winit")]
        Target::Winit => {
            let (backend, sources, info) = backend::winit::Winit::open().map_err(backend::Error::from)?;
            (Backend::Winit(Box::new(backend)), Opened::Winit(Box::new(sources)), info)
        }
        #[cfg(not(feature = "winit"))]
        Target::Winit => return Err(Error::NoWinit),
    };
    let server = Server::new(backend, opened, &info, options.panel_uid)?;
    // A thread that starts before the signals are blocked would die of them, and the program with it.
    lifecycle::watch(&server.events.handle())?;
    if let Some(sender) = controls {
        control::read_standard_input(sender);
    }
    let socket = match (weft_service::listen_fd("wayland"), &options.socket) {
        (Some(fd), _) => Socket::passed(fd),
        (None, Some(path)) => Socket::bind(path)?,
        (None, None) => Socket::auto()?,
    };
    if let Some(name) = socket.name() {
        tracing::info!("WAYLAND_DISPLAY={name}");
    }
    wayland_socket::listen(socket, &server.events.handle())?;
    listen_for_appd(&server.events.handle())?;
    if let Some(fd) = weft_service::listen_fd("screen") {
        screen::listen(fd.into(), &server.events.handle()).map_err(Error::Screen)?;
    }
    server.run()
}

/// Runs in memory for a test, with listeners for appd and for who asks what is on the screen, until a command or the end of all senders stops it.
pub fn run_in_memory(
    size: crate::windows::Extent,
    commands: Channel<headless::Command>,
    appd: Option<UnixListener>,
    asked: Option<UnixListener>,
    panel_uid: Option<u32>,
) -> Result<(), Error> {
    let (backend, info) = headless::Headless::new(size)?;
    let backend = Backend::Headless(Box::new(backend));
    let server = Server::new(backend, Opened::Headless(commands), &info, panel_uid)?;
    if let Some(listener) = appd {
        let path = PathBuf::from("a given socket");
        appd::listen(listener, &server.events.handle()).map_err(|source| Error::Appd { path, source })?;
    }
    if let Some(listener) = asked {
        screen::listen(listener, &server.events.handle()).map_err(Error::Screen)?;
    }
    server.run()
}

struct Server {
    events: EventLoop<'static, Weft>,
    state: Weft,
}

impl Server {
    fn new(
        backend: Backend,
        opened: Opened,
        info: &OutputInfo,
        panel_uid: Option<u32>,
    ) -> Result<Self, Error> {
        let events: EventLoop<'static, Weft> = EventLoop::try_new().map_err(Error::Loop)?;
        let display = Display::new().map_err(Error::Wayland)?;
        let handle = events.handle();
        let state =
            Weft::new(display.handle(), handle.clone(), events.get_signal(), backend, info, panel_uid);
        wayland_socket::serve(display, &handle)?;
        match opened {
            Opened::Drm(sources) => drm::watch(*sources, &handle)?,
            Opened::Headless(commands) => headless::watch(commands, &handle)?,
            #[cfg(feature = "winit")]
            Opened::Winit(sources) => {
                backend::winit::watch(*sources, &handle).map_err(backend::Error::from)?
            }
        }
        Ok(Self { events, state })
    }

    fn run(mut self) -> Result<(), Error> {
        if self.state.backend.is_active() {
            self.state.want_frame();
        } else {
            // Without a display there is nothing to wait for.
            self.state.first_frame();
        }
        self.state.after_events();
        let ended = self.events.run(None, &mut self.state, Weft::after_events).map_err(Error::Loop);
        self.state.backend.release();
        ended
    }
}

impl Weft {
    /// The first frame is on the screen: what was put off for it comes at the end of this turn.
    pub fn first_frame(&mut self) {
        lifecycle::ready();
        self.put_off = Some(|state| {
            state.add_devices();
            drm::after_first_frame(state);
        });
    }

    /// The end of a turn of the event loop: draws once for all that happened in it.
    fn after_events(&mut self) {
        self.settle_departed();
        self.draw();
        if let Some(rest_of_start) = self.put_off.take() {
            rest_of_start(self);
            self.draw();
        }
        if let Err(error) = self.display.flush_clients() {
            tracing::debug!("a client does not read: {error}");
        }
    }
}

fn listen_for_appd(events: &LoopHandle<'static, Weft>) -> Result<(), Error> {
    let path = std::env::var_os("WEFT_COMPOSITOR_SOCKET").map(PathBuf::from);
    let listener = match (weft_service::listen_fd("compositor"), &path) {
        (Some(fd), _) => UnixListener::from(fd),
        (None, Some(path)) => match Socket::bind(path)? {
            Socket::Path(listener) => listener,
            Socket::Named(_) => return Ok(()),
        },
        (None, None) => return Ok(()),
    };
    let path = path.unwrap_or_else(|| "the passed socket".into());
    appd::listen(listener, events).map_err(|source| Error::Appd { path, source })
}

/// Every client holds descriptors of ours open: takes as many as the system allows.
fn allow_more_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        tracing::debug!("the limit of open files stays: {error}");
    }
}
