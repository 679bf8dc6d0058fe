//! How a session's processes end, and what is left to tidy up.

use super::Supervisor;
use crate::cgroup;
use crate::chain::chain;
use crate::mounts::Mounted;
use crate::sessions::{Crash, End, Role, SessionId};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::task::JoinHandle;
use weft_ipc::appd::{CrashReport, Response, code};
use weft_manifest::AppId;

/// Exit code of `weft-runtime`: the compiled code was made by somebody else, or changed since.
const BAD_CODE: i32 = 7;
/// How long the last lines of a process that died may take to be read.
const LAST_LINES: Duration = Duration::from_millis(500);

impl Supervisor {
    /// What a process's end means beyond itself.
    pub(super) fn after_end(&mut self, session: SessionId, role: Role, end: End) -> End {
        let Some(open) = self.open.get_mut(&session) else { return end };
        match (role, end) {
            (Role::Compiler, End::Done) => {
                match open.making.take().map(|making| making.finish(&self.used_code)) {
                    Some(Ok(())) => End::Done,
                    Some(Err(error)) => {
                        tracing::error!("session {session}: {}", chain(&error));
                        End::Failed(1)
                    }
                    None => End::Failed(1),
                }
            }
            (Role::Runtime, End::Failed(BAD_CODE)) => {
                if let Some(file) = open.code.take() {
                    tracing::error!("the code {} is refused: it is made anew", file.display());
                    // When it stays, it is refused again.
                    let _ = std::fs::remove_file(file);
                }
                end
            }
            _ => end,
        }
    }

    /// Keeps what is known about a crash, once the last lines of the process are read.
    pub(super) fn report(&mut self, crash: &Crash) {
        let Some(open) = self.open.get_mut(&crash.session) else { return };
        let mut limits = open.cgroup.as_ref().map(cgroup::Session::limits_reached).unwrap_or_default();
        limits.extend(crash.limit());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut report = CrashReport {
            report_id: 0,
            app_id: crash.app.to_string(),
            session_id: crash.session,
            time: now.as_secs(),
            process: crash.process.to_string(),
            reason: crash.cause.to_string(),
            limits,
            in_a_row: crash.in_a_row,
            last_lines: Vec::new(),
        };
        let (outputs, others) =
            std::mem::take(&mut open.outputs).into_iter().partition(|(role, _)| *role == crash.process);
        open.outputs = others;
        let outputs: Vec<(Role, JoinHandle<()>)> = outputs;
        let (record, reports) = (open.record.clone(), self.senders.reports.clone());
        tokio::spawn(async move {
            let all = async {
                for (_, task) in outputs {
                    // A task that panicked has read what it could.
                    let _ = task.await;
                }
            };
            // What it left behind may hold the pipe open.
            let _ = tokio::time::timeout(LAST_LINES, all).await;
            report.last_lines = record.last_lines();
            // The receiver lives as long as appd does.
            let _ = reports.send(report).await;
        });
    }

    pub(super) fn clear(&mut self, session: SessionId) {
        self.clients.forget_session(session);
        if let Some(tokens) = &self.tokens {
            tokens.close(session);
        }
        if let Some(compositor) = &self.compositor {
            compositor.destroyed(session);
        }
        let open = self.open.remove(&session);
        if let Some(socket) = open.as_ref().and_then(|open| open.portal_socket.as_ref()) {
            // The next session with this number would replace it anyhow.
            let _ = std::fs::remove_file(socket);
        }
        if let Some(open) = open {
            if let Some(cgroup) = open.cgroup {
                cgroup.kill();
                if !cgroup.remove() {
                    self.leaving.push(cgroup);
                }
            }
            if let Some(mounted) = open.mounted {
                self.unmount(session, &open.package.manifest.id, mounted);
            }
        }
        self.starter.kill_orphans();
    }

    fn unmount(&mut self, session: SessionId, app: &AppId, mounted: Mounted) {
        match mounted.end() {
            Ok(false) => {}
            Ok(true) => {
                let message = format!("the image of {app} is damaged: install it again");
                self.broadcast(&Response::Error { code: code::HOST, message });
            }
            Err(error) => tracing::error!("session {session}: its image stays: {}", chain(&error)),
        }
    }
}
