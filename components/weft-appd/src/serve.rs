//! appd's sockets, signals and timers, around the [`Supervisor`].

use crate::clients::{Clients, Events};
use crate::config::{self, Config};
use crate::peer::Policy;
use crate::store_watch::StoreWatch;
use crate::supervisor::{Senders, Supervisor};
use crate::{sys, told, websocket};
use std::future::pending;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Events that may wait; who makes more of them waits too.
const QUEUE: usize = 64;
/// When an end of all sessions takes longer, appd leaves and the kernel ends them (PR_SET_PDEATHSIG).
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(5);

/// Why appd cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("cannot listen on {}", path.display())]
    Listen { path: PathBuf, source: io::Error },
    #[error("cannot use the socket that was passed as `appd`")]
    Passed(#[source] io::Error),
    #[error(transparent)]
    WebSocket(#[from] websocket::Error),
    #[error("cannot become the reaper of the sessions' orphans")]
    Reaper(#[source] io::Error),
    #[error("cannot wait for signals")]
    Signals(#[source] io::Error),
}

/// Serves until SIGTERM or SIGINT.
pub async fn serve(passed: Option<StdListener>) -> Result<(), Error> {
    let config = Config::from_env()?;
    sys::adopt_orphans().map_err(Error::Reaper)?;
    let mut child_died = signal(SignalKind::child()).map_err(Error::Signals)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let listener = match passed {
        Some(listener) => from_std(listener).map_err(Error::Passed)?,
        None => bind(config.socket.as_deref().ok_or(config::Error::NoSocket)?)?,
    };
    let path = listener.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned));

    let (from_clients, mut client_events) = mpsc::channel(QUEUE);
    let (signs, mut new_signs) = mpsc::channel(QUEUE);
    let (failures, mut new_failures) = mpsc::channel(QUEUE);
    let (components, mut component_events) = mpsc::channel(QUEUE);
    let (reports, mut new_reports) = mpsc::channel(QUEUE);
    let (network, mut network_events) = mpsc::channel(1);
    if let Some(socket) = config.netd.clone() {
        tokio::spawn(told::listen(socket, network));
    }
    let (update, mut update_events) = mpsc::channel(1);
    if let Some(socket) = config.update.clone() {
        tokio::spawn(told::listen(socket, update));
    }
    let events = Events::new(from_clients);
    let clients = Clients::new(Policy::of(path.as_deref()), events.clone());
    let tokens = match (config.web_port, &config.runtime_folder) {
        (Some(port), Some(folder)) => Some(websocket::start(port, folder, events).await?),
        _ => None,
    };
    let mut store = StoreWatch::start(config.places.store());
    let mut supervisor =
        Supervisor::new(config, clients, tokens, Senders { signs, components, reports, failures });
    notify("READY=1");
    supervisor.start_apps();

    let mut watchdog = weft_service::watchdog_interval().map(tokio::time::interval);
    let mut leave_at: Option<tokio::time::Instant> = None;
    loop {
        if leave_at.is_some() && supervisor.is_empty() {
            return Ok(());
        }
        let deadline = supervisor.next_deadline().map(tokio::time::Instant::from_std);
        tokio::select! {
            Some(event) = client_events.recv() => supervisor.client_did(event),
            Some(sign) = new_signs.recv() => supervisor.signalled(sign),
            Some((client, reason)) = new_failures.recv() => supervisor.init_refused(client, reason),
            Some(event) = component_events.recv() => supervisor.component_said(event),
            Some(report) = new_reports.recv() => supervisor.keep_report(report),
            Some(status) = network_events.recv() => supervisor.network_is(status),
            Some(status) = update_events.recv() => supervisor.update_is(status),
            Some(()) = child_died.recv() => supervisor.reap(),
            news = supervisor.news() => supervisor.told(news),
            () = store.changed() => supervisor.apps_changed(),
            () = sleep_until(deadline) => supervisor.tick(),
            () = sleep_until(leave_at) => {
                tracing::error!("sessions do not end, leaving them to the kernel");
                return Ok(());
            }
            () = beat(&mut watchdog) => notify("WATCHDOG=1"),
            connection = listener.accept() => match connection {
                Ok((stream, _)) => supervisor.clients.admit(stream),
                Err(error) => {
                    tracing::error!("cannot take a connection, retrying: {error}");
                    // Out of descriptors: do not ask again at once.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(()) = either(&mut terminate, &mut interrupt), if leave_at.is_none() => {
                notify("STOPPING=1");
                supervisor.shut_down();
                leave_at = Some(tokio::time::Instant::now() + SHUTDOWN_LIMIT);
            }
        }
    }
}

async fn either(
    one: &mut tokio::signal::unix::Signal,
    other: &mut tokio::signal::unix::Signal,
) -> Option<()> {
    tokio::select! {
        got = one.recv() => got,
        got = other.recv() => got,
    }
}

async fn sleep_until(deadline: Option<tokio::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => pending().await,
    }
}

async fn beat(watchdog: &mut Option<tokio::time::Interval>) {
    match watchdog {
        Some(interval) => {
            interval.tick().await;
        }
        None => pending().await,
    }
}

fn notify(state: &str) {
    if let Err(error) = weft_service::notify(state) {
        tracing::warn!("{error}, ignoring");
    }
}

fn from_std(listener: StdListener) -> io::Result<UnixListener> {
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

/// Makes the socket for this user alone, replacing one that a dead appd left.
fn bind(path: &Path) -> Result<UnixListener, Error> {
    let listen = |source| Error::Listen { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(listen)?;
    }
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(listen(io::Error::new(
            io::ErrorKind::AddrInUse,
            "another appd serves there: end it first",
        )));
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(listen(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(listen)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(listen)?;
    Ok(listener)
}
