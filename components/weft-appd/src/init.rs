//! What appd asks of PID 1, by its control socket: one request line, one line back.

use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// PID 1 answers at once or not at all.
const PATIENCE: Duration = Duration::from_secs(5);
const ANSWER_LIMIT: u64 = 1024;

/// Drops everything that the device has kept and restarts it; says why not where PID 1 refuses.
pub async fn factory_reset(socket: &Path) -> Result<(), String> {
    let answer = tokio::time::timeout(PATIENCE, ask(socket, "factory-reset\n")).await;
    match answer {
        Ok(Ok(text)) if text.trim() == "ok" => Ok(()),
        Ok(Ok(text)) => Err(format!("PID 1 refuses the factory reset: {}", text.trim())),
        Ok(Err(error)) => Err(format!("cannot ask PID 1 at {}: {error}", socket.display())),
        Err(_) => Err("PID 1 does not answer".to_owned()),
    }
}

async fn ask(socket: &Path, request: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.take(ANSWER_LIMIT).read_to_string(&mut text).await?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    #[tokio::test]
    async fn a_refusal_is_told_in_words() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("init.sock");
        let listener = UnixListener::bind(&path).unwrap();
        for (answer, expected) in [("ok\n", None), ("error: no\n", Some("error: no"))] {
            let (outcome, asked) = tokio::join!(factory_reset(&path), async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = [0; 14];
                stream.read_exact(&mut request).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
                request
            });
            assert_eq!(&asked, b"factory-reset\n");
            match expected {
                None => assert_eq!(outcome, Ok(())),
                Some(part) => assert!(outcome.unwrap_err().contains(part)),
            }
        }
        assert!(factory_reset(Path::new("/nowhere")).await.unwrap_err().contains("/nowhere"));
    }
}
