//! What the page asks and what it is told.

use crate::weft::app::supervisor::{App, Crash, Details, DeviceDetails, Session, State};
use serde::Deserialize;
use serde_json::{Value, json};

/// This app, which does not end itself.
const OWN: &str = "org.weft.settings";
/// Apps in one message, which holds 64 KiB at most.
const MAX_APPS: usize = 100;
/// Characters of a text that an app's author or a crash made up.
const MAX_TEXT: usize = 300;

#[derive(Deserialize)]
#[serde(tag = "op", rename_all = "lowercase", deny_unknown_fields)]
enum Request {
    Apps,
    About { app: String },
    Start { app: String },
    Stop { session: u64 },
    Crashes,
    Crash { id: u64 },
    Device,
}

/// What the system answers.
pub trait System {
    fn apps(&self) -> Result<Vec<App>, String>;
    fn sessions(&self) -> Result<Vec<Session>, String>;
    fn about(&self, app: &str) -> Result<Details, String>;
    fn crashes(&self) -> Result<Vec<Crash>, String>;
    fn device(&self) -> Result<DeviceDetails, String>;
    fn start(&self, app: &str) -> Result<u64, String>;
    fn stop(&self, session: u64) -> Result<(), String>;
}

#[derive(Debug)]
pub struct Settings<S>(S);

impl<S: System> Settings<S> {
    pub fn new(system: S) -> Self {
        Self(system)
    }

    /// The answers to a message of the page.
    pub fn handle(&self, message: &str) -> Vec<Value> {
        let answer = match serde_json::from_str(message) {
            Ok(request) => self.answer(request),
            Err(error) => Err(format!("The page said what is not understood: {error}")),
        };
        match answer {
            Ok(answer) => answer.into_iter().collect(),
            Err(reason) => vec![error(&reason)],
        }
    }

    fn answer(&self, request: Request) -> Result<Option<Value>, String> {
        Ok(Some(match request {
            Request::Apps => self.apps(),
            Request::About { app } => self.about(&app),
            Request::Start { app } => {
                let session = self.0.start(&app)?;
                println!("started {app} as session {session}");
                return Ok(None);
            }
            Request::Stop { session } => {
                self.0.stop(session)?;
                println!("stopped session {session}");
                return Ok(None);
            }
            Request::Crashes => {
                let crashes = self.0.crashes()?;
                json!({ "crashes": crashes.iter().map(crash).collect::<Vec<_>>() })
            }
            Request::Crash { id } => {
                let crash = self.0.crashes()?.into_iter().find(|crash| crash.id == id);
                let lines = crash.ok_or("That report is not kept any more")?.last_lines;
                json!({ "crash": { "id": id, "lines": lines } })
            }
            Request::Device => device(&self.0.device()?),
        }))
    }

    /// What is installed, and the sessions of each app.
    pub fn apps(&self) -> Value {
        let (apps, sessions) = match (self.0.apps(), self.0.sessions()) {
            (Ok(apps), Ok(sessions)) => (apps, sessions),
            (Err(reason), _) | (_, Err(reason)) => return error(&reason),
        };
        let shown = apps.iter().take(MAX_APPS).map(|app| {
            let own = sessions.iter().filter(|session| session.app == app.id);
            let own: Vec<Value> =
                own.map(|session| json!({ "id": session.id, "state": state(session.state) })).collect();
            json!({ "id": app.id, "name": short(&app.name), "version": short(&app.version), "self": app.id == OWN,
                "sessions": own })
        });
        json!({ "apps": shown.collect::<Vec<_>>(), "more": apps.len().saturating_sub(MAX_APPS) })
    }

    fn about(&self, app: &str) -> Value {
        match self.0.about(app) {
            Ok(about) => json!({ "about": {
                "app": app,
                "description": short(&about.description),
                "author": short(&about.author),
                "system": about.part_of_system,
                "memory": about.max_memory,
                "storage": about.max_storage,
                "may": about.permissions.iter().map(|item| {
                    json!({ "capability": short(&item.capability), "meaning": short(&item.meaning) })
                }).collect::<Vec<_>>(),
            } }),
            // Installed, but it would not be launched: that is what there is to know about it.
            Err(reason) => json!({ "about": { "app": app, "refused": short(&reason) } }),
        }
    }
}

fn error(reason: &str) -> Value {
    json!({ "error": short(reason) })
}

fn state(state: State) -> &'static str {
    match state {
        State::Starting => "starting",
        State::Running => "running",
        State::Stopping => "stopping",
        State::Stopped => "stopped",
    }
}

/// A crash without its lines, which come one report a message.
fn crash(crash: &Crash) -> Value {
    json!({ "id": crash.id, "app": crash.app, "time": crash.time, "process": crash.process,
        "reason": short(&crash.reason), "limits": crash.limits, "inARow": crash.in_a_row })
}

fn device(device: &DeviceDetails) -> Value {
    json!({ "device": { "name": device.name, "version": device.version, "kernel": device.kernel, "uptime": device.uptime,
        "memory": device.memory, "storage": device.storage, "free": device.storage_free } })
}

fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
