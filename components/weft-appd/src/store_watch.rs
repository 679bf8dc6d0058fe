//! Notices that apps are installed, updated or removed, whoever does it: each of these moves or removes the app's link in the store
//! (inotify(7)).

use crate::sys;
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::future::pending;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use tokio::io::unix::AsyncFd;
use weft_manifest::AppId;

/// An event takes at most 16 bytes and a name of 255 with its zero.
const BUFFER: usize = 4096;

/// The store where apps are installed. Without a watch, who asks for the apps is told of the change, and nobody else.
#[derive(Debug)]
pub struct StoreWatch(Option<AsyncFd<OwnedFd>>);

impl StoreWatch {
    /// Makes the store's folder where it is missing, since only one that is there can be watched. Must be called within the event loop.
    pub fn start(store: &Path) -> Self {
        match watch(store) {
            Ok(watch) => Self(Some(watch)),
            Err(error) => {
                tracing::info!("changes of {} are not noticed: {error}", store.display());
                Self(None)
            }
        }
    }

    /// Waits for the next change of any app. Safe to be dropped while it waits.
    pub async fn changed(&mut self) {
        loop {
            let Some(watch) = &self.0 else { return pending().await };
            let noticed = match watch.readable().await {
                Ok(mut ready) => ready.try_io(|watch| drain(watch.get_ref())),
                Err(error) => Ok(Err(error)),
            };
            match noticed {
                Ok(Ok(true)) => return,
                Ok(Ok(false)) | Err(_) => {}
                Ok(Err(error)) => {
                    tracing::error!("changes of the store are not noticed any more: {error}");
                    self.0 = None;
                }
            }
        }
    }
}

fn watch(store: &Path) -> io::Result<AsyncFd<OwnedFd>> {
    std::fs::create_dir_all(store)?;
    let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
    let changes = WatchFlags::MOVED_TO | WatchFlags::MOVED_FROM | WatchFlags::DELETE | WatchFlags::ONLYDIR;
    inotify::add_watch(&inotify, store, changes)?;
    sys::watch(inotify)
}

/// Reads what happened so far; whether an app is concerned. An installation makes other names too, which are none of an app.
fn drain(inotify: &OwnedFd) -> io::Result<bool> {
    let mut buffer = [MaybeUninit::uninit(); BUFFER];
    let mut reader = Reader::new(inotify, &mut buffer);
    let mut concerns_an_app = false;
    let mut read_any = false;
    loop {
        match reader.next() {
            Ok(event) => {
                read_any = true;
                let name = event.file_name().and_then(|name| name.to_str().ok());
                // A queue that was too long has no names: anything may have changed.
                concerns_an_app |= name.is_none_or(|name| name.parse::<AppId>().is_ok());
            }
            Err(Errno::AGAIN) if read_any => return Ok(concerns_an_app),
            Err(errno) => return Err(errno.into()),
        }
    }
}
