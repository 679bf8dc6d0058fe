//! What components ask of appd, through their runtimes.

use super::Supervisor;
use crate::device;
use crate::relay::FromComponent;
use crate::services;
use crate::sessions::{ClientId, Event, SessionId};
use weft_ipc::appd::{AppState, Response};
use weft_ipc::session::{self, Answer, App, Ask, Notice, Session};
use weft_manifest::Capability;

impl Supervisor {
    pub fn component_said(&mut self, what: FromComponent) {
        match what {
            FromComponent::Message { session, payload } => {
                self.clients.tell_watchers(session, &Response::IpcMessage { session_id: session, payload });
            }
            FromComponent::Notice { session, notice: Notice::Notification { title, body, icon } } => {
                self.show(session, title, body, icon);
            }
            FromComponent::Notice { session, notice: Notice::Ask { id, ask } } => {
                let answer = self.answer(session, ask);
                let Some(open) = self.open.get(&session) else { return };
                if let Err(reason) = open.notify(Notice::Answer { id, answer }) {
                    tracing::error!("session {session} reads no answers, ending it: {reason}");
                    self.kill(session);
                }
            }
            FromComponent::Notice { session, .. } => {
                self.complain(session, "its component tells what only appd may");
            }
        }
    }

    fn show(&mut self, session: SessionId, title: String, body: String, icon: Option<String>) {
        let Some(open) = self.open.get(&session) else { return };
        let manifest = &open.package.manifest;
        let taken = match manifest.grants(&Capability::Notifications) {
            true => self.services.notifications.take(self.origin.elapsed(), &manifest.id, title, body, icon),
            false => Err(format!("the app was not granted {}", Capability::Notifications)),
        };
        match taken {
            Ok(response) => self.clients.broadcast(&response),
            Err(reason) => self.complain(session, &format!("its notification is dropped: {reason}")),
        }
    }

    /// Logs what a session did wrong, but not without end.
    fn complain(&mut self, session: SessionId, what: &str) {
        let now = self.origin.elapsed();
        if self.open.get_mut(&session).is_some_and(|open| open.complaints.take(now)) {
            tracing::warn!("session {session}: {what}, ignoring");
        }
    }

    fn answer(&mut self, session: SessionId, ask: Ask) -> Answer {
        let Some(open) = self.open.get(&session) else {
            return failed("the session is over");
        };
        if let Err(reason) = services::may_ask(&open.package.manifest, &ask) {
            self.complain(session, &reason);
            return failed(&reason);
        }
        match ask {
            Ask::ReadClipboard => self.services.clipboard.read(),
            Ask::WriteClipboard { text } => self.services.clipboard.write(text),
            Ask::SendToApp { to, kind, payload } => {
                let from = open.package.manifest.id.to_string();
                self.send_to_app(&to, &Notice::AppMessage { from, kind, payload })
            }
            Ask::Apps => {
                let apps = self.packages.installed().into_iter();
                let apps = apps.map(|app| App { app_id: app.app_id, name: app.name, version: app.version });
                Answer::Apps { apps: apps.collect() }
            }
            Ask::About { app_id } => match self.packages.about(&app_id) {
                Ok(about) => Answer::About { about },
                Err(reason) => failed(&reason),
            },
            Ask::Crashes { app_id } => Answer::Crashes { reports: self.reports.list(app_id.as_deref()) },
            Ask::Device => Answer::Device { device: device::describe(&self.config.data_home) },
            Ask::Sessions => Answer::Sessions { sessions: self.sessions_told() },
            Ask::Start { app_id } => match app_id.parse() {
                Ok(app) => {
                    self.launch(ClientId::Session(session), app);
                    self.replied()
                }
                Err(error) => failed(&error.to_string()),
            },
            Ask::Stop { session_id } => {
                let client = ClientId::Session(session);
                self.happened(Event::Terminate { client, session: session_id });
                self.replied()
            }
            Ask::Watch => {
                if let Some(open) = self.open.get_mut(&session) {
                    open.supervises = true;
                }
                Answer::Done
            }
        }
    }

    fn send_to_app(&mut self, to: &str, notice: &Notice) -> Answer {
        let running = self.open.values().filter(|open| open.package.manifest.id.as_str() == to);
        let mut running = running.filter(|open| open.relay.is_some()).peekable();
        if running.peek().is_none() {
            return failed(&format!("{to} is not running"));
        }
        match running.try_for_each(|open| open.notify(notice.clone())) {
            Ok(()) => Answer::Done,
            Err(reason) => failed(&reason),
        }
    }

    fn sessions_told(&self) -> Vec<Session> {
        let sessions = self.sessions.all().into_iter();
        let told = sessions.filter_map(|(session_id, app)| {
            let state = public_state(self.sessions.state(session_id))?;
            Some(Session { session_id, app_id: app.to_string(), state })
        });
        told.collect()
    }

    /// The answer that follows from what was replied to a component's wish.
    fn replied(&mut self) -> Answer {
        let mut answers = std::mem::take(&mut self.replies).into_iter().filter_map(|reply| match reply {
            Response::LaunchAck { session_id, .. } => Some(Answer::Started { session_id }),
            Response::Error { message, .. } => Some(failed(&message)),
            _ => None,
        });
        answers.next_back().unwrap_or(Answer::Done)
    }
}

fn failed(reason: &str) -> Answer {
    Answer::Failed { reason: reason.to_owned() }
}

/// The state as components are told it; `None` for what is no session.
pub fn public_state(state: AppState) -> Option<session::AppState> {
    match state {
        AppState::Starting => Some(session::AppState::Starting),
        AppState::Running => Some(session::AppState::Running),
        AppState::Stopping => Some(session::AppState::Stopping),
        AppState::Stopped => Some(session::AppState::Stopped),
        AppState::NotFound => None,
    }
}
