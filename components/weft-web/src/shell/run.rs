//! Starting and ending a shell.

use super::engine::{self, Engine, Page, Show};
use super::turn::Shell;
use super::wayland::{self, Display};
use super::{read_ahead, sys};
use crate::bridge;
use crate::channel::{Appd, Channel, Session};
use crate::exit::Exit;
use crate::options::{Options, Shell as Kind};
use crate::package;
use crate::site::{SYSTEM_KIT_HOST, SYSTEM_UI_HOST, Site};
use calloop::EventLoop;
use calloop::channel::Event;
use calloop::ping::{Ping, make_ping};
use servo::EventLoopWaker;
use smithay_client_toolkit::reexports::calloop_wayland_source::WaylandSource;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// The sizes that windows have on the usual panel of 1280 x 800: a page laid out for another is laid out again.
const PANEL_SIZE: (u32, u32) = (1280, 800);
const APP_SIZE: (u32, u32) = (1280, 752);
/// How long the engine may take to end its threads.
const SHUT_DOWN_LIMIT: Duration = Duration::from_secs(5);

/// Why a shell could not run.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the event loop failed")]
    Loop(#[source] calloop::Error),
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
    #[error("--ipc-fd {0} is not an open Unix socket")]
    Ipc(i32, #[source] std::io::Error),
    #[error("the page cannot be shown")]
    Engine(#[from] engine::Error),
    #[error("the UI kit cannot be read; WEFT_UI_KIT names another file")]
    Kit(#[source] package::Error),
}

/// Shows what the options say until it ends.
pub fn run(options: Options) -> Exit {
    let result = try_run(options);
    result.unwrap_or_else(|error| {
        log_chain(&error);
        Exit::Failed
    })
}

fn try_run(options: Options) -> Result<Exit, Error> {
    sys::share_heaps();
    if matches!(options.shell, Kind::System { .. }) {
        // The first shell finds nothing in memory yet; those of apps find what it has left.
        read_ahead::begin();
    }
    // Before anything is opened, so that no descriptor opened here can be mistaken for it.
    let channel = channel(&options.shell)?;
    let mut event_loop = EventLoop::try_new().map_err(Error::Loop)?;
    let handle = event_loop.handle();
    let (is_panel, size) = match &options.shell {
        Kind::System { .. } => (true, PANEL_SIZE),
        Kind::App { .. } => (false, APP_SIZE),
    };

    // The compositor may still be starting; the engine has enough to do meanwhile.
    let (connected, connections) = calloop::channel::channel();
    std::thread::Builder::new()
        .name("wayland-connect".to_owned())
        .spawn(move || drop(connected.send(wayland::connect())))
        .map_err(Error::Thread)?;

    let (ping, pings) = make_ping().map_err(|e| Error::Loop(e.into()))?;
    let (show, app_id, ready_token) = show(options, size)?;
    let page = Rc::new(Page::new(show.site.clone(), is_panel, channel));
    let engine = Engine::start(show, page, Box::new(Waker(ping)))?;
    let mut shell = Shell::new(engine, handle.clone(), is_panel, ready_token);
    handle.insert_source(pings, |(), (), _| {}).map_err(|e| Error::Loop(e.into()))?;
    let loop_handle = handle.clone();
    handle
        .insert_source(connections, move |event, (), shell: &mut Shell| {
            let Event::Msg(connected) = event else { return };
            let opened = connected.and_then(|connected| {
                let queue = connected.events.handle();
                let display = Display::new(&connected.globals, &queue, &app_id, is_panel, size)?;
                Ok((display, WaylandSource::new(connected.connection, connected.events)))
            });
            match opened {
                Ok((display, source)) => {
                    shell.set_display(display);
                    let inserted = loop_handle
                        .insert_source(source, |(), events, shell: &mut Shell| shell.dispatch(events));
                    if let Err(error) = inserted {
                        log_chain(&error.error);
                        shell.end(Exit::Failed);
                    }
                }
                Err(error) => {
                    log_chain(&error);
                    shell.end(Exit::CompositorGone);
                }
            }
        })
        .map_err(|e| Error::Loop(e.error))?;
    shell.begin();

    let exit = loop {
        shell.turn();
        if let Some(exit) = shell.ended() {
            break exit;
        }
        if let Err(error) = event_loop.dispatch(None, &mut shell) {
            tracing::error!("lost the compositor: {error}");
            break Exit::CompositorGone;
        }
    };
    shut_down(shell);
    Ok(exit)
}

/// Ends the engine in order, or at least soon.
fn shut_down(shell: Shell) {
    let limit = std::thread::Builder::new().name("shut-down-limit".to_owned()).spawn(|| {
        std::thread::sleep(SHUT_DOWN_LIMIT);
        tracing::error!(
            "the engine did not end within {} s, killing this process",
            SHUT_DOWN_LIMIT.as_secs()
        );
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    });
    shell.shut_down();
    // Still asleep, the thread ends with the process.
    drop(limit);
}

fn channel(shell: &Kind) -> Result<Channel, Error> {
    Ok(match shell {
        Kind::System { appd_socket, .. } => Channel::Appd(Appd::new(appd_socket.clone())),
        Kind::App { ipc_fd: Some(fd), .. } => {
            let session = sys::adopt_socket(*fd).and_then(Session::new);
            Channel::Session(session.map_err(|source| Error::Ipc(*fd, source))?)
        }
        Kind::App { ipc_fd: None, .. } => Channel::None,
    })
}

/// What the engine shows, the window's app id, and the token that appd waits for.
fn show(options: Options, size: (u32, u32)) -> Result<(Show, String, Option<String>), Error> {
    Ok(match options.shell {
        Kind::System { root, page, .. } => {
            let kit = options.ui_kit.parent().unwrap_or(Path::new("/")).to_owned();
            let folders = vec![(SYSTEM_UI_HOST.to_owned(), root), (SYSTEM_KIT_HOST.to_owned(), kit)];
            let scripts = vec![bridge::system_script()];
            (Show { site: Site::system(), folders, page, scripts, size }, "org.weft.system".to_owned(), None)
        }
        Kind::App { app_id, session_id, package, page, ready_token, .. } => {
            let kit = package::read_trusted(&options.ui_kit).map_err(Error::Kit)?;
            let scripts = vec![kit, bridge::app_script(session_id)];
            let folders = vec![(app_id.clone(), package)];
            (Show { site: Site::app(&app_id), folders, page, scripts, size }, app_id, ready_token)
        }
    })
}

fn log_chain(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    tracing::error!("{text}");
}

/// Wakes the loop from the engine's threads.
#[derive(Clone)]
struct Waker(Ping);

impl EventLoopWaker for Waker {
    fn clone_box(&self) -> Box<dyn EventLoopWaker> {
        Box::new(self.clone())
    }

    fn wake(&self) {
        self.0.ping();
    }
}
