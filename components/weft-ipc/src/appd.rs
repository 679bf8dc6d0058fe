//! What appd is asked and what it answers, on its Unix socket (MessagePack), its WebSocket and towards the system UI's page (JSON).

use crate::{network, update};
use serde::{Deserialize, Serialize};

/// A request to appd.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Request {
    /// Starts a session of an installed app, or brings its running one to the front. Answered by [`Response::LaunchAck`], and by
    /// [`Response::AppReady`] to everybody once its page is on the screen.
    LaunchApp {
        app_id: String,
        /// The caller's own number for the surface; 0 where it has none.
        #[serde(default)]
        surface_id: u64,
    },
    TerminateApp {
        session_id: u64,
    },
    /// Brings the session's window to the front.
    ActivateApp {
        session_id: u64,
    },
    QueryRunning,
    QueryAppState {
        session_id: u64,
    },
    QueryInstalledApps,
    /// Answered by [`Response::NetworkStatus`] once it is known.
    QueryNetwork,
    /// Answered by [`Response::UpdateStatus`] once it is known.
    QueryUpdate,
    /// Answered by [`Response::Health`].
    QueryHealth,
    /// Drops everything that the device has kept, and restarts it; answered only where that is refused.
    FactoryReset,
    /// Hands `payload` to the session's component as if its page had sent it.
    IpcForward {
        session_id: u64,
        payload: String,
    },
    PanelGesture {
        /// 0 swipe, 1 pinch, 2 hold.
        gesture_type: u32,
        fingers: u32,
        /// Logical pixels.
        dx: f64,
        dy: f64,
    },
    /// How sessions of the app ended that should not have; of all apps when none is named.
    QueryCrashReports {
        #[serde(default)]
        app_id: Option<String>,
    },
}

/// An answer of appd, or something it tells everybody who is connected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Response {
    LaunchAck {
        session_id: u64,
        app_id: String,
    },
    AppReady {
        session_id: u64,
        app_id: String,
    },
    RunningApps {
        sessions: Vec<RunningApp>,
    },
    /// Also told to everybody at every change of state.
    AppState {
        session_id: u64,
        state: AppState,
    },
    /// Also told to everybody when an app was installed, updated or removed.
    InstalledApps {
        apps: Vec<InstalledApp>,
    },
    IpcMessage {
        session_id: u64,
        payload: String,
    },
    NavigationGesture {
        gesture_type: u32,
        fingers: u32,
        dx: f64,
        dy: f64,
    },
    /// A notification of an app, for the system UI to show.
    Notification {
        app_id: String,
        title: String,
        body: String,
        icon: Option<String>,
    },
    /// How the network is; also told to everybody at every change.
    NetworkStatus(network::Status),
    /// How the system is; also told to everybody at every change.
    UpdateStatus(update::Status),
    /// How every app is that runs or should.
    Health {
        apps: Vec<AppHealth>,
    },
    /// The newest first.
    CrashReports {
        reports: Vec<CrashReport>,
    },
    Error {
        code: u32,
        message: String,
    },
}

/// Codes of [`Response::Error`].
pub mod code {
    pub const BAD_REQUEST: u32 = 400;
    /// The first message of a WebSocket was no right HELLO.
    pub const UNAUTHENTICATED: u32 = 401;
    pub const REFUSED: u32 = 403;
    pub const NOT_FOUND: u32 = 404;
    /// The app's data belongs to another publisher.
    pub const CONFLICT: u32 = 409;
    pub const HOST: u32 = 500;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningApp {
    pub session_id: u64,
    pub app_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstalledApp {
    pub app_id: String,
    pub name: String,
    pub version: String,
}

/// How an app is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppHealth {
    pub app_id: String,
    /// 0 where it has none.
    pub session_id: u64,
    /// It starts by itself: the device is there for it.
    pub wanted: bool,
    pub state: AppState,
    pub has_page: bool,
    /// Milliseconds since its page last answered its shell; none before the first time.
    pub page_silent_ms: Option<u64>,
}

/// How a session ended that should not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CrashReport {
    /// Counts up; never used twice.
    pub report_id: u64,
    pub app_id: String,
    pub session_id: u64,
    /// Seconds since 1970-01-01 00:00 UTC, by the device's clock.
    pub time: u64,
    /// `component`, `page`, or a helper of the session.
    pub process: String,
    /// In words.
    pub reason: String,
    /// Limits that the session ran into, in words.
    pub limits: Vec<String>,
    /// Crashes of the app in a row, this one included.
    pub in_a_row: u32,
    /// What the session wrote last, the oldest line first.
    pub last_lines: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppState {
    Starting,
    Running,
    Stopping,
    Stopped,
    NotFound,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_sees_the_names_of_the_interface_reference() {
        let json = |response: &Response| serde_json::to_string(response).unwrap();
        assert_eq!(
            json(&Response::AppState { session_id: 3, state: AppState::NotFound }),
            r#"{"type":"APP_STATE","session_id":3,"state":"not_found"}"#
        );
        assert_eq!(
            json(&Response::InstalledApps {
                apps: vec![InstalledApp {
                    app_id: "a.b.c".into(),
                    name: "C".into(),
                    version: "1.0.0".into()
                }]
            }),
            r#"{"type":"INSTALLED_APPS","apps":[{"app_id":"a.b.c","name":"C","version":"1.0.0"}]}"#
        );
        assert_eq!(
            json(&Response::NetworkStatus(network::Status::default())),
            r#"{"type":"NETWORK_STATUS","online":false,"links":[],"clock":"hardware"}"#
        );
        let request: Request = serde_json::from_str(r#"{"type":"LAUNCH_APP","app_id":"a.b.c"}"#).unwrap();
        assert_eq!(request, Request::LaunchApp { app_id: "a.b.c".into(), surface_id: 0 });
        assert!(serde_json::from_str::<Request>(r#"{"type":"FORMAT_DISK"}"#).is_err());
    }
}
