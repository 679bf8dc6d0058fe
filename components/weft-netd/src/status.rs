//! Tells whoever connects to `/run/weft/netd.sock` how the network is: a line at once, and one at every change.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use weft_ipc::line::Line;
use weft_ipc::network::Status;

/// Who may listen at a time.
const MAX_LISTENERS: usize = 16;
/// Who does not read is cut off.
const WRITE_LIMIT: Duration = Duration::from_secs(10);

/// Serves until the task is dropped.
pub async fn serve(socket: OwnedFd, status: watch::Receiver<Status>) -> io::Result<()> {
    let socket = StdListener::from(socket);
    socket.set_nonblocking(true)?;
    let listener = UnixListener::from_std(socket)?;
    let places = Arc::new(Semaphore::new(MAX_LISTENERS));
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(connection) => connection,
            Err(error) => {
                tracing::warn!("cannot take a connection: {error}, retrying");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tracing::warn!("{MAX_LISTENERS} programs listen already, ignoring another one");
            continue;
        };
        let status = status.clone();
        tokio::spawn(async move {
            tell(stream, status).await;
            drop(place);
        });
    }
}

async fn tell(stream: UnixStream, mut status: watch::Receiver<Status>) {
    let (mut reader, mut writer) = stream.into_split();
    let talk = async {
        loop {
            let line = status.borrow_and_update().to_line();
            let written = tokio::time::timeout(WRITE_LIMIT, writer.write_all(line.as_bytes())).await;
            if !matches!(written, Ok(Ok(()))) || status.changed().await.is_err() {
                return;
            }
        }
    };
    // Nothing is to be said to us; the end of the stream is what is waited for.
    let closed =
        async { while matches!(tokio::io::AsyncReadExt::read(&mut reader, &mut [0; 64]).await, Ok(1..)) {} };
    tokio::select! {
        () = talk => {}
        () = closed => {}
    }
}
