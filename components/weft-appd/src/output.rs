//! What a session's processes print: the line that says they are ready, and lines for the log.

use crate::record::Record;
use crate::sessions::{Role, SessionId};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// A longer line is cut.
const MAX_LINE: usize = 4096;

/// A process said it is ready.
#[derive(Debug, Clone, Copy)]
pub struct Ready {
    pub session: SessionId,
    pub role: Role,
}

/// Reads a pipe to its end, in a task of its own. With a token, the line `READY <token>` is readiness; the first one counts.
pub fn follow(
    pipe: OwnedFd,
    who: Ready,
    token: Option<String>,
    ready: mpsc::Sender<Ready>,
    record: Arc<Record>,
) -> std::io::Result<JoinHandle<()>> {
    let pipe = Receiver::from_owned_fd(pipe)?;
    let expected = token.map(|token| format!("READY {token}"));
    Ok(tokio::spawn(read(pipe, who, expected, ready, record)))
}

async fn read(
    mut pipe: Receiver,
    who: Ready,
    mut expected: Option<String>,
    ready: mpsc::Sender<Ready>,
    record: Arc<Record>,
) {
    let mut buffer = [0; MAX_LINE];
    let mut line = Vec::new();
    while let Some(chunk) = pipe.read(&mut buffer).await.ok().filter(|n| *n > 0).and_then(|n| buffer.get(..n))
    {
        for byte in chunk {
            if *byte != b'\n' && line.len() < MAX_LINE {
                line.push(*byte);
                continue;
            }
            if expected.as_ref().is_some_and(|expected| expected.as_bytes() == line.as_slice()) {
                expected = None;
                // The receiver lives as long as appd does.
                let _ = ready.send(who).await;
            } else {
                log(who, &line, &record);
            }
            line.clear();
        }
    }
    if !line.is_empty() {
        log(who, &line, &record);
    }
}

fn log(who: Ready, line: &[u8], record: &Record) {
    let text: String =
        String::from_utf8_lossy(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    record.keep(&format!("{}: {text}", who.role));
    tracing::info!(target: "session", "{} {}: {text}", who.session, who.role);
}
