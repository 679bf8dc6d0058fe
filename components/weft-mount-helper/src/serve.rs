//! The service: requests of appd, one after the other.

use crate::{Places, mount, umount};
use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use weft_ipc::frame;
use weft_ipc::mount::{Answer, Request};

/// Connections at a time; appd needs one.
const MAX_CONNECTIONS: usize = 8;

/// Serves for ever. Who may connect is decided by the socket's permissions: root and appd.
pub fn serve(listener: &UnixListener, places: Places) -> io::Result<()> {
    // Two requests about one mountpoint must not meet.
    let places = Arc::new(Mutex::new(places));
    for stream in listener.incoming() {
        let stream = stream?;
        if Arc::strong_count(&places) > MAX_CONNECTIONS {
            tracing::warn!("refused a connection: {MAX_CONNECTIONS} are open");
            continue;
        }
        let places = places.clone();
        let spawned = std::thread::Builder::new().name("connection".to_owned()).spawn(move || {
            if let Err(error) = converse(stream, &places) {
                tracing::warn!("a connection ended: {error}");
            }
        });
        if let Err(error) = spawned {
            tracing::warn!("cannot start a thread for a connection ({error}), ignoring it");
        }
    }
    Ok(())
}

fn converse(mut stream: UnixStream, places: &Mutex<Places>) -> Result<(), frame::Error> {
    while let Some(request) = frame::read::<Request>(&mut stream)? {
        let places = places.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answer(&places, &request);
        drop(places);
        match &answer {
            Answer::Error { reason } => tracing::warn!("{request:?}: {reason}"),
            Answer::Unmounted { corrupted: true } => tracing::warn!("{request:?}: the image was corrupted"),
            Answer::Mounted { .. } | Answer::Unmounted { .. } => tracing::info!("{request:?}"),
        }
        frame::write(&mut stream, &answer)?;
    }
    Ok(())
}

fn answer(places: &Places, request: &Request) -> Answer {
    let outcome = match request {
        Request::Mount { image, mountpoint } => mount(places, Path::new(image), Path::new(mountpoint))
            .map(|publisher| Answer::Mounted { publisher }),
        Request::Umount { mountpoint } => umount(places, Path::new(mountpoint))
            .map(|unmounted| Answer::Unmounted { corrupted: unmounted.corrupted }),
    };
    outcome.unwrap_or_else(|error| Answer::Error { reason: error.to_string() })
}
