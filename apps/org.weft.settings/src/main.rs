//! Settings: the apps of this device, what they may do, how they crashed, and what the device is.
//!
//! The page asks by `{"op":…}` (see [`settings`]); what it is told is an object with one of the fields `apps`, `about`, `crashes`,
//! `crash`, `device` or `error`. `apps` also comes by itself when a session changes.

mod settings;

use settings::{Settings, System};
use weft::app::supervisor::{App, Crash, Details, DeviceDetails, Session};
use weft::app::{ipc, notify, supervisor};

wit_bindgen::generate!({
    path: ["../../wit/weft-app", "wit"],
    world: "weft:settings/settings",
    generate_all,
});

/// The system that the component runs in.
struct Supervisor;

impl System for Supervisor {
    fn apps(&self) -> Result<Vec<App>, String> {
        supervisor::apps()
    }

    fn sessions(&self) -> Result<Vec<Session>, String> {
        supervisor::sessions()
    }

    fn about(&self, app: &str) -> Result<Details, String> {
        supervisor::about(app)
    }

    fn crashes(&self) -> Result<Vec<Crash>, String> {
        supervisor::crashes(None)
    }

    fn device(&self) -> Result<DeviceDetails, String> {
        supervisor::device()
    }

    fn start(&self, app: &str) -> Result<u64, String> {
        supervisor::start(app)
    }

    fn stop(&self, session: u64) -> Result<(), String> {
        supervisor::stop(session)
    }
}

fn main() {
    let settings = Settings::new(Supervisor);
    let messages = ipc::subscribe();
    notify::ready();
    let changes = supervisor::subscribe();
    loop {
        while let Some(message) = ipc::recv() {
            for answer in settings.handle(&message) {
                tell(&answer);
            }
        }
        let mut changed = false;
        while supervisor::change().is_some() {
            changed = true;
        }
        if changed {
            tell(&settings.apps());
        }
        wasi::io::poll::poll(&[&messages, &changes]);
    }
}

fn tell(answer: &serde_json::Value) {
    if let Err(reason) = ipc::send(&answer.to_string()) {
        eprintln!("a message to the page is lost: {reason}");
    }
}
