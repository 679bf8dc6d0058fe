//! The loop around everything.

use crate::config::{self, Config};
use crate::manager::{Manager, Outlets, Random};
use crate::netlink::{Advertisements, Netlink};
use crate::time::clock::WallClock;
use crate::time::floor::Floor;
use crate::time::{Keeper, Rhythm, Sources};
use crate::{random, since_boot, status};
use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use weft_ipc::network::Status;

/// Packets that may wait.
const QUEUE: usize = 64;
/// For the last words to the state partition; PID 1 waits little longer.
const GOODBYE: Duration = Duration::from_millis(500);

/// Where things are.
#[derive(Debug)]
pub struct Settings {
    pub config: Config,
    /// The file that is written for libc's resolver.
    pub resolver: PathBuf,
    /// Files with seconds since 1970: when the image was built, and the last time that was known to be right.
    pub built: PathBuf,
    pub seen: PathBuf,
    pub rhythm: Rhythm,
    /// Where the status is told.
    pub socket: Option<OwnedFd>,
}

/// Why there is no network.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error("cannot talk to the kernel's network over netlink")]
    Netlink(#[source] io::Error),
    #[error("the kernel has closed the netlink connection")]
    NetlinkGone,
}

fn client_random() -> Random {
    Box::new(|| (random() & u64::from(u32::MAX)) as u32)
}

/// Serves until `stop` is done; then gives leases back. `ready` is called once links are known.
pub async fn run<C: WallClock + Send + 'static>(
    settings: Settings,
    clock: C,
    ready: impl FnOnce(),
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let (changed, gone) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let advertisements = Advertisements::open().map_err(Error::Netlink)?;
    let netlink = Netlink::open(changed.clone(), gone.clone()).map_err(Error::Netlink)?;
    let (events, mut happened) = mpsc::channel(QUEUE);
    let (status_sender, status_receiver) = watch::channel(Status::default());
    let (sources, sources_receiver) = watch::channel(Sources::default());
    let (clock_sender, mut clock_state) = watch::channel(Default::default());

    let floor = Floor::read(&settings.built, &settings.seen);
    let keeper = Keeper::new(clock, floor, settings.rhythm, Box::new(random), clock_sender);
    let keeper = tokio::task::spawn_local(keeper.run(sources_receiver));
    let telling = settings.socket.map(|socket| {
        tokio::task::spawn_local(async move {
            if let Err(error) = status::serve(socket, status_receiver).await {
                tracing::error!("nobody is told of the network: {error}");
            }
        })
    });
    let outlets = Outlets { resolver: settings.resolver, status: status_sender, sources };
    let mut manager = Manager::new(settings.config, netlink, events, client_random, outlets);
    manager.clock = *clock_state.borrow_and_update();
    manager.look().await;
    ready();
    tokio::pin!(stop);
    let outcome = loop {
        let pause = manager.deadline().map(|at| at.saturating_sub(since_boot()));
        tokio::select! {
            () = &mut stop => break Ok(()),
            () = gone.notified() => break Err(Error::NetlinkGone),
            () = changed.notified() => manager.look().await,
            Some(what) = happened.recv() => manager.happened(what).await,
            () = sleep(pause) => manager.tick().await,
            Ok(()) = clock_state.changed() => {
                manager.clock = *clock_state.borrow_and_update();
                manager.publish();
            }
            found = advertisements.next() => match found {
                Ok(found) => found.iter().for_each(|one| manager.advertised(one)),
                // The kernel had no room: routers repeat themselves.
                Err(error) => tracing::debug!("router advertisements were lost: {error}"),
            },
        }
    };
    manager.release().await;
    // The keeper ends when nobody tells it of servers any more.
    drop(manager);
    let _ = tokio::time::timeout(GOODBYE, keeper).await;
    telling.inspect(tokio::task::JoinHandle::abort);
    outcome
}

async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}
