//! Hears what other services tell: how the network is, how the system is. One line for each change.

use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use weft_ipc::line::Line;

/// PID 1 holds the socket open while the service is away: a connection waits there.
const RETRY: Duration = Duration::from_secs(1);

/// Passes on what is told, until nobody listens.
pub async fn listen<T: Line + Send + 'static>(socket: PathBuf, to: mpsc::Sender<T>) {
    while !to.is_closed() {
        if let Err(error) = follow(&socket, &to).await {
            tracing::debug!("nothing is heard at {}: {error}, retrying", socket.display());
        }
        tokio::time::sleep(RETRY).await;
    }
}

async fn follow<T: Line>(socket: &Path, to: &mpsc::Sender<T>) -> std::io::Result<()> {
    let mut reader = BufReader::new(UnixStream::connect(socket).await?);
    let limit = u64::try_from(T::MAX_LINE_LEN).unwrap_or(u64::MAX);
    loop {
        let mut line = String::new();
        (&mut reader).take(limit).read_line(&mut line).await?;
        let Some(status) = T::from_line(&line) else {
            return Err(std::io::Error::other("what is told is no status"));
        };
        if to.send(status).await.is_err() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::UnixListener;
    use weft_ipc::network::Status;

    #[tokio::test]
    async fn every_change_is_heard_and_nonsense_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("netd.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let (sender, mut heard) = mpsc::channel(1);
        let following = tokio::spawn(async move { follow(&path, &sender).await });
        let (mut netd, _) = listener.accept().await.unwrap();
        let online = Status { online: true, ..Status::default() };
        for status in [Status::default(), online] {
            netd.write_all(status.to_line().as_bytes()).await.unwrap();
            assert_eq!(heard.recv().await, Some(status));
        }
        netd.write_all("x".repeat(Status::MAX_LINE_LEN * 2).as_bytes()).await.unwrap();
        assert!(following.await.unwrap().is_err());
    }
}
