//! What clients of appd's sockets ask.

use super::Supervisor;
use crate::clients::FromClient;
use crate::packages::Refused;
use crate::sessions::{ClientId, Event, SessionId};
use weft_ipc::appd::{Request, Response, code};
use weft_manifest::AppId;

impl Supervisor {
    pub fn client_did(&mut self, what: FromClient) {
        match what {
            FromClient::Arrived(client, arrival) => {
                self.clients.arrived(client, arrival);
            }
            FromClient::Request(client, request) => self.requested(client, request),
            FromClient::AppMessage(client, session, payload) => self.forward(client, session, payload),
            FromClient::Nonsense(client, code, problem) => self.refuse(client, code, problem),
            FromClient::Gone(client) => self.clients.remove(client),
        }
    }

    fn requested(&mut self, client: ClientId, request: Request) {
        match request {
            Request::LaunchApp { app_id, surface_id: _ } => match app_id.parse() {
                Ok(app) => self.launch(client, app),
                Err(error) => self.refuse(client, code::BAD_REQUEST, format!("{error}")),
            },
            Request::TerminateApp { session_id } => {
                self.happened(Event::Terminate { client, session: session_id })
            }
            Request::ActivateApp { session_id } => {
                self.happened(Event::Activate { client, session: session_id })
            }
            Request::QueryRunning => {
                self.clients.reply(client, &Response::RunningApps { sessions: self.sessions.running() });
            }
            Request::QueryAppState { session_id } => {
                let state = self.sessions.state(session_id);
                self.clients.reply(client, &Response::AppState { session_id, state });
            }
            Request::QueryInstalledApps => {
                let apps = self.packages.installed();
                self.clients.reply(client, &Response::InstalledApps { apps });
            }
            Request::QueryNetwork | Request::QueryUpdate | Request::QueryHealth => {
                self.asked_about_system(client, &request);
            }
            Request::FactoryReset => self.factory_reset(client),
            Request::IpcForward { session_id, payload } => {
                self.clients.watch(client, session_id);
                self.forward(client, session_id, payload);
            }
            Request::PanelGesture { gesture_type, fingers, dx, dy } => {
                self.clients.broadcast(&Response::NavigationGesture { gesture_type, fingers, dx, dy });
            }
            Request::QueryCrashReports { app_id } => {
                let reports = self.reports.list(app_id.as_deref());
                self.clients.reply(client, &Response::CrashReports { reports });
            }
        }
    }

    /// An app was installed, updated or removed.
    pub fn apps_changed(&mut self) {
        let apps = self.packages.installed();
        self.clients.broadcast(&Response::InstalledApps { apps });
    }

    fn forward(&mut self, client: ClientId, session: SessionId, payload: String) {
        let relay = self.open.get(&session).and_then(|open| open.relay.as_ref());
        let refusal = match relay.map(|relay| relay.forward(payload)) {
            Some(Ok(())) => return,
            Some(Err(reason)) => (code::REFUSED, reason),
            None => (code::NOT_FOUND, format!("session {session} has no component")),
        };
        self.refuse(client, refusal.0, refusal.1);
    }

    pub(super) fn launch(&mut self, client: ClientId, app: AppId) {
        match self.packages.open(&app) {
            Ok(launchable) => {
                self.checked = Some(launchable);
                self.happened(Event::Launch { client, app });
                // Kept only for a start that follows at once.
                self.checked = None;
            }
            Err(Refused { code, reason }) => {
                tracing::warn!("{app} is not launched: {reason}");
                self.refuse(client, code, reason);
            }
        }
    }

    pub(super) fn refuse(&mut self, client: ClientId, code: u32, message: String) {
        let response = Response::Error { code, message };
        match client {
            ClientId::Session(_) => self.replies.push(response),
            _ => self.clients.reply(client, &response),
        }
    }
}
