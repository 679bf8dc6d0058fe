//! How the apps are, for whoever decides about a release on trial.

use super::Supervisor;
use crate::sessions::{ClientId, SessionId};
use std::time::Instant;
use weft_ipc::appd::{AppHealth, AppState, Request, Response, code};

impl Supervisor {
    /// The page of a session answered its shell.
    pub fn is_alive(&mut self, session: SessionId) {
        if let Some(open) = self.open.get_mut(&session) {
            open.alive = Some(Instant::now());
        }
    }

    /// Every app that runs, and every one that should: those that start by themselves.
    pub(super) fn health(&self) -> Vec<AppHealth> {
        let wanted = |app: &str| self.config.autostart.iter().any(|id| id.as_str() == app);
        let running = self.sessions.all().into_iter().map(|(session, app)| {
            let open = self.open.get(&session);
            let silent = open.and_then(|open| open.alive).map(|alive| alive.elapsed());
            AppHealth {
                wanted: wanted(app.as_str()),
                app_id: app.to_string(),
                session_id: session,
                state: self.sessions.state(session),
                has_page: open.is_some_and(|open| open.package.manifest.ui.is_some())
                    && self.config.shell.is_some(),
                page_silent_ms: silent.map(|silent| u64::try_from(silent.as_millis()).unwrap_or(u64::MAX)),
            }
        });
        let mut health: Vec<AppHealth> = running.collect();
        for app in &self.config.autostart {
            if !health.iter().any(|known| known.app_id == app.as_str()) {
                health.push(AppHealth {
                    app_id: app.to_string(),
                    session_id: 0,
                    wanted: true,
                    state: AppState::NotFound,
                    has_page: true,
                    page_silent_ms: None,
                });
            }
        }
        health
    }

    /// Drops everything that the device has kept: PID 1 does it, and answers with a restart.
    pub(super) fn factory_reset(&mut self, client: ClientId) {
        let Some(socket) = self.config.init.clone() else {
            let problem = "this is no device: there is no PID 1 to ask for a factory reset".to_owned();
            return self.refuse(client, code::HOST, problem);
        };
        tracing::warn!("{client} asked for a factory reset");
        let failures = self.senders.failures.clone();
        tokio::spawn(async move {
            if let Err(reason) = crate::init::factory_reset(&socket).await {
                // The receiver lives as long as appd does.
                let _ = failures.send((client, reason)).await;
            }
        });
    }

    /// What was asked of PID 1 did not happen.
    pub fn init_refused(&mut self, client: ClientId, reason: String) {
        self.refuse(client, code::HOST, reason);
    }

    pub(super) fn asked_about_system(&mut self, client: ClientId, request: &Request) {
        let response = match request {
            Request::QueryHealth => Some(Response::Health { apps: self.health() }),
            Request::QueryUpdate => self.update.clone().map(Response::UpdateStatus),
            Request::QueryNetwork => self.network.clone().map(Response::NetworkStatus),
            _ => None,
        };
        if let Some(response) = response {
            self.clients.reply(client, &response);
        }
    }
}
