//! What a session's processes print: the lines that say they are ready and alive, and lines for the log.

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

/// A process of a session.
#[derive(Debug, Clone, Copy)]
pub struct Who {
    pub session: SessionId,
    pub role: Role,
}

/// What it said.
#[derive(Debug, Clone, Copy)]
pub enum Sign {
    Ready(Who),
    /// Its page answers.
    Alive(Who),
}

/// Reads a pipe to its end, in a task of its own. With a token, the line `READY <token>` is readiness, where the first one counts, and
/// `ALIVE <token>` a sign of life.
pub fn follow(
    pipe: OwnedFd,
    who: Who,
    token: Option<String>,
    signs: mpsc::Sender<Sign>,
    record: Arc<Record>,
) -> std::io::Result<JoinHandle<()>> {
    let pipe = Receiver::from_owned_fd(pipe)?;
    Ok(tokio::spawn(read(pipe, who, token, signs, record)))
}

async fn read(
    mut pipe: Receiver,
    who: Who,
    token: Option<String>,
    signs: mpsc::Sender<Sign>,
    record: Arc<Record>,
) {
    let mut buffer = [0; MAX_LINE];
    let mut line = Vec::new();
    let mut ready = token.as_ref().map(|token| format!("READY {token}"));
    let alive = token.map(|token| format!("ALIVE {token}"));
    let is = |line: &[u8], expected: &Option<String>| {
        expected.as_ref().is_some_and(|expected| expected.as_bytes() == line)
    };
    while let Some(chunk) = pipe.read(&mut buffer).await.ok().filter(|n| *n > 0).and_then(|n| buffer.get(..n))
    {
        for byte in chunk {
            if *byte != b'\n' && line.len() < MAX_LINE {
                line.push(*byte);
                continue;
            }
            // The receiver lives as long as appd does.
            if is(&line, &ready) {
                ready = None;
                let _ = signs.send(Sign::Ready(who)).await;
            } else if is(&line, &alive) {
                let _ = signs.send(Sign::Alive(who)).await;
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

fn log(who: Who, line: &[u8], record: &Record) {
    let text: String =
        String::from_utf8_lossy(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    record.keep(&format!("{}: {text}", who.role));
    tracing::info!(target: "session", "{} {}: {text}", who.session, who.role);
}
